//! The report: one page that opens in a browser, charts and all, and needs nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::chart;
use super::disturbance;
use super::document;
use super::figures::{Figure, Run};
use super::goals::Verdict;
use super::measure::cannot;
use super::table::{self, Table};
use crate::failure::Failure;

/// Writes `report.html`, and says where it is.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(folder: &Path, run: &Run, verdicts: &[Verdict]) -> Result<PathBuf, Failure> {
    let path = folder.join("report.html");
    let has_criterion = folder.join("criterion/report/index.html").is_file();
    let page = html(run, verdicts, has_criterion);
    fs::write(&path, page).map_err(|error| cannot("write", &path, &error))?;
    Ok(path)
}

/// The run and its verdicts, for programs.
pub(crate) fn json(run: &Run, verdicts: &[Verdict]) -> String {
    #[derive(Serialize)]
    struct Json<'a> {
        #[serde(flatten)]
        run: &'a Run,
        verdicts: &'a [Verdict],
    }
    serde_json::to_string_pretty(&Json { run, verdicts }).expect("a run has a JSON form")
}

const STYLE: &str = "\
body { font: 15px/1.45 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: .5rem 0 1rem } td, th { padding: .15rem .7rem; text-align: right }
td:first-child, th:first-child { text-align: left } tr:nth-child(even) { background: #f4f5f7 }
.missed { color: #b00020; font-weight: 600 } svg { max-width: 100%; height: auto } dt { font-weight: 600 }";

fn html(run: &Run, verdicts: &[Verdict], has_criterion: bool) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <title>The session cache beside its peers</title>\n<style>{STYLE}</style>\n\
         <h1>The session cache beside its peers</h1>\n<dl>\n"
    );
    for (name, value) in document::facts(run) {
        page.push_str(&format!("<dt>{name}</dt><dd>{}</dd>\n", escaped(&value)));
    }
    page.push_str("</dl>\n");
    if let Some(disturbance) = disturbance::of(run) {
        page.push_str(&format!("<p class=\"missed\">{}</p>\n", escaped(&disturbance)));
    }
    if has_criterion {
        page.push_str(
            "<p><a href=\"criterion/report/index.html\">Criterion's own pages</a>: every row, with its \
             distribution.</p>\n",
        );
    }
    if !verdicts.is_empty() {
        page.push_str("<h2>Floors and goals</h2>\n");
        page.push_str(&html_table(&table::of_verdicts(verdicts)));
    }
    for table in table::tables(run) {
        page.push_str(&format!("<h2>{}</h2>\n", escaped(&table.title)));
        page.push_str(&format!("<p>{}</p>\n", escaped(document::about(&table.title))));
        page.push_str(&html_table(&table));
        if let Some(caveat) = document::caveat(&table.title) {
            page.push_str(&format!("<p>{}</p>\n", escaped(caveat)));
        }
        let part = |question: &&str| {
            *question == table.title || question.starts_with(&format!("{}.", table.title))
        };
        for question in run.questions().into_iter().filter(part) {
            for (title, figures) in charts(run, question) {
                page.push_str(&chart::bars(&title, &figures));
                page.push('\n');
            }
        }
    }
    page.push_str("</html>\n");
    page
}

/// Of one question: a chart for each size, threads together, the best first.
fn charts<'a>(run: &'a Run, question: &str) -> Vec<(String, Vec<&'a Figure>)> {
    let figures = || run.figures.iter().filter(|figure| figure.question == question);
    let mut sizes: Vec<usize> = figures().map(|figure| figure.size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let of_size = |size: usize| {
        let mut of_size: Vec<_> = figures().filter(|figure| figure.size == size).collect();
        of_size.sort_by(|a, b| {
            a.threads.cmp(&b.threads).then_with(|| match a.unit.as_str() {
                "%" | "/s" => b.value.total_cmp(&a.value),
                _ => a.value.total_cmp(&b.value),
            })
        });
        (format!("{question}, {size}"), of_size)
    };
    sizes.into_iter().map(of_size).collect()
}

fn html_table(table: &Table) -> String {
    let row = |cells: &[String], tag: &str| {
        let cells: String = cells
            .iter()
            .map(|cell| {
                let class = if cell == "MISSED" { " class=\"missed\"" } else { "" };
                format!("<{tag}{class}>{}</{tag}>", escaped(cell))
            })
            .collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = table.rows.iter().map(|cells| row(cells, "td")).collect();
    format!("<table>\n{}{rows}</table>\n", row(&table.head, "th"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_become_tags() {
        assert_eq!(
            escaped("Mutex<HashMap> & \"queue\""),
            "Mutex&lt;HashMap&gt; &amp; &quot;queue&quot;"
        );
    }
}

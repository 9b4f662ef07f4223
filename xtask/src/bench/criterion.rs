//! Reads what criterion leaves in its folder: one `new/benchmark.json` and `new/sample.json` a row.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::figures::Figure;
use crate::failure::Failure;

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
}

/// `times[i]` nanoseconds for `iters[i]` operations.
#[derive(Deserialize)]
struct Sample {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// Reads the figures of one run; the folder was empty before it.
///
/// # Errors
/// When a file is not what criterion 0.8 writes.
pub(crate) fn read(folder: &Path) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    for group in folders(folder)? {
        for function in folders(&group)? {
            for value in folders(&function)? {
                let new = value.join("new");
                if new.join("benchmark.json").is_file() {
                    figures.push(figure(&new)?);
                }
            }
        }
    }
    Ok(figures)
}

fn figure(folder: &Path) -> Result<Figure, Failure> {
    let benchmark: Benchmark = json(&folder.join("benchmark.json"))?;
    let sample: Sample = json(&folder.join("sample.json"))?;
    let each = sample.times.iter().zip(&sample.iters);
    let mut nanos: Vec<f64> = each.map(|(time, operations)| time / operations).collect();
    nanos.sort_by(f64::total_cmp);
    let value = benchmark.value_str.unwrap_or_default();
    let (Some((size, threads)), false) = (size_and_threads(&value), nanos.is_empty()) else {
        let path = folder.display();
        return Err(Failure::failed(format!("{path}: no row of session-bench: `{value}`")));
    };
    let at = |share: f64| nanos[((nanos.len() - 1) as f64 * share).round() as usize];
    Ok(Figure {
        question: benchmark.group_id,
        peer: benchmark.function_id.unwrap_or_default(),
        size,
        threads,
        value: at(0.5),
        low: at(0.25),
        high: at(0.75),
        unit: "ns".to_string(),
    })
}

/// Reads "20480 sessions, 2 threads".
fn size_and_threads(value: &str) -> Option<(usize, usize)> {
    let (size, threads) = value.strip_suffix(" threads")?.split_once(" sessions, ")?;
    Some((size.parse().ok()?, threads.parse().ok()?))
}

fn folders(folder: &Path) -> Result<Vec<std::path::PathBuf>, Failure> {
    let entries = fs::read_dir(folder)
        .map_err(|error| Failure::failed(format!("cannot list {}: {error}", folder.display())))?;
    Ok(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

fn json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, Failure> {
    let read = fs::read_to_string(path).map_err(|error| error.to_string());
    read.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()))
        .map_err(|why| Failure::failed(format!("cannot read {}: {why}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_names_size_and_threads() {
        assert_eq!(size_and_threads("20480 sessions, 2 threads"), Some((20_480, 2)));
        assert_eq!(size_and_threads("20480 sessions"), None);
        assert_eq!(size_and_threads("many sessions, 2 threads"), None);
    }
}

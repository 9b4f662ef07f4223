//! Bars, as SVG by plotters: a chart for each question and size.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::figures::{Figure, shown};
use super::goals::OURS;

/// Beyond this ratio of longest to shortest the bars are on a logarithmic scale.
const LINEAR_MAX: f64 = 20.0;

const WIDTH: u32 = 860;
const BAR: u32 = 22;
const HEAD: u32 = 34;
const NAMES: i32 = 260;
const VALUES: i32 = 110;

/// Draws one bar for each figure, in the order given.
pub(crate) fn bars(title: &str, figures: &[&Figure]) -> String {
    let mut svg = String::new();
    let height = HEAD + BAR * u32::try_from(figures.len()).unwrap_or(0) + 8;
    let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
    // A string takes anything: there is no way for drawing on one to fail.
    draw(&area, title, figures).expect("a chart fits a string");
    area.present().expect("a chart fits a string");
    drop(area);
    svg
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn draw<'a>(area: &Area<'a>, title: &str, figures: &[&Figure]) -> Drawn<'a> {
    let positive = || figures.iter().map(|figure| figure.value.max(0.0));
    let longest = positive().fold(0.0, f64::max);
    let shortest = positive().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
    let is_logarithmic = longest / shortest > LINEAR_MAX && figures.iter().all(|f| f.unit != "%");
    let note = if is_logarithmic { "  (logarithmic scale)" } else { "" };
    let font = ("sans-serif", 16).into_font();
    area.draw(&Text::new(format!("{title}{note}"), (4, 8), font))?;
    let room = f64::from(WIDTH as i32 - NAMES - VALUES);
    for (place, figure) in figures.iter().enumerate() {
        let top = (HEAD + BAR * u32::try_from(place).unwrap_or(0)) as i32;
        let value = figure.value.max(0.0);
        let share = if longest <= 0.0 {
            0.0
        } else if is_logarithmic {
            // The shortest has a bar too.
            let decades = (longest / shortest).log10() + 0.3;
            if value > 0.0 { 1.0 - (longest / value).log10() / decades } else { 0.0 }
        } else {
            value / longest
        };
        let end = NAMES + (room * share) as i32;
        let is_ours = OURS.contains(&figure.peer.as_str());
        let color = if is_ours { RGBColor(38, 110, 190) } else { RGBColor(165, 170, 178) };
        let bar = [(NAMES, top + 2), (end.max(NAMES + 1), top + BAR as i32 - 3)];
        area.draw(&Rectangle::new(bar, color.filled()))?;
        let font = ("sans-serif", 13).into_font();
        area.draw(&Text::new(label(figure), (4, top + 4), font.clone()))?;
        area.draw(&Text::new(shown(figure.value, &figure.unit), (end + 6, top + 4), font))?;
    }
    Ok(())
}

fn label(figure: &Figure) -> String {
    match figure.threads {
        1 => figure.peer.clone(),
        threads => format!("{}, {threads} threads", figure.peer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chart_has_a_bar_a_name_and_a_figure_for_each() {
        let figure = |peer: &str, value| Figure {
            question: "q".into(),
            peer: peer.into(),
            size: 1,
            threads: 2,
            value,
            low: value,
            high: value,
            wall: None,
            unit: "ns".into(),
        };
        let (ours, other) = (figure("session-cache", 40.0), figure("Mutex<HashMap>", 86_555.0));
        let svg = bars("take", &[&ours, &other]);
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 2);
        for words in ["logarithmic", "session-cache, 2 threads", "Mutex&lt;HashMap&gt;", "86.6 us"]
        {
            assert!(svg.contains(words), "{words} is not in {svg}");
        }
    }
}

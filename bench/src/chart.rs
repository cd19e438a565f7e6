//! The chart of a benchmark: an SVG with three horizontal bars per query on a
//! logarithmic time axis, so that queries of 2 ms and of 20 s fit on one page.

use std::fmt::Write as _;

use crate::report::{Report, show_ms};
use crate::stats::speedup;

const LEFT: f64 = 60.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 78.0;
const BOTTOM: f64 = 34.0;
const WIDTH: f64 = 860.0;
const BAR: f64 = 9.0;
const GROUP: f64 = 3.0 * BAR + 9.0;

/// Name and colour of the bars, in the order of [`bars`].
const SERIES: [(&str, &str); 3] =
    [("PostgreSQL alone", "#9aa5b1"), ("pg_fusion on", "#1f6feb"), ("pg_fusion forced", "#8dc5ff")];

/// Draws a report.
pub fn svg(report: &Report) -> String {
    let height = TOP + GROUP * report.queries.len() as f64 + BOTTOM;
    let axis = Axis::covering(report);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    header(&mut out, report);
    grid(&mut out, &axis, height);
    for (index, entry) in report.queries.iter().enumerate() {
        let top = TOP + GROUP * index as f64;
        let middle = top + 1.5 * BAR + 4.0;
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            entry.query
        );
        for (bar, time) in [entry.off_ms, entry.on_ms, entry.force_ms].into_iter().enumerate() {
            bar_of(&mut out, &axis, top + BAR * bar as f64, SERIES[bar].1, time);
        }
        if let Some(ratio) = speedup(entry.off_ms, entry.on_ms) {
            let _ = writeln!(
                out,
                "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\" font-weight=\"bold\">{ratio:.2}×</text>",
                WIDTH - 10.0
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

fn header(out: &mut String, report: &Report) {
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"24\" font-size=\"16\">TPC-H scale factor {}, indexes: {}, \
         PostgreSQL {}: ms, logarithmic</text>",
        report.scale,
        report.indexes,
        escape(report.short_version())
    );
    for (index, (name, colour)) in SERIES.iter().enumerate() {
        let x = LEFT + 170.0 * index as f64;
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"38\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"48\">{name}</text>",
            x + 18.0
        );
    }
    let _ =
        writeln!(out, "<text x=\"{}\" y=\"48\" text-anchor=\"end\">off ÷ on</text>", WIDTH - 10.0);
}

fn grid(out: &mut String, axis: &Axis, height: f64) {
    for power in axis.low..=axis.high {
        let x = axis.x(10f64.powi(power));
        let bottom = height - BOTTOM;
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#dfe3e8\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{}</text>",
            TOP - 6.0,
            bottom + 18.0,
            10f64.powi(power)
        );
    }
}

fn bar_of(out: &mut String, axis: &Axis, y: f64, colour: &str, time: Option<f64>) {
    let label_y = y + BAR - 1.5;
    let _ = match time {
        Some(ms) => {
            let end = axis.x(ms);
            writeln!(
                out,
                "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{:.1}\" height=\"{}\" fill=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{label_y}\" font-size=\"8.5\" fill=\"#333\">{}</text>",
                end - LEFT,
                BAR - 1.0,
                end + 3.0,
                show_ms(Some(ms))
            )
        }
        None => writeln!(
            out,
            "<text x=\"{}\" y=\"{label_y}\" font-size=\"8.5\" fill=\"#b00020\">no time</text>",
            LEFT + 3.0
        ),
    };
}

/// A logarithmic axis between two powers of ten.
struct Axis {
    low: i32,
    high: i32,
}

impl Axis {
    fn covering(report: &Report) -> Self {
        let times = || {
            let all = report.queries.iter().flat_map(|q| [q.off_ms, q.on_ms, q.force_ms]);
            all.flatten().filter(|ms| *ms > 0.0)
        };
        let least = times().fold(f64::INFINITY, f64::min);
        let most = times().fold(0.0, f64::max);
        if !least.is_finite() {
            return Self { low: 0, high: 1 };
        }
        let low = least.log10().floor() as i32;
        Self { low, high: (most.log10().ceil() as i32).max(low + 1) }
    }

    fn x(&self, ms: f64) -> f64 {
        let span = f64::from(self.high - self.low);
        // A bar of the least time would be invisible without its two points.
        let share = (ms.max(1e-9).log10() - f64::from(self.low)) / span;
        LEFT + share.max(0.0) * (WIDTH - LEFT - RIGHT - 30.0) + 2.0
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::QueryResult;

    #[test]
    fn every_query_and_time_is_drawn() {
        let results = [
            QueryResult::fake("q01", [Some(2000.0), Some(500.0), Some(400.0)]),
            QueryResult::fake("q17", [None, Some(3.0), Some(2.5)]),
        ];
        let report = Report::new(1.0, "none", 3, "15<beta> (Debian)".to_owned(), &results);
        let text = svg(&report);
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
        assert_eq!(text.matches("height=\"8\"").count(), 5, "five bars");
        assert_eq!(text.matches("no time").count(), 1);
        assert!(text.contains(">q17<") && text.contains(">4.00×<"));
        assert!(text.contains("15&lt;beta&gt;:"));
        assert!(!text.contains("NaN") && !text.contains("inf"));
    }

    #[test]
    fn a_report_without_times_still_draws() {
        let results = [QueryResult::fake("q01", [None, None, None])];
        let text = svg(&Report::new(1.0, "pk", 1, "15".to_owned(), &results));
        assert!(!text.contains("NaN") && !text.contains("inf"));
    }

    #[test]
    fn longer_times_have_longer_bars() {
        let axis = Axis { low: 0, high: 4 };
        assert!(axis.x(1.0) > LEFT);
        assert!(axis.x(10.0) < axis.x(100.0));
        assert!(axis.x(10_000.0) < WIDTH - RIGHT);
    }
}

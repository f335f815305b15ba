//! The rounds as a picture: a bar for the median of each proxy, with a dot for each round. Text by hand: nothing is needed to draw it.

use std::fmt::Write as _;

use super::rounds::Measured;
use super::table::{bytes, median};

const WIDTH: f64 = 760.0;
/// Room for names, before the bars.
const LEFT: f64 = 150.0;
/// Room for figures, behind the longest bar.
const RIGHT: f64 = 90.0;
const TITLE: f64 = 34.0;
const ROW: f64 = 26.0;
const BAR: f64 = 16.0;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1b1f24}.t{font-weight:600}.lb{fill:#2f6fde}.other{fill:#9aa4b2}\
    .dot{fill:#1b1f24;fill-opacity:.55}.back{fill:#fff}\
    @media(prefers-color-scheme:dark){text,.dot{fill:#e6e8eb}.other{fill:#6b7480}.back{fill:#16181c}}";

/// A picture of all sizes, one below the other; each has a scale of its own, from zero.
pub(super) fn draw(sizes: &[(usize, Vec<Measured>)]) -> String {
    let height: f64 = sizes.iter().map(|(_, measured)| TITLE + ROW * measured.len() as f64 + 12.0).sum();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\">\n\
         <style>{STYLE}</style>\n<rect class=\"back\" width=\"100%\" height=\"100%\"/>\n"
    );
    let mut top = 0.0;
    for (size, measured) in sizes {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(
            svg,
            "<text class=\"t\" x=\"8\" y=\"{}\">{}: CPU per request, µs (bar: median, dot: a round)</text>",
            top + 22.0,
            bytes(*size)
        );
        top += TITLE;
        let rounds = measured.iter().flat_map(|one| &one.rounds).map(|round| round.cpu);
        let most = rounds.fold(0.0, f64::max);
        let place = |value: f64| if most > 0.0 { value / most * (WIDTH - LEFT - RIGHT) } else { 0.0 };
        for one in measured {
            row(&mut svg, one, top, &place);
            top += ROW;
        }
        top += 12.0;
    }
    svg + "</svg>\n"
}

fn row(svg: &mut String, one: &Measured, top: f64, place: &dyn Fn(f64) -> f64) {
    let middle = top + ROW / 2.0;
    let text = middle + 4.5;
    let value = median(one.rounds.iter().map(|round| round.cpu).collect());
    let length = place(if value.is_nan() { 0.0 } else { value });
    let class = if one.kind == super::proxy::Kind::Lb { "lb" } else { "other" };
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\">{}</text>\
         <rect class=\"{class}\" x=\"{LEFT}\" y=\"{}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>",
        LEFT - 8.0,
        escaped(&one.name),
        middle - BAR / 2.0
    );
    let mut last = length;
    for round in &one.rounds {
        let x = place(round.cpu);
        last = last.max(x);
        let _ = write!(
            svg,
            "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{middle}\" r=\"3\"><title>{:.2} µs</title></circle>",
            LEFT + x,
            round.cpu
        );
    }
    let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{text}\">{value:.2}</text>", LEFT + last + 10.0);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::proxy::Kind;
    use super::super::rounds::Round;
    use super::*;

    #[test]
    fn each_proxy_has_a_bar_and_each_round_a_dot() {
        let measured = |name: &str, kind, cpu: &[f64]| {
            let round = |&cpu| Round { cpu, rate: 1.0, busy: 0.5, opened: 2 };
            Measured { name: name.into(), kind, rounds: cpu.iter().map(round).collect() }
        };
        let all = vec![
            measured("lb<1>", Kind::Lb, &[10.0, 20.0, 10.0]),
            measured("HAProxy", Kind::HaProxy, &[26.0, 20.0]),
        ];
        let svg = draw(&[(128, all), (10_240, Vec::new())]);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
        assert_eq!(
            (svg.matches("<rect class=\"lb\"").count(), svg.matches("<circle").count()),
            (1, 5),
            "{svg}"
        );
        // The longest dot is at the end of the room for bars, 520 wide.
        assert!(svg.contains("width=\"200.0\"") && svg.contains("cx=\"670.0\""), "{svg}");
        assert!(svg.contains("lb&lt;1&gt;") && svg.contains("10 KB: CPU"), "{svg}");
        for tag in ["svg", "text", "circle", "title"] {
            let ends = svg.matches(&format!("</{tag}>")).count();
            assert_eq!(
                svg.matches(&format!("<{tag} ")).count() + svg.matches(&format!("<{tag}>")).count(),
                ends,
                "{tag}"
            );
        }
    }
}

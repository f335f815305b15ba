//! Draws what a deployment printed as an SVG that plays it in its own time. For README:
//!
//! ```sh
//! cargo run -p compose -- deploy | cargo run -p compose --example record -- "cargo run -p compose -- deploy" > docs/images/deploy.svg
//! ```
//!
//! The argument is the command that the first line shows. Lines of the clients (`client0 | …`) are left out. Viewers without animation show all lines at once. Nothing is made up: a line appears at the time that it begins with.

use std::fmt::Write as _;
use std::io::{self, Read as _};

/// Pixels.
const LINE_HEIGHT: usize = 20;
const WIDTH: usize = 860;
const MARGIN: usize = 20;
/// The bar at the top, with the command.
const BAR: usize = 36;
/// The longest line that fits, characters.
const LONGEST: usize = 98;

fn main() -> io::Result<()> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text)?;
    let command = std::env::args().nth(1).unwrap_or_else(|| "compose deploy".to_owned());
    print!("{}", draw(&command, &text));
    Ok(())
}

/// The drawing of what `command` printed.
fn draw(command: &str, text: &str) -> String {
    let lines = timed(text);
    let height = BAR + 2 * MARGIN + lines.len() * LINE_HEIGHT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <title>A rolling deployment under traffic: three nodes replaced, no request failed</title>\n\
         <style>\n\
         text {{ font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, \"DejaVu Sans Mono\", monospace; fill: #d6deeb; white-space: pre }}\n\
         .dim {{ fill: #8a97ab }} .good {{ fill: #7ee2a0 }} .bad {{ fill: #ff8f8f }}\n\
         @keyframes appear {{ from {{ opacity: 0 }} to {{ opacity: 1 }} }}\n\
         .line {{ animation: appear 0.15s both }}\n\
         @media (prefers-reduced-motion: reduce) {{ .line {{ animation: none }} }}\n\
         </style>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" rx=\"8\" fill=\"#10151f\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" class=\"dim\">$ {}</text>\n",
        escape(command)
    );
    for (at, (seconds, line)) in lines.iter().enumerate() {
        let y = BAR + MARGIN + at * LINE_HEIGHT;
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<text x=\"{MARGIN}\" y=\"{y}\" class=\"line {}\" style=\"animation-delay: {seconds:.2}s\">{}</text>",
            color(line),
            escape(line)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// The lines with the seconds after which they appear: those without a time come with the one before.
fn timed(text: &str) -> Vec<(f64, String)> {
    let mut last = 0.0;
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.contains(" | "));
    lines
        .map(|line| {
            let time = line.strip_prefix('[').and_then(|rest| rest.split_once("s]"));
            last = time.and_then(|(seconds, _)| seconds.trim().parse().ok()).unwrap_or(last);
            (last, line.chars().take(LONGEST).collect())
        })
        .collect()
}

fn color(line: &str) -> &'static str {
    if line.contains("requests, 0 failed") {
        "good"
    } else if line.contains(" failed") && !line.contains("0 failed") {
        "bad"
    } else if line.starts_with('[') {
        ""
    } else {
        "dim"
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_appear_at_their_times_and_are_escaped() {
        let svg = draw(
            "compose",
            "[  0.500s] a <b>\n\nclient0 | chatter\n  node\n[  2.250s] end\n7 requests, 0 failed\n",
        );
        assert!(!svg.contains("chatter"));
        for part in [
            "delay: 0.50s\">[  0.500s] a &lt;b&gt;<",
            "class=\"line dim\" style=\"animation-delay: 0.50s\">  node<",
            "delay: 2.25s\">[  2.250s] end<",
            "class=\"line good\" style=\"animation-delay: 2.25s\">7 requests",
        ] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
    }
}

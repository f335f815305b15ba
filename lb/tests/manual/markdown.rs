//! What the tests need of Markdown: links, the anchors of headings, and code blocks.

use std::collections::HashSet;

/// A document.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// Targets of links and pictures.
    pub(crate) links: Vec<String>,
    /// Anchors of headings, as GitHub and mdBook make them.
    pub(crate) anchors: HashSet<String>,
    /// Code in text.
    pub(crate) code: Vec<String>,
    blocks: Vec<Block>,
}

#[derive(Debug)]
struct Block {
    language: String,
    line: usize,
    text: String,
}

// === impl Document ===

impl Document {
    pub(crate) fn parse(text: &str) -> Self {
        let mut document = Self::default();
        let mut open: Option<Block> = None;
        for (number, line) in text.lines().enumerate() {
            match (line.trim_start().strip_prefix("```"), open.take()) {
                (Some(_), Some(block)) => document.blocks.push(block),
                (Some(language), None) => {
                    open =
                        Some(Block { language: language.to_owned(), line: number + 2, text: String::new() });
                }
                (None, Some(mut block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                    open = Some(block);
                }
                (None, None) => document.prose(line),
            }
        }
        document
    }

    fn prose(&mut self, line: &str) {
        let heading = line.trim_start_matches('#');
        if heading.len() < line.len() && heading.starts_with(' ') {
            let anchor = anchor(heading.trim());
            let again = (1..).map(|number| format!("{anchor}-{number}"));
            let free = [anchor.clone()].into_iter().chain(again).find(|name| !self.anchors.contains(name));
            self.anchors.extend(free);
        }
        self.code.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        let without_code: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        let mut rest = without_code.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let (target, after) = after.split_once(')').unwrap_or((after, ""));
            self.links.push(target.split_whitespace().next().unwrap_or_default().to_owned());
            rest = after;
        }
        for mark in ["src=\"", "href=\""] {
            let targets = without_code.split(mark).skip(1).filter_map(|after| after.split_once('"'));
            self.links.extend(targets.map(|(target, _)| target.to_owned()));
        }
    }

    /// Code blocks in a language, with the number of their first line.
    pub(crate) fn blocks<'a>(&'a self, language: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
        let of = self.blocks.iter().filter(move |block| block.language == language);
        of.map(|block| (block.line, block.text.as_str()))
    }
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    heading
        .to_lowercase()
        .chars()
        .filter(kept)
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

#[test]
fn links_anchors_and_blocks_are_found() {
    let text = "# A `b` c!\n[x](y.md#z) `[no](no)` ![p](q.svg)\n```toml\na = 1\n[no](no)\n```\n## A b c\n";
    let document = Document::parse(text);
    assert_eq!(document.links, ["y.md#z", "q.svg"]);
    assert!(document.anchors.contains("a-b-c") && document.anchors.contains("a-b-c-1"));
    assert_eq!(document.blocks("toml").collect::<Vec<_>>(), [(4, "a = 1\n[no](no)\n")]);
}

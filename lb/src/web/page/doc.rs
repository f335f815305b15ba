//! The page as a document of named parts, so that viewers are sent only what has changed since the previous
//! document.
//!
//! Servers are rows of cells: a change affects one cell. Formatting of cells is decided elsewhere.

use serde_json::{Map, Value, json};

use super::text::{EscapedText, Spark};

/// The page at one moment. Ages are filled in by the page's script, so that documents differ only where something
/// has happened.
#[derive(Debug, Default)]
pub(in crate::web) struct Doc {
    pub(super) title: String,
    pub(super) grade: &'static str,
    /// Unix time.
    pub(super) now: u64,
    /// By the `id` of the element that holds each.
    pub(super) parts: Vec<(&'static str, String)>,
    pub(super) groups: Vec<BackendTable>,
}

/// The table of one backend.
#[derive(Debug)]
pub(super) struct BackendTable {
    pub(super) name: String,
    pub(super) head: String,
    /// Heading and class of each column.
    pub(super) columns: Vec<(&'static str, &'static str)>,
    /// Its servers, in file order.
    pub(super) rows: Vec<ServerTableRow>,
    /// Visible rows, by number.
    pub(super) shown: Vec<usize>,
    /// Folded rows, by number; none in small backends.
    pub(super) folded: Vec<usize>,
}

/// The row of one server.
#[derive(Debug)]
pub(super) struct ServerTableRow {
    pub(super) name: String,
    /// Its state.
    pub(super) class: &'static str,
    /// Whether it can take traffic.
    pub(super) usable: bool,
    pub(super) cells: Vec<TableCell>,
}

/// A cell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TableCell {
    /// Its heading on small screens, where cells are stacked; empty if it needs none.
    pub(super) label: &'static str,
    pub(super) class: &'static str,
    pub(super) html: String,
    pub(super) spark: Option<Spark>,
}

/// Backends with more servers show the unusual ones first and fold the others.
pub(super) const FOLD: usize = 20;

/// The difference between two rows, by the number of the cell.
type Patch = Map<String, Value>;

// === impl Doc ===

impl Doc {
    /// The whole document as an event's data.
    pub(in crate::web) fn whole(&self) -> String {
        let mut parts: Map<_, _> =
            self.parts.iter().map(|(id, html)| ((*id).to_owned(), html.as_str().into())).collect();
        parts.insert("backends".to_owned(), self.groups_html(false).into());
        let (title, grade, now) = (&self.title, self.grade, self.now);
        json!({ "now": now, "title": title, "grade": grade, "parts": parts }).to_string()
    }

    /// The difference from `before` as an event's data.
    pub(in crate::web) fn since(&self, before: &Self) -> String {
        let mut changes = Map::new();
        changes.insert("now".to_owned(), self.now.into());
        if (&self.title, self.grade) != (&before.title, before.grade) {
            changes.insert("title".to_owned(), self.title.as_str().into());
            changes.insert("grade".to_owned(), self.grade.into());
        }
        let changed = self.parts.iter().zip(&before.parts).filter(|(now, before)| now != before);
        let mut parts: Map<_, _> =
            changed.map(|((id, html), _)| ((*id).to_owned(), html.as_str().into())).collect();
        let (mut rows, mut lists) = (Map::new(), Map::new());
        if self.has_shape_of(before) {
            for (at, (group, before)) in self.groups.iter().zip(&before.groups).enumerate() {
                if group.head != before.head {
                    parts.insert(format!("b{at}-head"), group.head.as_str().into());
                }
                if (&group.shown, &group.folded) != (&before.shown, &before.folded) {
                    let (shown, folded, text) = (&group.shown, &group.folded, group.fold_text());
                    lists.insert(format!("b{at}"), json!({ "shown": shown, "folded": folded, "text": text }));
                }
                for (number, (row, before)) in group.rows.iter().zip(&before.rows).enumerate() {
                    let patch = row.since(before);
                    if !patch.is_empty() {
                        rows.insert(anchor(at, number), patch.into());
                    }
                }
            }
        } else {
            parts.insert("backends".to_owned(), self.groups_html(false).into());
        }
        for (name, map) in [("parts", parts), ("rows", rows), ("lists", lists)] {
            if !map.is_empty() {
                changes.insert(name.to_owned(), map.into());
            }
        }
        Value::from(changes).to_string()
    }

    /// An event's data that only shows that lb is alive.
    pub(in crate::web) fn beat(now: u64) -> String {
        json!({ "now": now }).to_string()
    }

    /// Approximate size, bytes.
    pub(in crate::web) fn size(&self) -> usize {
        let cells = |row: &ServerTableRow| row.cells.iter().map(|cell| cell.html.len() + 60).sum::<usize>();
        let groups = self.groups.iter();
        self.parts.iter().map(|(_, html)| html.len()).sum::<usize>()
            + groups.flat_map(|group| &group.rows).map(cells).sum::<usize>()
    }

    /// Whether it has the same backends and servers.
    fn has_shape_of(&self, other: &Self) -> bool {
        let names = |doc: &'_ Self| {
            doc.groups
                .iter()
                .map(|group| (group.name.clone(), group.rows.iter().map(|row| row.name.clone()).collect()))
                .collect::<Vec<(String, Vec<String>)>>()
        };
        names(self) == names(other)
    }

    /// HTML of the backends. With `drawn`, sparklines are included for browsers without script.
    pub(super) fn groups_html(&self, drawn: bool) -> String {
        self.groups.iter().enumerate().map(|(at, group)| group.html(at, drawn)).collect()
    }
}

// === impl BackendTable ===

impl BackendTable {
    /// Label of the folded rows.
    fn fold_text(&self) -> String {
        format!("{} well", self.folded.len())
    }

    fn html(&self, at: usize, drawn: bool) -> String {
        let name = EscapedText(&self.name);
        let rows = |numbers: &[usize]| -> String {
            let row = |number: &usize| self.rows[*number].html(&anchor(at, *number), &self.name, drawn);
            numbers.iter().map(row).collect()
        };
        let table = |list: &str, class: &str, numbers: &[usize]| {
            // A table with a hidden head takes its column widths from here.
            let widths: String =
                self.columns.iter().map(|(_, class)| format!("<col class=\"{class}\">")).collect();
            let heads = self.columns.iter();
            let heads: String = heads
                .map(|(name, class)| format!("<th scope=\"col\" class=\"{class}\">{name}</th>"))
                .collect();
            let rows = rows(numbers);
            format!(
                "<table><caption class=\"unseen\">servers of {name}</caption><colgroup>{widths}</colgroup><thead{class}><tr>{heads}</tr></thead><tbody id=\"b{at}-{list}\">{rows}</tbody></table>"
            )
        };
        let servers = if self.rows.is_empty() {
            "<p class=\"empty\">no servers</p>".to_owned()
        } else if self.rows.len() > FOLD {
            let hidden = if self.folded.is_empty() { " hidden" } else { "" };
            format!(
                "{}<details id=\"b{at}-fold\"{hidden}><summary><span id=\"b{at}-text\">{}</span><span class=\"more\">, show</span></summary>{}</details>",
                table("shown", "", &self.shown),
                self.fold_text(),
                table("folded", " class=\"unseen\"", &self.folded)
            )
        } else {
            table("shown", "", &self.shown)
        };
        format!(
            "<section id=\"b{at}\" aria-label=\"backend {name}\"><header id=\"b{at}-head\">{}</header>{servers}</section>",
            self.head
        )
    }
}

// === impl ServerTableRow ===

impl ServerTableRow {
    fn html(&self, id: &str, backend: &str, drawn: bool) -> String {
        let cells = self.cells.iter().enumerate().map(|(at, cell)| cell.html(at == 0, drawn));
        format!(
            "<tr id=\"{id}\" class=\"{}\" data-backend=\"{}\" data-server=\"{}\" data-usable=\"{}\">{}</tr>",
            self.class,
            EscapedText(backend),
            EscapedText(&self.name),
            u8::from(self.usable),
            cells.collect::<String>()
        )
    }

    fn since(&self, before: &Self) -> Patch {
        let mut patch = Patch::new();
        if self.class != before.class {
            patch.insert("class".to_owned(), self.class.into());
        }
        if self.usable != before.usable {
            patch.insert("usable".to_owned(), u8::from(self.usable).into());
        }
        for (at, (cell, before)) in self.cells.iter().zip(&before.cells).enumerate() {
            if cell.html != before.html {
                patch.insert(at.to_string(), cell.html.as_str().into());
            }
            if let Some(spark) = cell.spark.as_ref().filter(|_| cell.spark != before.spark) {
                patch.insert(format!("{at}s"), spark.levels.as_str().into());
            }
        }
        patch
    }
}

// === impl TableCell ===

impl TableCell {
    fn html(&self, is_head: bool, drawn: bool) -> String {
        let Self { label, class, html, .. } = self;
        if is_head {
            return format!("<th scope=\"row\">{html}</th>");
        }
        let label = if label.is_empty() { String::new() } else { format!(" data-label=\"{label}\"") };
        match &self.spark {
            None => format!("<td class=\"{class}\"{label}>{html}</td>"),
            Some(spark) => {
                format!(
                    "<td class=\"{class}\"{label}><span class=\"v\">{html}</span>{}</td>",
                    spark.html(drawn)
                )
            }
        }
    }
}

/// The `id` of a server's row.
pub(super) fn anchor(backend: usize, server: usize) -> String {
    format!("s{backend}-{server}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, class: &'static str, html: &str, levels: &str) -> ServerTableRow {
        let cell = |html: &str, spark| TableCell { label: "", class: "n", html: html.to_owned(), spark };
        let spark = Spark { levels: levels.to_owned(), kind: "rate" };
        ServerTableRow {
            name: name.to_owned(),
            class,
            usable: class == "up",
            cells: vec![cell(name, None), cell(html, Some(spark))],
        }
    }

    fn doc(rows: Vec<ServerTableRow>, shown: &[usize], folded: &[usize]) -> Doc {
        let (shown, folded) = (shown.to_vec(), folded.to_vec());
        let group = BackendTable {
            name: "be".to_owned(),
            head: "h".to_owned(),
            columns: Vec::new(),
            rows,
            shown,
            folded,
        };
        Doc {
            title: "t".to_owned(),
            grade: "up",
            now: 7,
            parts: vec![("verdict", "v".to_owned())],
            groups: vec![group],
        }
    }

    fn since(now: &Doc, before: &Doc) -> Value {
        serde_json::from_str(&now.since(before)).unwrap()
    }

    #[test]
    fn only_cells_that_changed_are_sent() {
        let before = doc(vec![row("s1", "up", "1", ""), row("s2", "up", "1", "")], &[0, 1], &[]);
        assert_eq!(since(&before, &before), json!({ "now": 7 }));
        let mut now = doc(vec![row("s1", "up", "1", ""), row("s2", "down", "2", "0k")], &[0, 1], &[]);
        let patch = json!({ "class": "down", "usable": 0, "1": "2", "1s": "0k" });
        assert_eq!(since(&now, &before), json!({ "now": 7, "rows": { "s0-1": patch } }));
        now.groups[0].rows.swap_remove(1);
        now.groups[0].rows.push(row("s2", "up", "1", ""));
        now.groups[0].head = "other".to_owned();
        now.title = "u".to_owned();
        let expected = json!({ "now": 7, "title": "u", "grade": "up", "parts": { "b0-head": "other" } });
        assert_eq!(since(&now, &before), expected);
    }

    #[test]
    fn rows_that_move_are_named_and_other_servers_are_sent_whole() {
        let rows = || vec![row("s1", "up", "1", ""), row("s2", "up", "1", "")];
        let before = doc(rows(), &[], &[0, 1]);
        let moved = since(&doc(rows(), &[1], &[0]), &before);
        let lists = json!({ "b0": { "shown": [1], "folded": [0], "text": "1 well" } });
        assert_eq!(moved, json!({ "now": 7, "lists": lists }));
        let other =
            since(&doc(vec![row("s1", "up", "1", ""), row("s3", "up", "1", "")], &[0, 1], &[]), &before);
        let html = other["parts"]["backends"].as_str().unwrap();
        assert!(html.contains("data-server=\"s3\"") && other["rows"].is_null(), "{other}");
    }
}

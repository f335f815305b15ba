//! `?extra-counters`: the columns of HAProxy's modules (`ssl`, `h2`, `h1`), a family for each.
//!
//! It refuses to keep a list of them: they are the columns behind the last one of HAProxy's core.

use super::families::Subject;
use super::text::{self, Head, Text, label};
use crate::report::column::{Column, Kind};

/// Writes the families of rows of that kind; `word` is what their names say for it.
pub(super) fn write(kind: Kind, word: &str, subjects: &[Subject<'_>], out: &mut Text<'_>) {
    for column in Column::ALL.iter().filter(|column| **column > Column::LAST_OF_CORE) {
        let name = column.meta().name;
        let told = subjects.iter().any(|subject| subject.row.number(*column).is_some());
        let Some((module, what)) = name.split_once('_').filter(|_| told) else { continue };
        let help = format!("{}, as counted by {module}", what.replace('_', " "));
        let is_level = column.tags(kind).starts_with("MG");
        let kind = if is_level { text::Kind::Gauge } else { text::Kind::Counter };
        let head = Head { name: &format!("haproxy_{word}_{name}"), kind, help: &help };
        let Some(mut family) = out.family(head) else { continue };
        let module = label("mod", module);
        subjects.iter().for_each(|subject| {
            family.series([&subject.labels, &module], subject.row.number(*column));
        });
    }
}

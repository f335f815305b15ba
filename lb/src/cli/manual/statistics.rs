//! The page about the columns of `show stat` and the lines of `show info`.

use std::fmt::Write as _;

use super::{cell, code, sentence};
use crate::report::column::StatColumn;
use crate::report::info;

const HEAD: &str = "\
# Statistics

## Columns of `show stat`

`lb ctl \"show stat\"` and `http://127.0.0.1:8404/stats;csv` have a row for each frontend, server and backend, with HAProxy 3.4's columns in its order. `show
stat typed` names each value with its type, `show stat json` writes JSON, `up` and `no-maint` leave out what is down or in maintenance. A column that does not apply to a
row is empty.

The numbers count from 0, as HAProxy's do; `cut -d, -f` counts from 1. In the CSV the columns of HAProxy's modules (the last ones, of `ssl`, `h2` and `h1`) follow a column that is called `-`.

| number | column | type | meaning |
|---|---|---|---|
";

const INFO: &str = "
## Lines of `show info`

| line | meaning |
|---|---|
";

pub(super) fn page() -> String {
    let mut out = HEAD.to_owned();
    for (number, column) in StatColumn::ALL.iter().enumerate() {
        let meta = column.meta();
        let about = cell(&sentence(column.about()));
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| {number} | {} | {} | {about} |", code(meta.name), meta.kind.name());
    }
    out.push_str(INFO);
    for (name, about) in info::reference() {
        let _ = writeln!(out, "| {} | {} |", code(name), cell(&sentence(about)));
    }
    out
}

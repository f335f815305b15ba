//! What `lb` writes about itself: reference pages of the manual, man pages and shell completions.
//!
//! Everything comes from the tables that the code uses, so that it cannot be out of date: `lb/tests/manual.rs` compares
//! the pages with `docs/`.

mod access_log;
mod command_line;
mod metrics;
mod runtime_api;
mod statistics;

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;

/// The name of the program.
const PROGRAM: &str = "lb";

/// A page of the manual.
#[derive(Debug)]
pub struct ManualPage {
    /// Its path below `docs/`.
    pub path: &'static str,
    /// Its text, Markdown.
    pub text: String,
}

/// The pages that are made from tables in the code.
pub fn pages() -> Vec<ManualPage> {
    let page = |path, text: String| ManualPage { path, text: format!("{NOTICE}{text}") };
    vec![
        page("reference/runtime-api.md", runtime_api::page()),
        page("reference/metrics.md", metrics::page()),
        page("reference/statistics.md", statistics::page()),
        page("reference/command-line.md", command_line::page()),
        page("reference/access-log.md", access_log::page()),
        page("reference/exit-codes.md", command_line::exit_codes()),
    ]
}

/// The first line of each.
const NOTICE: &str = "<!-- Generated from the code by `cargo run -p lb -- docs docs`: changes by hand are overwritten. -->\n\n";

/// Writes the pages into `folder`, the manual's.
///
/// # Errors
/// A file or folder cannot be written; the message names it.
pub(super) fn write_pages(folder: &Path) -> io::Result<()> {
    for page in pages() {
        let path = folder.join(page.path);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| named(parent, &error))?;
        std::fs::write(&path, page.text).map_err(|error| named(&path, &error))?;
    }
    Ok(())
}

/// Writes the man page of `lb` to `out`.
///
/// # Errors
/// `out` cannot be written.
pub(super) fn write_man_page(out: &mut dyn Write) -> io::Result<()> {
    clap_mangen::Man::new(command()).render(out)
}

/// Writes the man pages of `lb` and of its commands into `folder`, a file each.
///
/// # Errors
/// A file or the folder cannot be written; the message names the folder.
pub(super) fn write_man_pages(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(command(), folder))
        .map_err(|error| named(folder, &error))
}

/// Writes the completions of a shell to `out`.
///
/// # Errors
/// `out` cannot be written.
pub(super) fn write_completions(shell: Shell, out: &mut dyn Write) -> io::Result<()> {
    // clap_complete panics when it cannot write; memory always can be written.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command(), PROGRAM, &mut text);
    out.write_all(&text)
}

/// The command line as clap knows it, with the names of all commands.
fn command() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    command
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// Code for a cell of a table.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

/// A text as a sentence: with a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

#[cfg(test)]
mod tests;

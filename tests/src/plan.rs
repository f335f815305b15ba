//! The configuration of a lab as sections and lines, in the order in which they were written.
//!
//! A later line with the same key replaces the earlier one, so that a test only says what it is about.

use std::fmt::{self, Display};

/// A configuration in the making; its `Display` is TOML. `admin#NAME` is a section `[[admin]]` of its own, `log#NAME` one more `[[log]]`.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    sections: Vec<Section>,
}

#[derive(Debug, Clone)]
struct Section {
    path: String,
    lines: Vec<(String, String)>,
}

// === impl Plan ===

impl Plan {
    /// Sets the `key = value` lines of a section, which may be new.
    pub fn set(&mut self, path: &str, lines: &str) {
        let section = self.section(path);
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let (key, value) = line.split_once('=').expect("a line is `key = value`");
            let (key, value) = (key.trim(), value.trim().to_owned());
            match section.lines.iter_mut().find(|(known, _)| known == key) {
                Some((_, old)) => *old = value,
                None => section.lines.push((key.to_owned(), value)),
            }
        }
    }

    /// Adds or changes a server; `more` is what else its table holds: `weight = 3, maxconn = 1`.
    pub fn set_server(&mut self, backend: &str, name: &str, address: impl Display, more: &str) {
        let comma = if more.is_empty() { "" } else { ", " };
        let line = format!("{name} = {{ address = \"{address}\"{comma}{more} }}");
        self.set(&format!("backend.{backend}.servers"), &line);
    }

    /// Takes a line out of a section.
    pub fn remove(&mut self, path: &str, key: &str) {
        self.section(path).lines.retain(|(known, _)| known != key);
    }

    /// Takes a section out, and those beneath it.
    pub fn remove_section(&mut self, path: &str) {
        let beneath = format!("{path}.");
        self.sections.retain(|section| section.path != path && !section.path.starts_with(&beneath));
    }

    fn section(&mut self, path: &str) -> &mut Section {
        let at = self.sections.iter().position(|section| section.path == path).unwrap_or_else(|| {
            self.sections.push(Section { path: path.to_owned(), lines: Vec::new() });
            self.sections.len() - 1
        });
        &mut self.sections[at]
    }
}

impl Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several_logs = self.sections.iter().any(|section| section.path.starts_with("log#"));
        for section in &self.sections {
            match section.path.split('#').next() {
                Some("admin") => writeln!(f, "[[admin]]")?,
                Some("log") if several_logs => writeln!(f, "[[log]]")?,
                _ => writeln!(f, "[{}]", section.path)?,
            }
            for (key, value) in &section.lines {
                writeln!(f, "{key} = {value}")?;
            }
        }
        Ok(())
    }
}

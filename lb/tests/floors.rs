//! The house rules that a machine can hold: who may use whom in `lb/src`, as the table in `ARCHITECTURE.md` says, and the shape of files.
//!
//! It reads source text, so it needs nothing to build. What words and comments say is for people to judge.

#[path = "floors/rules.rs"]
mod rules;
#[path = "floors/table.rs"]
mod table;
#[path = "floors/uses.rs"]
mod uses;

use std::path::Path;
use std::{fs, io};

use rules::Source;

/// Crates of the workspace.
const CRATES: [&str; 6] = ["lb", "api", "client", "compose", "benches", "tests"];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Every Rust file below `folder`, told by its path from there.
fn sources(folder: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    if let Err(error) = collect(folder, "", &mut found) {
        panic!("{}: {error}", folder.display());
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            if path != "target" {
                collect(&entry.path(), &format!("{path}/"), found)?;
            }
        } else if path.ends_with(".rs") {
            found.push(Source { path, text: fs::read_to_string(entry.path())? });
        }
    }
    Ok(())
}

#[test]
fn modules_use_lower_floors_only() {
    let table = table::read(&fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()).unwrap();
    let sources = sources(&root().join("lb/src"));
    assert!(sources.len() > 40, "only {} files in lb/src: the test looks at the wrong place", sources.len());
    let faults = rules::floors(&table, &sources);
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn files_have_the_shape_of_the_house() {
    let faults: Vec<_> = CRATES
        .iter()
        .flat_map(|name| {
            let faults = rules::shape(&sources(&root().join(name)));
            faults.into_iter().map(move |fault| format!("{name}/{fault}"))
        })
        .collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

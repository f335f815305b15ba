//! The house rules that a machine can hold: who may use whom in `lb/src`, as the table in `ARCHITECTURE.md` says, and the shape of files.
//!
//! It reads source text, so it needs nothing to build. What words and comments say is for people to judge.

#[path = "floors/rules.rs"]
mod rules;
#[path = "floors/table.rs"]
mod table;
#[path = "floors/uses.rs"]
mod uses;

use std::fs;
use std::path::{Path, PathBuf};

use rules::Source;

/// Crates of the workspace.
const CRATES: [&str; 6] = ["lb", "api", "client", "compose", "benches", "tests"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file below `folder`, told by its path from there.
fn sources(folder: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.extend((path.file_name().unwrap() != "target").then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
                found.push(Source { path: name, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
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

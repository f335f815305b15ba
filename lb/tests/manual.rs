//! The manual agrees with the program: generated pages, links, configuration examples, and what a running `lb` has to tell.

#![expect(clippy::unwrap_used, reason = "in tests the place of a panic says what went wrong")]

#[path = "manual/live.rs"]
mod live;
#[path = "manual/markdown.rs"]
mod markdown;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use markdown::Document;

const PROGRAM: &str = env!("CARGO_BIN_EXE_lb");
/// Documents outside of the manual whose links are checked, too.
const OTHERS: [&str; 5] = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "ARCHITECTURE.md", "CHANGELOG.md"];

fn root() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).canonicalize().unwrap()
}

/// Every Markdown file below `folder`.
fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

fn documents() -> BTreeMap<PathBuf, Document> {
    let mut paths = Vec::new();
    find(&root().join("docs"), &mut paths);
    paths.extend(OTHERS.map(|name| root().join(name)));
    assert!(paths.len() > 30, "only {} documents: the test looks at the wrong place", paths.len());
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path, Document::parse(&text))
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn generated_pages_are_up_to_date() {
    let stale: Vec<_> = lb::cli::manual::pages()
        .into_iter()
        .filter(|page| {
            fs::read_to_string(root().join("docs").join(page.path)).ok().as_ref() != Some(&page.text)
        })
        .map(|page| page.path)
        .collect();
    assert!(stale.is_empty(), "{stale:?} differ from the code: run `cargo run -p lb -- docs docs`");
}

#[test]
fn links_lead_somewhere() {
    let documents = documents();
    let mut faults = Vec::new();
    for (path, document) in &documents {
        for link in &document.links {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let Ok(target) = target.canonicalize() else {
                faults.push(format!("{}: {link}: no such file", path.display()));
                continue;
            };
            let known = || documents.get(&target).is_some_and(|target| target.anchors.contains(anchor));
            if !anchor.is_empty() && !known() {
                faults.push(format!("{}: {link}: no such heading", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_summary_lists_every_page_once() {
    let docs = root().join("docs");
    let summary = Document::parse(&fs::read_to_string(docs.join("SUMMARY.md")).unwrap());
    let mut listed: Vec<_> = summary.links.iter().map(|link| docs.join(link)).collect();
    let mut pages = Vec::new();
    find(&docs, &mut pages);
    pages.retain(|page| !page.ends_with("SUMMARY.md"));
    listed.sort();
    pages.sort();
    assert_eq!(listed, pages);
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let titles = text.lines().filter(|line| line.starts_with("# ")).count();
        assert!(titles >= 1, "{}: no title", page.display());
    }
}

/// Examples are whole configurations: `lb check` has nothing to complain about but what the reader's machine lacks.
#[test]
fn configuration_examples_pass_the_check() {
    let mut checked = 0;
    for (path, document) in documents() {
        for (line, example) in document.blocks("toml") {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("run")).unwrap();
            fs::write(folder.path().join("ops.password"), "secret\n").unwrap();
            let file = folder.path().join("lb.toml");
            // Folders of a real system, which the test must not need.
            let example = example.replace("/run/lb/", "run/").replace("/var/log/lb/", "run/");
            fs::write(&file, example).unwrap();
            let done = Command::new(PROGRAM).arg("check").arg(&file).output().unwrap();
            let told = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(done.status.success(), "{}:{line}:\n{told}", path.display());
            checked += 1;
        }
    }
    assert!(checked > 5, "only {checked} examples");
}

/// Code in text that ends in `.rs` names a file: from the root, from `lb/src`, or from its folder there as the page says.
#[test]
fn files_of_the_code_that_are_named_exist() {
    let places = [root(), root().join("lb/src"), root().join("tests/tests/e2e")];
    let mut faults = Vec::new();
    for (path, document) in documents().iter().filter(|(path, _)| !path.ends_with("CHANGELOG.md")) {
        for file in document.code.iter().filter(|code| code.ends_with(".rs") && code.contains('/')) {
            if !places.iter().any(|place| place.join(file).exists()) && !file.contains('*') {
                faults.push(format!("{}: {file}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "no such file:\n{}", faults.join("\n"));
}

#[test]
fn the_unit_in_the_text_is_the_file_beside_it() {
    let docs = root().join("docs/guides");
    let page = Document::parse(&fs::read_to_string(docs.join("systemd.md")).unwrap());
    let unit = fs::read_to_string(docs.join("lb.service")).unwrap();
    assert!(page.blocks("ini").any(|(_, text)| text == unit));
}

#[test]
fn readme_is_short() {
    let lines = fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= 150, "{lines} lines");
}

#[test]
fn everything_that_a_running_lb_tells_is_in_the_manual() {
    let running = live::Balancer::start();
    let page = |name: &str| fs::read_to_string(root().join("docs/reference").join(name)).unwrap();
    let missing = |names: Vec<String>, page: &str, what: &str| -> Vec<String> {
        let has = |name: &String| page.contains(&format!("`{name}`"));
        names.into_iter().filter(|name| !has(name)).map(|name| format!("{what}: {name}")).collect()
    };
    let (metrics, columns) = (running.metric_families(), running.columns());
    assert!(metrics.len() > 200 && columns.len() > 140, "{} and {}", metrics.len(), columns.len());
    let mut faults = missing(metrics, &page("metrics.md"), "metric");
    faults.extend(missing(columns, &page("statistics.md"), "column"));
    faults.extend(missing(running.info_lines(), &page("statistics.md"), "line of show info"));
    faults.extend(missing(running.commands(), &page("runtime-api.md").replace("\\|", "|"), "command"));
    faults.extend(missing(running.log_keys(), &page("access-log.md"), "key of the access log"));
    assert!(faults.is_empty(), "not in the manual:\n{}", faults.join("\n"));
}

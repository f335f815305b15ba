//! Which modules of the crate a source file names: `crate::x`, `super::x`, and in the binary `lb::x`.
//!
//! It looks at tokens, so comments and strings do not count, and what is inside macros does. It refuses to resolve names.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The modules that `text` names, which is a file `depth` modules below the root of its crate; `lb` is set for the binary.
pub(crate) fn uses(text: &str, depth: usize, binary: bool) -> Result<Vec<String>, String> {
    let tokens: TokenStream = text.parse().map_err(|error| format!("not Rust: {error}"))?;
    let mut found = Vec::new();
    walk(tokens, depth, binary, &mut found);
    found.sort();
    found.dedup();
    Ok(found)
}

fn walk(tokens: TokenStream, depth: usize, binary: bool, found: &mut Vec<String>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let is = |at: usize, word: &str| matches!(tokens.get(at), Some(TokenTree::Ident(it)) if it == word);
    let colons = |at: usize| {
        let colon = |at| matches!(tokens.get(at), Some(TokenTree::Punct(it)) if it.as_char() == ':');
        colon(at) && colon(at + 1)
    };
    let mut at = 0;
    while at < tokens.len() {
        // A path begins here, not in the middle of one.
        if colons(at + 1) && (at < 2 || !colons(at - 2)) {
            let supers = (0..).take_while(|n| is(at + 3 * n, "super") && colons(at + 3 * n + 1)).count();
            if supers > 0 && supers >= depth {
                first_words(&tokens[at + 3 * supers..], found);
            } else if is(at, "crate") || (binary && is(at, "lb")) {
                first_words(&tokens[at + 3..], found);
            }
        }
        if let TokenTree::Group(group) = &tokens[at] {
            let module = at >= 2 && is(at - 2, "mod") && group.delimiter() == Delimiter::Brace;
            walk(group.stream(), depth + usize::from(module), binary, found);
        }
        at += 1;
    }
}

/// The first word of a path, or of each path in braces.
fn first_words(path: &[TokenTree], found: &mut Vec<String>) {
    match path.first() {
        Some(TokenTree::Ident(word)) => found.push(word.to_string()),
        Some(TokenTree::Group(group)) => {
            let inner: Vec<_> = group.stream().into_iter().collect();
            let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(it) if it.as_char() == ',');
            inner.split(comma).for_each(|path| first_words(path, found));
        }
        // `crate::*` names everything, which no floor allows.
        Some(TokenTree::Punct(_)) => found.push("*".to_owned()),
        _ => {}
    }
}

#[test]
fn every_way_to_name_a_module_is_seen() {
    // (text, depth, modules named)
    let table: [(&str, usize, &[&str]); 12] = [
        ("use crate::config::Config;", 1, &["config"]),
        ("use crate::{config, server::{Admin, Server}};", 1, &["config", "server"]),
        ("fn f() -> crate::server::Server { crate::net::bind(1) }", 1, &["net", "server"]),
        ("// crate::admin\n/* crate::web */ const X: &str = \"crate::ctl\";", 1, &[]),
        ("/// [x](crate::admin)\nfn f() {}", 1, &[]),
        ("tokio::select! { _ = crate::admin::run() => {} }", 1, &["admin"]),
        ("use super::admin::Socket;", 1, &["admin"]),
        ("use super::admin::Socket;", 2, &[]),
        ("use super::super::admin::Socket;", 2, &["admin"]),
        ("mod tests { use super::*; use super::super::web; }", 1, &["web"]),
        ("use crate::*;", 1, &["*"]),
        ("use other::crate_like; use lb::app;", 1, &[]),
    ];
    for (text, depth, modules) in table {
        assert_eq!(uses(text, depth, false).unwrap(), modules, "{text}");
    }
    assert_eq!(uses("fn main() { lb::cli::main() }", 1, true).unwrap(), ["cli"]);
    assert!(uses("fn (", 1, false).is_err());
}

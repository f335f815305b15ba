//! The list of commands, for `help` and for unknown commands.

use super::commands::{CLOSING, CommandEntry, TABLE};
use crate::config::Level;

/// Maximum number of suggestions for an unknown command.
const PROPOSALS: usize = 5;

/// The reply to `help WORDS`.
pub(super) fn matching(words: &[String], level: Level) -> String {
    list("The following commands are valid at this level:", &nearest(words, level))
}

/// The reply to an unknown command.
pub(super) fn unknown(words: &[String], level: Level) -> String {
    let word = words.first().map_or("", String::as_str);
    let title = format!("Unknown command: '{word}', but maybe one of the following ones is a better match:");
    list(&title, &nearest(words, level))
}

/// A list of commands. In the full list those without effect come last, where they do not hide the others.
fn list(title: &str, entries: &[&CommandEntry]) -> String {
    let is_full = entries.len() > TABLE.len() / 2;
    let (inert, working): (Vec<&CommandEntry>, Vec<_>) =
        entries.iter().copied().chain(&CLOSING).partition(|entry| is_full && entry.is_inert());
    let lines = |entries: &[&CommandEntry]| -> String {
        entries.iter().map(|entry| format!("  {:<40}: {}\n", entry.syntax, entry.about)).collect()
    };
    let mut text = format!("{title}\n{}", lines(&working));
    if !inert.is_empty() {
        text.push_str(&format!("Accepted for compatibility, no effect:\n{}", lines(&inert)));
    }
    text
}

/// All commands that begin with `words`; if there are none, the most similar ones.
fn nearest(words: &[String], level: Level) -> Vec<&'static CommandEntry> {
    let allowed = || TABLE.iter().filter(|entry| entry.level <= level);
    let shared = |entry: &CommandEntry| entry.name.split(' ').zip(words).take_while(|(a, b)| a == b).count();
    let most = allowed().map(shared).max().unwrap_or(0);
    let mut near: Vec<_> = allowed().filter(|entry| shared(entry) == most).collect();
    if most < words.len() && near.iter().all(|entry| entry.name.split(' ').count() > most) {
        let distance = |entry: &CommandEntry| {
            let count = entry.name.split(' ').count();
            let given = words.iter().take(count).map(String::as_str).collect::<Vec<_>>().join(" ");
            strsim::damerau_levenshtein(&given.to_lowercase(), entry.name)
        };
        let mut ranked: Vec<_> =
            near.iter().enumerate().map(|(place, entry)| (distance(entry), place, *entry)).collect();
        ranked.sort_unstable_by_key(|(distance, place, _)| (*distance, *place));
        // If one differs only in case, it is the only suggestion.
        let meant = ranked.iter().take_while(|(distance, ..)| *distance == 0).count();
        ranked.truncate(if meant > 0 { meant } else { PROPOSALS });
        ranked.sort_unstable_by_key(|(_, place, _)| *place);
        near = ranked.into_iter().map(|(.., entry)| entry).collect();
    }
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &str, level: Level) -> Vec<&'static str> {
        let words: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
        nearest(&words, level).iter().map(|entry| entry.name).collect()
    }

    #[test]
    fn the_commands_that_begin_so_or_the_most_alike() {
        assert_eq!(
            names("disable", Level::Admin),
            [
                "disable agent",
                "disable dynamic-cookie backend",
                "disable frontend",
                "disable health",
                "disable server"
            ]
        );
        assert_eq!(names("show servers", Level::Admin), ["show servers conn", "show servers state"]);
        assert_eq!(names("SHOW VERSION", Level::Admin), ["show version"]);
        assert!(names("show statt", Level::User).contains(&"show stat"));
        assert_eq!(names("show nope", Level::Admin).len(), PROPOSALS);
        assert_eq!(names("foo bar", Level::Admin).len(), PROPOSALS);
        assert_eq!(names("", Level::Admin).len(), TABLE.len());
        assert!(!names("", Level::User).contains(&"set weight"));
    }

    #[test]
    fn commands_without_effect_come_last() {
        let text = matching(&[], Level::Admin);
        let (working, inert) = text.split_once("Accepted for compatibility, no effect:\n").unwrap();
        assert!(working.contains("  disable server") && !working.contains("acl"));
        assert!(inert.contains("  show acl") && !inert.contains("server"));
        assert!(!matching(&["disable".to_owned()], Level::Admin).contains("Accepted"));
    }

    #[test]
    fn lines_have_two_blanks_and_forty_columns_of_syntax() {
        for line in matching(&[], Level::Admin).lines().skip(1) {
            let is_title = line == "Accepted for compatibility, no effect:";
            assert!(is_title || line.starts_with("  ") && &line[42..44] == ": ", "{line}");
        }
    }
}

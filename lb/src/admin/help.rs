//! Which commands there are, for who asks or mistypes.

use super::commands::{CLOSING, CommandEntry, TABLE};
use crate::config::Level;

/// Commands that are proposed for one that does not exist.
const PROPOSALS: usize = 5;

/// The answer to `help WORDS`.
pub(super) fn matching(words: &[String], level: Level) -> String {
    list("The following commands are valid at this level:", &nearest(words, level))
}

/// The answer to a command that does not exist.
pub(super) fn unknown(words: &[String], level: Level) -> String {
    let word = words.first().map_or("", String::as_str);
    let title = format!("Unknown command: '{word}', but maybe one of the following ones is a better match:");
    list(&title, &nearest(words, level))
}

fn list(title: &str, entries: &[&CommandEntry]) -> String {
    let mut text = format!("{title}\n");
    for CommandEntry { syntax, about, .. } in entries.iter().copied().chain(&CLOSING) {
        text.push_str(&format!("  {syntax:<40}: {about}\n"));
    }
    text
}

/// All commands that begin with `words`; without any, those that are most like them.
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
        // A command that differs only in case is the one that was meant.
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
    fn lines_have_two_blanks_and_forty_columns_of_syntax() {
        for line in matching(&[], Level::Admin).lines().skip(1) {
            assert!(line.starts_with("  ") && &line[42..44] == ": ", "{line}");
        }
    }
}

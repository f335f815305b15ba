//! A line of input as commands and their words.
//!
//! Pure text: what the words mean is not known here.

/// Most words of a command, its name included.
pub(super) const MOST_WORDS: usize = 64;

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its commands, at least one; a command may have no words.
    pub(super) commands: Vec<Vec<String>>,
    /// A payload follows, up to a line that equals this.
    pub(super) payload: Option<String>,
}

/// Splits a line, without its line feed. `;` ends a command, blanks and tabs end a word, `\` takes the next character as it is.
pub(super) fn parse(line: &[u8]) -> Line {
    let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
    let mut commands = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' => words.extend(word.take()),
            ';' => {
                words.extend(word.take());
                commands.push(std::mem::take(&mut words));
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    let payload = words.pop_if(|word| word.starts_with("<<")).map(|word| word["<<".len()..].to_owned());
    commands.push(words);
    Line { commands, payload }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_commands() {
        let table: &[(&str, &[&[&str]])] = &[
            ("", &[&[]]),
            (" \t ", &[&[]]),
            ("show version", &[&["show", "version"]]),
            ("  show \t version  ", &[&["show", "version"]]),
            ("show version\r", &[&["show", "version"]]),
            ("a;b", &[&["a"], &["b"]]),
            (";a", &[&[], &["a"]]),
            ("a;;b", &[&["a"], &[], &["b"]]),
            ("a;", &[&["a"], &[]]),
            (r"echo a\;b c\ d \\", &[&["echo", "a;b", "c d", r"\"]]),
            (r#"echo "a b""#, &[&["echo", "\"a", "b\""]]),
            (r"a\", &[&["a"]]),
            ("cmd<<", &[&["cmd<<"]]),
            ("echo << a", &[&["echo", "<<", "a"]]),
        ];
        for (line, commands) in table {
            let parsed = parse(line.as_bytes());
            assert_eq!(parsed.commands, *commands, "{line:?}");
            assert_eq!(parsed.payload, None, "{line:?}");
        }
    }

    #[test]
    fn a_last_word_of_two_angles_opens_a_payload() {
        for (line, mark) in [("echo hi <<", ""), ("echo hi;echo hi <<EOF", "EOF")] {
            let parsed = parse(line.as_bytes());
            assert_eq!(parsed.payload.as_deref(), Some(mark));
            assert_eq!(parsed.commands.last().unwrap(), &["echo", "hi"]);
        }
    }
}

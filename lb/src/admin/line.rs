//! Splits a line of input into commands and words.
//!
//! The meaning of words is not known here.

/// HTTP methods that browsers and tools send, also in a request line without a version.
const METHODS: [&[u8]; 10] =
    [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH", b"PRI"];

/// Maximum number of words of a command, including its name.
pub(super) const MOST_WORDS: usize = 64;

/// A parsed line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CommandLine {
    /// At least one command; a command may have no words.
    pub(super) commands: Vec<Vec<String>>,
    /// A payload follows, up to a line that equals this.
    pub(super) payload: Option<String>,
}

/// Splits a line, without its line feed. `;` ends a command, blanks and tabs end a word, `\` takes the next character as it is.
pub(super) fn parse(line: &[u8]) -> CommandLine {
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
    CommandLine { commands, payload }
}

/// Whether a line is a request line of HTTP or a header field: no command begins with a method or has a colon in its first word.
pub(super) fn is_http(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let first = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let has_version = line.windows(b"HTTP/".len()).any(|word| word.eq_ignore_ascii_case(b"HTTP/"));
    let is_method = first.len() > 1 && first.iter().all(u8::is_ascii_uppercase);
    let is_field = first.iter().position(|byte| *byte == b':').is_some_and(|colon| {
        let name = &first[..colon];
        !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
    });
    is_method && (has_version || METHODS.contains(&first)) || is_field
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Breaks when the body of a form that a browser was tricked into sending is carried out, or a command is
    /// taken for HTTP.
    #[test]
    fn lines_of_http_are_told_from_commands() {
        for line in [
            "GET / HTTP/1.1",
            "POST /;prompt;show%20info HTTP/1.1\r",
            "  POST /;prompt; HTTP/1.0",
            "PURGE /x HTTP/1.1",
            "OPTIONS * http/1.1",
            "PRI * HTTP/2.0\r",
            "GET /",
            "POST /;prompt;",
            "Host: 127.0.0.1:9999",
            "Content-Type:text/plain",
            "x: y",
        ] {
            assert!(is_http(line.as_bytes()), "{line}");
        }
        for line in [
            "",
            "show info",
            "SHOW VERSION",
            "echo GET / HTTP/1.1",
            "set server b/s addr ::1 port 80",
            ":x",
            "help;prompt",
            "A",
        ] {
            assert!(!is_http(line.as_bytes()), "{line}");
        }
    }

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

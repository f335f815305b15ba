//! Cases as they stand in a file.
//!
//! Anything that is not understood is a fault with its line: a case that is skipped by mistake would look like one that holds.

use ::tests::strict::{Field, Framing};

use super::super::escape::decode;
use super::{Case, End, Outcome, Sight};

/// Reads a file; the error names the line.
pub(in super::super) fn read(text: &str) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    let mut block: Vec<(usize, &str)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        if line.starts_with("== ") && !block.is_empty() {
            cases.extend(expand(&block)?);
            block.clear();
        }
        block.push((number + 1, line));
    }
    if !block.is_empty() {
        cases.extend(expand(&block)?);
    }
    Ok(cases)
}

/// A case for each value of its placeholder, or one when it has none.
fn expand(block: &[(usize, &str)]) -> Result<Vec<Case>, String> {
    let each = block.iter().find_map(|(_, line)| line.strip_prefix("each "));
    let lines = || block.iter().filter(|(_, line)| !line.starts_with("each "));
    let Some(each) = each else {
        return Ok(vec![case(lines().map(|(number, line)| (*number, (*line).to_owned())))?]);
    };
    let filled = |value| lines().map(move |(number, line)| (*number, line.replace("{}", value)));
    each.split_whitespace()
        .map(|value| {
            let mut case = case(filled(value))?;
            case.name = format!("{} ({value})", case.name);
            Ok(case)
        })
        .collect()
}

fn case(lines: impl Iterator<Item = (usize, String)>) -> Result<Case, String> {
    let mut case = Case::default();
    let mut last = 0;
    for (number, line) in lines {
        case.take(&line).map_err(|fault| format!("line {number}: {fault}: {line}"))?;
        last = number;
    }
    case.complete().map_err(|fault| format!("the case that ends in line {last}: {fault}"))?;
    Ok(case)
}

// === impl Case ===

impl Case {
    fn take(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, rest) {
            ("==", name) => name.clone_into(&mut self.name),
            (">", text) => self.client.extend(decode(text)?),
            (">>", text) => self.client_later.extend(decode(text)?),
            ("<!", text) => self.server_at_head.extend(decode(text)?),
            ("<", text) => {
                let text = decode(text)?;
                match self.server.last_mut() {
                    Some(answer) => answer.extend(text),
                    None => self.server.push(text),
                }
            }
            ("<|", "") => self.server.push(Vec::new()),
            ("<<", text) => self.server_later.extend(decode(text)?),
            ("=", outcomes) => {
                self.outcomes = outcomes.split(" | ").map(outcome).collect::<Result<_, _>>()?;
            }
            ("client", "finishes") => self.finishes = true,
            ("client", "closes") => self.passed.client_end = End::Closes,
            ("client", "may close") => self.passed.client_end = End::Either,
            ("server", "closes") => self.server_closes = true,
            ("server", "drops") => self.passed.server_end = End::Closes,
            ("server", "may drop") => self.passed.server_end = End::Either,
            ("server", "sees part") => self.passed.partial = true,
            ("alone", "") => self.alone = true,
            ("pieces", "") => self.pieces = true,
            ("client", sight) => see(&mut self.passed.answers, sight, "status")?,
            ("server", sight) => see(&mut self.passed.requests, sight, "line")?,
            _ => return Err("not understood".to_owned()),
        }
        Ok(())
    }

    /// Fills in what goes without saying.
    fn complete(&mut self) -> Result<(), String> {
        if self.outcomes.is_empty() {
            return Err("nothing is expected".to_owned());
        }
        let sights = self.passed.requests.len() + self.passed.answers.len();
        if sights > 0 && !self.outcomes.contains(&Outcome::Passed) {
            return Err("what passes is said, but not that it may".to_owned());
        }
        if self.client.is_empty() {
            self.client = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n".to_vec();
        }
        if self.passed.requests.is_empty() && !self.passed.partial {
            self.passed.requests.push(Sight::default());
        }
        if self.passed.answers.is_empty() {
            self.passed.answers = vec![Sight::default(); self.passed.requests.len().max(1)];
        }
        if self.server.is_empty() && self.server_at_head.is_empty() {
            for (number, answer) in self.passed.answers.iter_mut().enumerate() {
                let none = self.client.starts_with(b"HEAD ");
                let body = if none { String::new() } else { format!("answer {number}") };
                answer.body.get_or_insert_with(|| body.into_bytes());
            }
        }
        if self.server_closes {
            self.passed.server_end = End::Closes;
        } else if self.passed.partial {
            // It may still wait for the rest of the body.
            self.passed.server_end = End::Either;
        }
        self.alone |= self.finishes;
        Ok(())
    }
}

fn outcome(text: &str) -> Result<Outcome, String> {
    let mut words = text.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let statuses = words
        .map(
            |word| {
                if word == "none" { Ok(0) } else { word.parse().map_err(|_| format!("no status: {word}")) }
            },
        )
        .collect::<Result<Vec<u16>, String>>()?;
    match (kind, statuses.is_empty()) {
        ("refused", false) => Ok(Outcome::Refused(statuses)),
        ("stopped", false) => Ok(Outcome::Stopped(statuses)),
        ("gives", false) => Ok(Outcome::Gives(statuses)),
        ("passed", true) => Ok(Outcome::Passed),
        ("cut", true) => Ok(Outcome::Cut),
        _ => Err(format!("no outcome: {text}")),
    }
}

/// Adds to the last sight, or to a new one when the line starts with `opens`.
fn see(sights: &mut Vec<Sight>, text: &str, opens: &str) -> Result<(), String> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    // Details before the first opening word are the first message's.
    let opened = |sight: &Sight| sight.line.is_some() || sight.status.is_some();
    if sights.is_empty() || (word == opens && sights.last().is_some_and(opened)) {
        sights.push(Sight::default());
    }
    let sight = sights.last_mut().ok_or("no message")?;
    match word {
        "line" => sight.line = Some(decode(rest)?),
        "status" => sight.status = Some(rest.parse().map_err(|_| "no status")?),
        "has" => sight.has.push(field(rest)?),
        "writes" => sight.writes.push(field(rest)?),
        "lacks" => sight.lacks.push(decode(rest)?),
        "any" if rest == "body" => sight.any_body = true,
        "body" => sight.body = Some(decode(rest)?),
        "trailer" => sight.trailers.push(field(rest)?),
        "framing" => sight.framing = Some(framing(rest)?),
        _ => return Err("not understood".to_owned()),
    }
    Ok(())
}

fn framing(text: &str) -> Result<Framing, String> {
    match text.split_once(' ').unwrap_or((text, "")) {
        ("none", "") => Ok(Framing::None),
        ("chunked", "") => Ok(Framing::Chunked),
        ("close", "") => Ok(Framing::Close),
        ("length", length) => Ok(Framing::Length(length.parse().map_err(|_| "no length")?)),
        _ => Err(format!("no framing: {text}")),
    }
}

fn field(text: &str) -> Result<Field, String> {
    let (name, value) = text.split_once(':').ok_or("a field is `Name: value`")?;
    Ok((decode(name)?, decode(value.strip_prefix(' ').unwrap_or(value))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_as_it_is_written() {
        let text = "# a comment\n\n== one\n> GET / HTTP/1.1\\r\\n\n> \\r\\n\n= refused 400 none | passed\n\
                    server line GET / HTTP/1.1\nserver has A: \\x20b\nserver line X\nclient status 103\nclient status 200\n\
                    == two\n< a\n< b\n<|\n< c\n<< d\n= gives 502 | cut\nserver closes\n";
        let cases = read(text).unwrap();
        let [one, two] = &cases[..] else { panic!("{cases:?}") };
        assert_eq!((&*one.name, &one.client[..]), ("one", &b"GET / HTTP/1.1\r\n\r\n"[..]));
        assert_eq!(one.outcomes, [Outcome::Refused(vec![400, 0]), Outcome::Passed]);
        assert_eq!((one.passed.requests.len(), one.passed.answers.len()), (2, 2));
        assert_eq!(one.passed.requests[0].has, [(b"A".to_vec(), b" b".to_vec())]);
        assert_eq!(one.passed.answers[0].status, Some(103));
        assert_eq!(
            (&two.server[..], &two.server_later[..]),
            (&[b"ab".to_vec(), b"c".to_vec()][..], &b"d"[..])
        );
        assert_eq!(two.outcomes, [Outcome::Gives(vec![502]), Outcome::Cut]);
        assert!(
            two.server_closes && two.passed.server_end == End::Closes && two.client.starts_with(b"GET / ")
        );
    }

    #[test]
    fn a_placeholder_makes_a_case_of_each_value() {
        let cases = read("== odd\neach \\x01 \\x02\n> X: {}{A*2}\n= refused 400\n").unwrap();
        let sent: Vec<_> = cases.iter().map(|case| (&*case.name, &case.client[..])).collect();
        assert_eq!(sent, [("odd (\\x01)", &b"X: \x01AA"[..]), ("odd (\\x02)", &b"X: \x02AA"[..])]);
    }

    /// Breaks when a slip of the pen in a file goes unnoticed.
    #[test]
    fn what_is_not_understood_is_a_fault() {
        for text in [
            "== a\n> x\n",
            "== a\n= refused\n",
            "== a\n= passed 400\n",
            "== a\n= refused 4x\n",
            "== a\n= fine\n",
            "== a\n= passed\nserver hass A: b\n",
            "== a\n= passed\nserver has A\n",
            "== a\n= passed\nserver framing lenght 3\n",
            "== a\n= passed\nsrv drops\n",
            "== a\n= refused 400\nserver body x\n",
            "== a\n> \\q\n= refused 400\n",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}

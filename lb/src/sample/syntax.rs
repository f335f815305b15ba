//! The syntax of expressions: names with arguments in parentheses, joined by commas.
//!
//! What names mean is not known here.

/// Most calls of an expression, so that none is endless.
const MOST_CALLS: usize = 64;

/// A name with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The name.
    pub name: String,
    /// The arguments, without quotes; none for `name` and for `name()`.
    pub args: Vec<String>,
    /// Where the name begins: characters from the start of the expression, from 0.
    pub column: usize,
}

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SampleFault {
    /// Characters from the start of the text, from 0.
    pub column: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

// === impl SampleFault ===

impl SampleFault {
    /// A fault at a column.
    pub fn new(column: usize, message: impl Into<String>) -> Self {
        Self { column, message: message.into() }
    }

    /// The same fault in a text of which this expression begins at `column`.
    #[must_use]
    pub fn within(self, column: usize) -> Self {
        Self { column: self.column + column, ..self }
    }
}

/// Reads the calls of an expression.
///
/// # Errors
/// A name is missing, a parenthesis or a quote is not closed, or something stands between them.
pub fn calls(text: &str) -> Result<Vec<Call>, SampleFault> {
    let letters: Vec<char> = text.chars().collect();
    let mut calls = Vec::new();
    let mut at = 0;
    loop {
        let start = at;
        while letters.get(at).is_some_and(|letter| letter.is_ascii_alphanumeric() || "._-".contains(*letter))
        {
            at += 1;
        }
        if at == start {
            return Err(SampleFault::new(at, "a name of a fetch or converter is missing here"));
        }
        let name = letters[start..at].iter().collect();
        let mut args = Vec::new();
        if letters.get(at) == Some(&'(') {
            at = arguments(&letters, at + 1, &mut args)?;
        }
        calls.push(Call { name, args, column: start });
        if calls.len() > MOST_CALLS {
            return Err(SampleFault::new(start, format!("an expression has at most {MOST_CALLS} parts")));
        }
        match letters.get(at) {
            None => return Ok(calls),
            Some(',') => at += 1,
            Some(other) => {
                return Err(SampleFault::new(
                    at,
                    format!("`{other}` is unexpected: `,` or the end belongs here"),
                ));
            }
        }
    }
}

/// Reads arguments up to the closing parenthesis; says where the text goes on.
fn arguments(letters: &[char], mut at: usize, args: &mut Vec<String>) -> Result<usize, SampleFault> {
    let start = at;
    let mut text = String::new();
    let mut quote = None;
    let mut depth = 0;
    let mut any = false;
    while let Some(&letter) = letters.get(at) {
        at += 1;
        match (letter, quote) {
            (letter, Some((open, _))) if letter == open => quote = None,
            ('\\', None | Some(('"', _))) => {
                let escaped = letters.get(at).copied();
                at += 1;
                any = true;
                match escaped {
                    // In a regular expression a backslash belongs to what follows.
                    Some(escaped @ (' ' | ',' | '\\' | '"' | '\'' | '#' | '(' | ')')) if quote.is_none() => {
                        text.push(escaped);
                    }
                    Some(escaped @ ('\\' | '"')) => text.push(escaped),
                    Some(escaped) => text.extend(['\\', escaped]),
                    None => text.push('\\'),
                }
            }
            ('"' | '\'', None) => {
                any = true;
                quote = Some((letter, at - 1));
            }
            (',', None) if depth == 0 => {
                any = true;
                args.push(std::mem::take(&mut text));
            }
            (')', None) if depth == 0 => {
                if any || !text.is_empty() {
                    args.push(text);
                }
                return Ok(at);
            }
            (letter, quoted) => {
                if quoted.is_none() {
                    depth += i32::from(letter == '(') - i32::from(letter == ')');
                }
                text.push(letter);
            }
        }
    }
    match quote {
        Some((_, at)) => Err(SampleFault::new(at, "this quote is not closed")),
        None => Err(SampleFault::new(start - 1, "this parenthesis is not closed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        match calls(text) {
            Ok(calls) => {
                let told = calls.iter().map(|Call { name, args, column }| format!("{column}:{name}{args:?}"));
                told.collect::<Vec<_>>().join(" ")
            }
            Err(SampleFault { column, message }) => format!("{column}! {message}"),
        }
    }

    #[test]
    fn calls_and_their_faults() {
        let table = [
            ("src", "0:src[]"),
            ("src()", "0:src[]"),
            ("req.hdr(X-User),lower,field(1,:)", r#"0:req.hdr["X-User"] 16:lower[] 22:field["1", ":"]"#),
            ("path,regsub(\"^/a(b,c)\",'x\\1',g)", r#"0:path[] 5:regsub["^/a(b,c)", "x\\1", "g"]"#),
            ("path,regsub(^/a(b|c)\\d,/)", r#"0:path[] 5:regsub["^/a(b|c)\\d", "/"]"#),
            ("str(a\\,b)", r#"0:str["a,b"]"#),
            ("hdr(X,-1)", r#"0:hdr["X", "-1"]"#),
            ("str(\"\")", r#"0:str[""]"#),
            ("", "0! a name of a fetch or converter is missing here"),
            ("src,", "4! a name of a fetch or converter is missing here"),
            ("src x", "3! ` ` is unexpected: `,` or the end belongs here"),
            ("hdr(x", "3! this parenthesis is not closed"),
            ("src,str(\"x)", "8! this quote is not closed"),
        ];
        for (text, told) in table {
            assert_eq!(of(text), told, "{text}");
        }
    }
}

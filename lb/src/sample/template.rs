//! Log-format strings: text with `%[expression]` in it (HAProxy manual, configuration, section 8.2.6).

use super::{Expression, Facts, Needs, SampleFault};

/// A compiled log-format string.
#[derive(Debug)]
pub struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Value(Expression),
    Quoted(Expression),
    Alias(Alias),
}

/// A short name of a value.
#[derive(Debug, Clone, Copy)]
enum Alias {
    ClientAddress,
    ClientPort,
    Frontend,
    Backend,
    Method,
    PathQuery,
    Path,
    Query,
    Version,
    Seconds,
}

// === impl Template ===

impl Template {
    /// Reads a log-format string.
    ///
    /// # Errors
    /// A `%` stands for nothing, a bracket is not closed, or an expression is faulty; with the column.
    pub fn parse(text: &str) -> Result<Self, SampleFault> {
        let letters: Vec<char> = text.chars().collect();
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(&letter) = letters.get(at) {
            if letter != '%' {
                plain.push(letter);
                at += 1;
                continue;
            }
            let start = at;
            at += 1;
            if letters.get(at) == Some(&'%') {
                plain.push('%');
                at += 1;
                continue;
            }
            let mut quoted = false;
            if letters.get(at) == Some(&'{') {
                let close = letters[at..].iter().position(|letter| *letter == '}');
                let close = close.ok_or_else(|| SampleFault::new(at, "this brace is not closed"))? + at;
                quoted = flags(&letters[at + 1..close], at + 1)?;
                at = close + 1;
            }
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            if letters.get(at) == Some(&'[') {
                let close = closing(&letters, at)
                    .ok_or_else(|| SampleFault::new(at, "this bracket is not closed"))?;
                let inner: String = letters[at + 1..close].iter().collect();
                let expression = Expression::parse(&inner).map_err(|fault| fault.within(at + 1))?;
                pieces.push(if quoted { Piece::Quoted(expression) } else { Piece::Value(expression) });
                at = close + 1;
                continue;
            }
            let count = letters[at..].iter().take_while(|letter| letter.is_ascii_alphabetic()).count();
            let name: String = letters[at..at + count].iter().collect();
            let alias = Alias::named(&name).ok_or_else(|| {
                let message = format!("`%{name}` stands for nothing here: write `%%` for a percent sign");
                SampleFault::new(start, message)
            })?;
            pieces.push(Piece::Alias(alias));
            at += count;
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// The text, where it is always the same.
    pub fn constant(&self) -> Option<&str> {
        match &self.0[..] {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// What has to be there for each of its expressions.
    pub fn needs(&self) -> impl Iterator<Item = Needs> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Value(expression) | Piece::Quoted(expression) => Some(expression.needs()),
            Piece::Text(_) | Piece::Alias(_) => None,
        })
    }

    /// Writes it; what has no value is empty.
    pub fn write(&self, facts: &Facts<'_>, out: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Value(expression) => {
                    if let Some(value) = expression.value(facts) {
                        value.write(out);
                    }
                }
                Piece::Quoted(expression) => {
                    out.push(b'"');
                    if let Some(value) = expression.value(facts) {
                        value.write(out);
                    }
                    out.push(b'"');
                }
                Piece::Alias(alias) => alias.write(facts, out),
            }
        }
    }

    /// It as text.
    pub fn text(&self, facts: &Facts<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(facts, &mut out);
        out
    }
}

// === impl Alias ===

impl Alias {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ci" => Self::ClientAddress,
            "cp" => Self::ClientPort,
            "f" | "ft" => Self::Frontend,
            "b" => Self::Backend,
            "HM" => Self::Method,
            "HU" => Self::PathQuery,
            "HP" | "HPO" => Self::Path,
            "HQ" => Self::Query,
            "HV" => Self::Version,
            "Ts" => Self::Seconds,
            _ => return None,
        })
    }

    fn write(self, facts: &Facts<'_>, out: &mut Vec<u8>) {
        let mut text = |text: &str| out.extend_from_slice(text.as_bytes());
        match (self, facts.request) {
            (Self::ClientAddress, _) => text(&facts.source.ip().to_canonical().to_string()),
            (Self::ClientPort, _) => text(itoa::Buffer::new().format(facts.source.port())),
            (Self::Frontend, _) => text(facts.frontend),
            (Self::Backend, _) => text(facts.backend.unwrap_or(facts.frontend)),
            (Self::Seconds, _) => text(itoa::Buffer::new().format(Facts::now().as_secs())),
            (Self::Method, Some(request)) => text(request.method()),
            (Self::PathQuery, Some(request)) => text(request.url()),
            (Self::Path, Some(request)) => text(request.path()),
            (Self::Query, Some(request)) => {
                if let Some(query) = request.query() {
                    text("?");
                    text(query);
                }
            }
            (Self::Version, Some(request)) => {
                text("HTTP/");
                text(request.version);
            }
            (Self::Method | Self::PathQuery | Self::Path | Self::Query | Self::Version, None) => {}
        }
    }
}

/// Reads `+Q` and its like; says whether values are put in quotes.
fn flags(letters: &[char], column: usize) -> Result<bool, SampleFault> {
    match letters {
        ['+', 'Q'] => Ok(true),
        ['-', 'Q' | 'E' | 'X'] | [] => Ok(false),
        _ => Err(SampleFault::new(column, "the flag +Q is known here")),
    }
}

/// Where the bracket at `open` is closed: not within quotes or parentheses.
fn closing(letters: &[char], open: usize) -> Option<usize> {
    let (mut depth, mut quote, mut at) = (0, None, open + 1);
    while let Some(&letter) = letters.get(at) {
        match (letter, quote) {
            ('\\', _) => at += 1,
            (letter, Some(open)) if letter == open => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'', None) => quote = Some(letter),
            ('(', None) => depth += 1,
            (')', None) => depth -= 1,
            (']', None) if depth <= 0 => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

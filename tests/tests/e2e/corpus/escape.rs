//! Bytes as text that can be read and edited: what the corpus' files are written in.
//!
//! `\r`, `\n`, `\t`, `\0`, `\\`, `\{`, `\}` and `\xff` are single bytes; `{A*70000}` is `A` seventy thousand times; everything else stands
//! for itself. It rejects a blank at the end of a line, which is invisible (`\x20` says it), and anything that is not meant so.

/// The bytes that `text` stands for.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, String> {
    if text.ends_with(' ') {
        return Err("a blank at the end is written \\x20".to_owned());
    }
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match letter {
            '\\' => rest = escape(rest, &mut bytes)?,
            '{' => {
                let (inside, after) = rest.split_once('}').ok_or("an open {")?;
                let (what, times) = inside.rsplit_once('*').ok_or("{text*times}")?;
                let times: usize = times.parse().map_err(|_| format!("not a number: {times:?}"))?;
                bytes.extend(decode(what)?.repeat(times));
                rest = after;
            }
            '}' => return Err("a } without its {".to_owned()),
            _ => bytes.extend(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(bytes)
}

/// Reads what stands behind a backslash; returns what stands behind that.
fn escape<'a>(rest: &'a str, bytes: &mut Vec<u8>) -> Result<&'a str, String> {
    let letter = rest.chars().next().ok_or("a lonely backslash")?;
    let byte = match letter {
        'r' => b'\r',
        'n' => b'\n',
        't' => b'\t',
        '0' => 0,
        '\\' | '{' | '}' => letter as u8,
        'x' => {
            let digits = rest.get(1..3).ok_or("\\x needs two digits")?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| format!("not a byte: \\x{digits}"))?);
            return Ok(&rest[3..]);
        }
        _ => return Err(format!("no such escape: \\{letter}")),
    };
    bytes.push(byte);
    Ok(&rest[1..])
}

/// Bytes for a person to read, long ones cut in their middle.
pub(super) fn shown(bytes: &[u8]) -> String {
    const ENDS: usize = 400;
    if bytes.len() <= 2 * ENDS {
        return format!("\"{}\"", bytes.escape_ascii());
    }
    let (start, end) = (&bytes[..ENDS], &bytes[bytes.len() - ENDS..]);
    let between = bytes.len() - 2 * ENDS;
    format!("\"{}\" … {between} bytes … \"{}\"", start.escape_ascii(), end.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stands_for_bytes() {
        assert_eq!(decode(r"a\r\n\t\0\\\{\}\x00\xFF\x20").unwrap(), b"a\r\n\t\0\\{}\0\xff ");
        assert_eq!(decode(r"<{A*3}{\r\n*2}{x*0}>").unwrap(), b"<AAA\r\n\r\n>");
        assert_eq!(decode("ü").unwrap(), "ü".as_bytes());
    }

    #[test]
    fn what_is_not_meant_so_is_refused() {
        for text in [r"\q", r"\x1", r"\xzz", "\\", "{A*", "{A}", "{A*x}", "A}", "a "] {
            assert!(decode(text).is_err(), "{text:?}");
        }
    }
}

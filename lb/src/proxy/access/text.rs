//! Quoting of the httplog line.

/// Escapes what would end the quotes or the line, as HAProxy does: `#` and two hex digits.
pub(super) fn write_quoted(out: &mut Vec<u8>, text: &[u8]) {
    escape(out, text, |byte| matches!(byte, b'"' | b'#' | 0..=0x1f | 0x7f..=0xff));
}

/// Writes a captured cookie and a blank, `-` without one. Unlike HAProxy, which writes cookies as they came, this escapes what could pass
/// for other fields of the line.
pub(super) fn write_cookie(out: &mut Vec<u8>, cookie: Option<&[u8]>) {
    let special = |byte| matches!(byte, b' ' | b'"' | b'#' | b'{' | b'|' | b'}' | 0..=0x1f | 0x7f..=0xff);
    escape(out, cookie.unwrap_or(b"-"), special);
    out.push(b' ');
}

/// Writes `{a|b} `, one place for each captured field, empty where there was none; nothing when none is wanted.
pub(super) fn write_captured<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = Option<&'a [u8]>>) {
    let mut some = false;
    for value in values {
        out.push(if some { b'|' } else { b'{' });
        some = true;
        let special = |byte| matches!(byte, b'"' | b'#' | b'{' | b'|' | b'}' | 0..=0x1f | 0x7f..=0xff);
        escape(out, value.unwrap_or_default(), special);
    }
    if some {
        out.extend_from_slice(b"} ");
    }
}

fn escape(out: &mut Vec<u8>, text: &[u8], special: impl Fn(u8) -> bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        if special(byte) {
            out.extend([b'#', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        } else {
            out.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_cannot_end_the_field() {
        let mut out = Vec::new();
        write_quoted(&mut out, b"/a\"b#c\n{|}");
        assert_eq!(out, b"/a#22b#23c#0A{|}");
    }

    /// Breaks when a client can write fields of the log.
    #[test]
    fn a_cookie_cannot_be_more_than_one_field() {
        let table: [(Option<&[u8]>, &str); 4] = [
            (None, "- "),
            (Some(b"SES=abc"), "SES=abc "),
            (Some(b"SES=a - LR-- 1/1"), "SES=a#20-#20LR--#201/1 "),
            (Some(b"SES=a|c{d}\"e#f\t\xe9"), "SES=a#7Cc#7Bd#7D#22e#23f#09#E9 "),
        ];
        for (cookie, expected) in table {
            let mut out = Vec::new();
            write_cookie(&mut out, cookie);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    /// What HAProxy 2.6 was seen to write.
    #[test]
    fn captured_fields_stand_in_braces() {
        let table: [(&[Option<&[u8]>], &str); 6] = [
            (&[], ""),
            (&[Some(b"lab")], "{lab} "),
            (&[None], "{} "),
            (&[Some(b"lab"), None], "{lab|} "),
            (&[Some(b"Mozilla/5. x"), Some(b"")], "{Mozilla/5. x|} "),
            (&[Some(b"\x01a|b{c}d\"#e\xe9"), Some(b"r2")], "{#01a#7Cb#7Bc#7Dd#22#23e#E9|r2} "),
        ];
        for (values, expected) in table {
            let mut out = Vec::new();
            write_captured(&mut out, values.iter().copied());
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}

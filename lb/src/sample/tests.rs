//! Tables of expressions and what they come to.

use super::*;
use crate::http::overlay::{FieldName, FieldValue, Overlay};
use httparse::Header;

const FIELDS: &[Header<'static>] = &[
    Header { name: "Host", value: b"www.Example.org:81" },
    Header { name: "X-A", value: b"one, \"t,wo\" , three" },
    Header { name: "x-a", value: b"12" },
    Header { name: "X-For", value: b"192.0.2.77" },
    Header { name: "Cookie", value: b"a=1; sid = two ;b=" },
    Header { name: "X-Enc", value: b"a%20b+c" },
];

fn of(text: &str) -> String {
    let mut edits = Overlay::default();
    edits.add(FieldName::new("X-New").unwrap(), FieldValue::new("made").unwrap());
    let facts = facts(&edits);
    match Expression::parse(text) {
        Err(SampleFault { column, message }) => format!("{column}! {message}"),
        Ok(expression) => match expression.value(&facts) {
            None => "-".to_owned(),
            Some(value) => String::from_utf8_lossy(&value.into_bytes()).into_owned(),
        },
    }
}

fn facts(edits: &Overlay) -> Facts<'_> {
    static NONE: Variables = Variables::new();
    let head = HeadView { fields: FIELDS, edits };
    let path = "/api/v1/items?q=1&x=y&q=2";
    let request =
        RequestView { head, method: "GET", target: path, path, host: b"www.Example.org:81", version: "1.1" };
    Facts {
        request: Some(request),
        response: None,
        source: "192.0.2.9:1234".parse().unwrap(),
        destination: None,
        is_first: true,
        frontend: "fe",
        backend: None,
        variables: &NONE,
        state: &NoState,
    }
}

#[test]
fn expressions_and_their_values() {
    let table = [
        ("src", "192.0.2.9"),
        ("src_port", "1234"),
        ("src,ipmask(24)", "192.0.2.0"),
        ("src,ipmask(255.255.0.0)", "192.0.0.0"),
        ("method", "GET"),
        ("path", "/api/v1/items"),
        ("pathq", "/api/v1/items?q=1&x=y&q=2"),
        ("query", "q=1&x=y&q=2"),
        ("base", "www.Example.org:81/api/v1/items"),
        ("urlp(q)", "2"),
        ("urlp(x)", "y"),
        ("urlp(z)", "-"),
        ("hdr(x-a)", "12"),
        ("req.hdr(X-A,1)", "one"),
        ("req.hdr(X-A,2)", "\"t,wo\""),
        ("req.hdr(X-A,-2)", "three"),
        ("req.hdr(X-A,9)", "-"),
        ("req.fhdr(X-A,1)", "one, \"t,wo\" , three"),
        ("req.hdr_cnt(x-a)", "4"),
        ("req.fhdr_cnt(x-a)", "2"),
        ("hdr_val(x-a)", "12"),
        ("hdr_ip(x-for)", "192.0.2.77"),
        ("req.hdr(X-New)", "made"),
        ("req.cook(sid)", "two"),
        ("req.cook(no)", "-"),
        ("req.cook_cnt(a)", "1"),
        ("hdr(host),lower,field(1,:)", "www.example.org"),
        ("hdr(host),host_only", "www.Example.org"),
        ("hdr(host),port_only", "81"),
        ("path,field(2,/)", "api"),
        ("path,word(2,/)", "v1"),
        ("path,word(-1,/)", "items"),
        ("path,field(2,/,2)", "api/v1"),
        ("path,regsub(\"^/api\",/x)", "/x/v1/items"),
        ("path,regsub(i,I,g)", "/apI/v1/Items"),
        ("path,regsub(\"/v([0-9])/\",'/w\\1/')", "/api/w1/items"),
        ("str(abc),upper,length", "3"),
        ("int(7),add(3),mul(2),mod(6)", "2"),
        ("int(7),odd", "1"),
        ("int(7),div(0)", "-"),
        ("bool(true),not", "0"),
        ("str(a b),url_enc", "a%20b"),
        ("hdr(x-enc),url_dec", "a b+c"),
        ("hdr(x-enc),url_dec(1)", "a b c"),
        ("str(hello),base64", "aGVsbG8="),
        ("str(aGVsbG8=),b64dec", "hello"),
        ("str(hello),hex", "68656C6C6F"),
        ("bin(6869)", "hi"),
        ("str(hello),bytes(1,3)", "ell"),
        ("str(xxhixx),ltrim(x),rtrim(x)", "hi"),
        ("str(hello),djb2", "261238937"),
        ("str(hello),sdbm", "684824882"),
        ("str(hello),crc32", "907060870"),
        ("str(hello),crc32c", "2591144780"),
        ("int(0),http_date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("always_true,iif(yes,no)", "yes"),
        ("str(abc),add(1)", "-"),
        ("status", "-"),
        ("nope(x)", "0! there is no fetch `nope`"),
        ("req.hdrr(x)", "0! there is no fetch `req.hdrr`: did you mean `req.hdr`?"),
        ("path,nope", "5! there is no converter `nope`"),
        ("path(1)", "0! fetch `path` takes no arguments"),
        (
            "path,field(0,/)",
            "5! converter `field` takes a place from 1 (or -1, from the end), and the separators",
        ),
        ("src,not", "4! converter `not` reads a value of type boolean, and gets one of type address"),
        ("src_http_req_rate(clients)", "-"),
        ("sc0_get_gpc0", "-"),
        (
            "sc_http_req_rate(1)",
            "0! fetch `sc_http_req_rate` takes 0, since one key is tracked: that of the frontend's `track`",
        ),
        ("var(nope)", "0! fetch `var` takes a variable such as `txn.name`, of proc, sess, txn, req or res"),
    ];
    for (text, value) in table {
        assert_eq!(of(text), value, "{text}");
    }
}

#[test]
fn what_looks_around_is_rejected_with_a_reason() {
    assert!(of("path,regsub(\"(?=a)\",b)").contains("looks around"));
    assert!(of("path,regsub(\"[a\",b)").contains("is not valid"));
}

#[test]
fn any_of_several_values() {
    let edits = Overlay::default();
    let expression = Expression::parse("hdr(x-a)").unwrap();
    let mut seen = Vec::new();
    expression.any(&facts(&edits), |value| {
        seen.push(String::from_utf8_lossy(&value.into_bytes()).into_owned());
        false
    });
    assert_eq!(seen, ["one", "\"t,wo\"", "three", "12"]);
}

#[test]
fn templates() {
    let edits = Overlay::default();
    let table = [
        ("", ""),
        ("plain", "plain"),
        ("100%%", "100%"),
        ("a-%[src]-b", "a-192.0.2.9-b"),
        ("%ci:%cp %HM %HP%HQ %HV", "192.0.2.9:1234 GET /api/v1/items?q=1&x=y&q=2 HTTP/1.1"),
        ("%[req.hdr(nothing)]", ""),
        ("%{+Q}[method]", "\"GET\""),
        ("%[path,regsub(\"]\",x)]", "/api/v1/items"),
    ];
    for (text, expected) in table {
        let template = Template::parse(text).unwrap();
        assert_eq!(String::from_utf8_lossy(&template.text(&facts(&edits))), expected, "{text}");
    }
    for (text, column) in [("%zz", 0), ("a %[src", 3), ("x%[nope]", 3), ("%", 0)] {
        assert_eq!(Template::parse(text).unwrap_err().column, column, "{text}");
    }
}

proptest::proptest! {
    /// Breaks when some text makes the parsers or an evaluation panic.
    #[test]
    fn no_text_is_too_odd(text in "(src|path|hdr|str|field|word|regsub|bytes|ipmask|urlp|int|[a-z_.]{0,8}|[(),'%{}\\\\\" \\[\\]0-9-]){0,12}") {
        let edits = Overlay::default();
        if let Ok(expression) = Expression::parse(&text) {
            expression.value(&facts(&edits));
        }
        if let Ok(template) = Template::parse(&text) {
            template.text(&facts(&edits));
        }
    }
}

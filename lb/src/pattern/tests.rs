//! Tables of comparisons.

use super::*;
use crate::http::overlay::Overlay;
use crate::sample::{HeadView, NoState, RequestView, Variables};
use httparse::Header;

fn holds(line: &str) -> Result<bool, String> {
    let fields = [
        Header { name: "Host", value: b"www.Example.org:81" },
        Header { name: "X-Many", value: b"a, b" },
        Header { name: "Content-Length", value: b"120" },
    ];
    let edits = Overlay::default();
    let head = HeadView { fields: &fields, edits: &edits };
    let path = "/static/img/logo.png?x=1";
    let request =
        RequestView { head, method: "POST", target: path, path, host: b"www.Example.org:81", version: "1.1" };
    let facts = Facts {
        request: Some(request),
        response: None,
        source: "10.1.2.3:99".parse().unwrap(),
        destination: None,
        is_first: true,
        frontend: "fe",
        backend: None,
        variables: &Variables::new(),
        state: &NoState,
    };
    let words = crate::config::words(line).unwrap();
    SampleTest::parse(&words).map(|test| test.holds(&facts)).map_err(|fault| fault.message)
}

#[test]
fn comparisons() {
    for line in [
        "path_beg /no /static",
        "path -m beg /static",
        "path_end .jpg .png",
        "path_end -i .PNG",
        "path_sub img",
        "path_dir img",
        "path_dir /static/img/",
        "path_reg ^/static/.*\\.(png|jpg)$",
        "path_reg -i ^/STATIC",
        "path_len gt 10",
        "path /static/img/logo.png",
        "url_sub x=1",
        "hdr(host) -i www.example.org:81",
        "hdr_dom(host) -i example",
        "hdr_beg(host) www.",
        "hdr(x-many) b",
        "hdr_cnt(x-many) 2",
        "hdr_cnt(x-many) eq 2",
        "hdr(x-many) -m found",
        "hdr_val(content-length) gt 100",
        "hdr_val(content-length) 100:200",
        "hdr_val(content-length) le 120",
        "src 192.0.2.0/24 10.0.0.0/8",
        "src 10.0.0.0/255.0.0.0",
        "src ::ffff:10.1.2.3",
        "src_port lt 100",
        "method POST PUT",
        "method post",
        "always_true",
        "always_false -m bool false",
        "hdr(host),field(2,:) 81",
        "str(-i) -m str -- -i",
        "path,lower -m str -i /STATIC/img/logo.png",
    ] {
        assert_eq!(holds(line), Ok(true), "{line}");
    }
    for line in [
        "path_beg static",
        "path_dir im",
        "hdr(host) www.example.org:81",
        "hdr_dom(host) -i exam",
        "hdr(no) -m found",
        "hdr_val(content-length) gt 120",
        "src 10.1.2.4",
        "method GET",
        "always_false",
        "path_len lt 5",
    ] {
        assert_eq!(holds(line), Ok(false), "{line}");
    }
}

#[test]
fn faults() {
    for (line, message) in [
        ("", "a fetch is missing, such as `path_beg /static`"),
        ("path", "`path` is compared with nothing: a pattern is missing"),
        ("src nowhere", "`nowhere` is neither an address nor a network"),
        ("src 10.0.0.0/33", "`10.0.0.0/33` is neither an address nor a network"),
        ("src_port gt x", "`x` is neither a number nor a span such as `1:10`"),
        ("src_port gt", "a number is missing behind `gt`"),
        ("bin(00) 00", "say how `bin(00)` is compared: `-m str`, for example"),
        ("nope x", "there is no fetch `nope`"),
    ] {
        assert_eq!(holds(line), Err(message.to_owned()), "{line}");
    }
    assert!(holds("path_reg (").unwrap_err().contains("is not valid"));
    assert!(holds("path -f /nowhere/at/all").unwrap_err().contains("cannot be read"));
    assert!(holds("path -m nope x").unwrap_err().contains("no way to compare"));
}

//! Rules on requests: what they come to, and what is wrong with them.

use super::*;
use crate::config::{Place, words};
use crate::http::overlay::Overlay;
use crate::sample::{HeadView, NoState, RequestView, Variables};
use httparse::Header;

fn lines(lines: &[&str]) -> Vec<RuleLine> {
    let place = Place { file: 0, bytes: None, key: String::new() };
    lines.iter().map(|line| RuleLine { words: words(line).unwrap(), place: place.clone() }).collect()
}

fn set(acls: &[&str], http_request: &[&str], use_backend: &[&str]) -> RuleSet {
    RuleSet {
        acls: lines(acls),
        http_request: lines(http_request),
        use_backend: lines(use_backend),
        ..RuleSet::default()
    }
}

/// What becomes of a request: its line and fields, or the response; then the backend.
fn run(set: &RuleSet) -> String {
    let book = RuleBook::compile(set).unwrap().unwrap();
    let fields = [
        Header { name: "Host", value: b"www.example.org" },
        Header { name: "X-A", value: b"one, two" },
        Header { name: "X-A", value: b"three" },
        Header { name: "X-B", value: b"b" },
    ];
    let (nothing, mut edits, mut variables) = (Overlay::default(), Overlay::default(), Variables::new());
    let head = HeadView { fields: &fields, edits: &nothing };
    let path = "/api/items?q=1";
    let request =
        RequestView { head, method: "GET", target: path, path, host: b"www.example.org", version: "1.1" };
    let unset = Variables::new();
    let facts = Facts {
        request: Some(request),
        response: None,
        source: "10.1.2.3:99".parse().unwrap(),
        destination: None,
        is_first: true,
        frontend: "fe",
        backend: None,
        variables: &unset,
        state: &NoState,
    };
    let mut scene = RuleScene { facts, fields: &fields, edits: &mut edits, variables: &mut variables };
    match book.on_request(&mut scene) {
        Verdict::Close => return "closed".to_owned(),
        Verdict::Respond(response) => {
            let fields = response
                .fields
                .iter()
                .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)));
            let fields = fields.collect::<Vec<_>>().join("; ");
            return format!("{} [{fields}] {}", response.status, String::from_utf8_lossy(&response.body));
        }
        Verdict::Continue => {}
    }
    let facts = RuleBook::facts_after(&scene);
    let known = ["api", "fe-other"];
    let route =
        book.route(&facts, |name| known.iter().copied().find(|known| *known == name)).map(str::to_owned);
    let request = facts.request.unwrap();
    let mut told = format!(
        "{} {} {}",
        request.method(),
        request.path_and_query(),
        String::from_utf8_lossy(request.host())
    );
    for (name, value) in edits.fields(&fields).filter(|(name, _)| *name != "Host") {
        told.push_str(&format!(" {name}={}", String::from_utf8_lossy(value)));
    }
    told.extend(route.map(|route| format!(" -> {route}")));
    told
}

#[test]
fn actions() {
    let rest = "X-A=one, two X-A=three X-B=b";
    let table: &[(&[&str], &str)] = &[
        (&["allow", "deny"], &format!("GET /api/items?q=1 www.example.org {rest}")),
        (
            &["deny if { path_beg /api }"],
            "403 [cache-control: no-cache; content-type: text/html] <html><body><h1>403 Forbidden</h1>\nRejected by a rule.\n</body></html>\n",
        ),
        (&["deny unless { path_beg /api }"], &format!("GET /api/items?q=1 www.example.org {rest}")),
        (
            &["deny deny_status 429 content-type text/plain string slow"],
            "429 [content-type: text/plain] slow",
        ),
        (&["reject if { src 10.0.0.0/8 }"], "closed"),
        (&["return status 204"], "204 [] "),
        (
            &["return content-type text/plain lf-string \"%[src] 100%%\" hdr X-C %[method]"],
            "200 [x-c: GET; content-type: text/plain] 10.1.2.3 100%",
        ),
        (
            &["return content-type text/plain string \"50% %[src]\""],
            "200 [content-type: text/plain] 50% %[src]",
        ),
        (
            &["redirect scheme https"],
            "302 [location: https://www.example.org/api/items?q=1; cache-control: no-cache] ",
        ),
        (
            &["redirect prefix https://x.org code 301 drop-query append-slash"],
            "301 [location: https://x.org/api/items/] ",
        ),
        (
            &["redirect location /new?from=%[path] code 308 set-cookie SEEN=1"],
            "308 [location: /new?from=/api/items; set-cookie: SEEN=1; path=/;] ",
        ),
        (
            &["redirect location %[hdr(none)] ignore-empty"],
            &format!("GET /api/items?q=1 www.example.org {rest}"),
        ),
        (&["set-header X-A new"], "GET /api/items?q=1 www.example.org X-B=b X-A=new"),
        (
            &["add-header X-C \"a b\"", "set-header X-D %[req.hdr(x-c)]"],
            &format!("GET /api/items?q=1 www.example.org {rest} X-C=a b X-D=a b"),
        ),
        (&["del-header x-a"], "GET /api/items?q=1 www.example.org X-B=b"),
        (
            &["replace-header X-A ^(o)(.*) \\2-\\1"],
            "GET /api/items?q=1 www.example.org X-A=ne, two-o X-A=three X-B=b",
        ),
        (
            &["replace-value X-A ^t(.*) T\\1"],
            "GET /api/items?q=1 www.example.org X-A=one,Two X-A=Three X-B=b",
        ),
        (&["tarpit deny_status 429 content-type text/plain string x"], "429 [content-type: text/plain] x"),
        (
            &["set-header Host other.org", "set-header X-B %[req.hdr(host)]"],
            "GET /api/items?q=1 other.org X-A=one, two X-A=three X-B=other.org",
        ),
        (&["set-uri /u?v"], &format!("GET /u?v www.example.org {rest}")),
        (&["set-header Host other.org"], &format!("GET /api/items?q=1 other.org {rest}")),
        (&["set-method POST", "set-path /x"], &format!("POST /x?q=1 www.example.org {rest}")),
        (&["set-path /a%[path]", "set-query z=2"], &format!("GET /a/api/items?z=2 www.example.org {rest}")),
        (&["set-pathq /n"], &format!("GET /n www.example.org {rest}")),
        (&["replace-path ^/api(/.*)?$ /v1\\1"], &format!("GET /v1/items?q=1 www.example.org {rest}")),
        (
            &["set-var(txn.p) path,field(2,/)", "set-header X-B %[var(txn.p)]"],
            "GET /api/items?q=1 www.example.org X-A=one, two X-A=three X-B=api",
        ),
        // What would break a head is left out, and the client's own value with it.
        (
            &["set-header X-B %[str(a%0d%0aEvil:1),url_dec]"],
            "GET /api/items?q=1 www.example.org X-A=one, two X-A=three",
        ),
        (&["set-path %[str(/a%20b%0d),url_dec]"], &format!("GET /api/items?q=1 www.example.org {rest}")),
    ];
    for (rules, expected) in table {
        assert_eq!(&run(&set(&[], rules, &[])), expected, "{rules:?}");
    }
}

#[test]
fn conditions_and_routes() {
    let acls = ["is_api path_beg /api", "is_api path_beg /rest", "is_post method POST", "old req.ver 1.0"];
    let table = [
        ("api if is_api", true),
        ("api if is_post", false),
        ("api if !is_post is_api", true),
        ("api if is_post or is_api", true),
        ("api if is_api is_post || old", false),
        ("api unless is_post", true),
        ("api if ! is_post", true),
        ("api if METH_GET !{ path_end .png }", true),
        ("%[path,field(2,/)] if is_api", true),
        ("%[path,field(3,/)] if is_api", false),
    ];
    for (route, leads) in table {
        assert_eq!(run(&set(&acls, &[], &[route])).ends_with(" -> api"), leads, "{route}");
    }
}

#[test]
fn faults_of_lines() {
    let table = [
        ("nope", "there is no action `nope`"),
        ("deny if nope", "there is no ACL `nope`"),
        ("deny if { path_beg /a", "a closing `}` is missing in the condition"),
        ("deny when x", "`when` is unknown here"),
        ("allow when x", "`when` is unexpected here"),
        ("deny if or x", "a test is missing before `or`"),
        ("deny if", "a test is missing at the end of the condition"),
        ("deny deny_status 999", "a status is a number from 200 to 599"),
        (
            "deny if { status 200 }",
            "this condition can never hold: rules of requests cannot see what it tests",
        ),
        ("set-header X", "a value is missing"),
        ("auth", "the action `auth` is not supported here"),
        ("set-uri http://x/", "a target is a path with an optional query here"),
        (
            "set-header Content-Length 1",
            "the field `Content-Length` cannot be edited: this field says how messages are framed, or is about one connection: it cannot be edited",
        ),
        ("set-header X %[nope]", "there is no fetch `nope`"),
        ("set-header X %[res.hdr(a)]", "rules of requests cannot see what this value is made of"),
        ("set-var(x) src", "a variable is named in parentheses, such as `set-var(txn.name)`"),
        ("redirect code 301", "say where to: `location`, `prefix` or `scheme`"),
        ("return string x", "`content-type` is missing"),
    ];
    for (line, message) in table {
        let faults = RuleBook::compile(&set(&[], &[line], &[])).unwrap_err();
        assert_eq!(faults[0].message, message, "{line}");
    }
    assert!(RuleBook::compile(&RuleSet::default()).unwrap().is_none());
}

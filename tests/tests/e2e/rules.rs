//! Routes and rules: what clients and servers see of them. The bytes are those that HAProxy 2.6 gives for the same lines.

use tests::{Lab, Origin, Running, eventually};

use crate::{get, ok};

/// A frontend with these lists of rules and two backends, each with one server.
async fn ruled(rules: &str) -> (Running, Origin, Origin) {
    let (one, other) = (Origin::named("one").await, Origin::named("other").await);
    let lab = Lab::new().server("a", one.address()).frontend(rules);
    let other_server = format!("a = \"{}\"", other.address());
    (lab.section("backend.other.servers", &other_server).start().await, one, other)
}

/// The whole response to a request for `target` on a connection that ends with it.
async fn bytes(lab: &Running, target: &str) -> String {
    let mut client = lab.connect().await;
    client.send(get(target, "Connection: close\r\nX-R: one, two\r\nX-V: one, two\r\nX-Gone: 1\r\n")).await;
    String::from_utf8_lossy(&client.take_rest().await.unwrap()).into_owned()
}

/// The head of the last request that an origin has seen, as text.
fn head_of(origin: &Origin) -> String {
    let head = origin.requests().pop().unwrap().head;
    let fields = head.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    format!("{}\r\n{}", head.line, fields.collect::<String>())
}

/// Lists with a line for each rule, as lines `key = value`.
fn flat(rules: &str) -> String {
    let lines = rules.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.fold(String::new(), |text, line| match line.contains(" = ") {
        true => text + "\n" + line,
        false => text + " " + line,
    })
}

#[tokio::test]
async fn rules_answer_with_haproxys_bytes() {
    let rules = r#"
        http_request = [
            'return status 200 content-type text/plain string hello hdr X-C %[src] if { path /return }',
            'return status 204 if { path /none }',
            'redirect scheme https if { path /scheme }',
            'redirect prefix https://x.org code 301 drop-query append-slash if { path /prefix }',
            'redirect location /new code 308 set-cookie SEEN=1 if { path /cookie }',
            'deny if { path /deny }',
            'deny deny_status 429 if { path /slow }',
            'reject if { path /reject }',
        ]"#;
    let (lab, one, _other) = ruled(&flat(rules)).await;
    let table = [
        (
            "/return",
            "HTTP/1.1 200 OK\r\nx-c: 127.0.0.1\r\ncontent-length: 5\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nhello",
        ),
        ("/none", "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"),
        (
            "/prefix?a=1",
            "HTTP/1.1 301 Moved Permanently\r\ncontent-length: 0\r\nlocation: https://x.org/prefix/\r\nconnection: close\r\n\r\n",
        ),
        (
            "/cookie",
            "HTTP/1.1 308 Permanent Redirect\r\ncontent-length: 0\r\nlocation: /new\r\nset-cookie: SEEN=1; path=/;\r\nconnection: close\r\n\r\n",
        ),
        ("/reject", ""),
    ];
    for (target, expected) in table {
        assert_eq!(bytes(&lab, target).await, expected, "{target}");
    }
    let scheme = bytes(&lab, "/scheme?a=1").await;
    assert!(scheme.starts_with("HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: https://"), "{scheme}");
    assert!(
        scheme.ends_with("/scheme?a=1\r\ncache-control: no-cache\r\nconnection: close\r\n\r\n"),
        "{scheme}"
    );
    for (target, line) in [("/deny", "HTTP/1.1 403 Forbidden"), ("/slow", "HTTP/1.1 429 Too Many Requests")] {
        let (head, fields) =
            (bytes(&lab, target).await, "cache-control: no-cache\r\ncontent-type: text/html\r\n");
        assert!(head.starts_with(line) && head.contains(fields), "{head}");
    }
    assert_eq!(one.count(), 0, "no server sees any of them");
    let row = lab.stat("fe_api", "FRONTEND").await;
    assert_eq!((row.text("dreq"), row.text("intercepted")), ("3", "5"));
}

/// Breaks when a connection ends, or a body is read as a request, after a rule has answered.
#[tokio::test]
async fn a_connection_goes_on_after_a_rule_has_answered() {
    let (lab, one, _other) = ruled("http_request = 'deny if { path /deny }'").await;
    let mut client = lab.connect().await;
    for _ in 0..3 {
        assert_eq!(client.get("/deny").await.status(), 403);
        assert_eq!(client.get("/").await.status(), 200);
    }
    assert_eq!((one.accepted(), one.count()), (1, 3));
    let body = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    client
        .send(format!("POST /deny HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
        .await;
    assert_eq!(client.answer().await.status(), 403);
    client.closed().await;
    assert_eq!(one.count(), 3, "the body is no request");
}

#[tokio::test]
async fn requests_and_responses_are_edited() {
    let rules = r#"
        acl = ['is_api path_beg /api']
        http_request = [
            'set-header X-N "a b"',
            'add-header X-A %[path,field(2,/)]',
            'replace-header X-R ^(o)(.*) \2-\1',
            'replace-value X-V ^t(.*) T\1',
            'del-header X-Gone',
            'set-header X-Forwarded-Proto https',
            'set-path /p%[path] if is_api',
            'set-query z=2 if is_api',
            'set-var(txn.path) path',
        ]
        http_response = ['set-header X-Resp %[status]', 'set-header X-Path %[var(txn.path)]', 'del-header X-Server', 'set-status 203 reason "From here" if { status 200 }']
        use_backend = 'other if is_api'"#;
    let origin = Origin::http(|_| ok("here").replacen("\r\n", "\r\nX-Server: s\r\n", 1)).await;
    let lab = Lab::new().server("a", origin.address()).frontend(&flat(rules));
    let other = format!("a = \"{}\"", origin.address());
    let lab = lab.section("backend.other.servers", &other).start().await;
    let response = bytes(&lab, "/x/y?y=1").await;
    assert!(response.starts_with("HTTP/1.1 203 From here\r\n"), "{response}");
    assert!(
        response.contains("\r\nX-Resp: 200\r\nX-Path: /x/y\r\n") && !response.contains("X-Server"),
        "{response}"
    );
    let seen = head_of(&origin);
    assert!(seen.starts_with("GET /x/y?y=1 HTTP/1.1\r\n"), "{seen}");
    for line in ["X-R: ne, two-o", "X-V: one,Two", "X-N: a b", "X-A: x", "X-Forwarded-Proto: https"] {
        assert!(seen.contains(&format!("\r\n{line}\r\n")), "{line} in {seen}");
    }
    assert!(!seen.contains("X-Gone") && !seen.contains("X-Forwarded-Proto: http\r\n"), "{seen}");
    bytes(&lab, "/api/x?y=1").await;
    let seen = head_of(&origin);
    // Conditions see what earlier rules did: after `set-path` it is no request for `/api` any more.
    assert!(seen.starts_with("GET /p/api/x?y=1 HTTP/1.1\r\n"), "{seen}");
}

#[tokio::test]
async fn routes_choose_the_backend_and_follow_a_reload() {
    let (mut lab, one, other) =
        ruled("use_backend = ['other if { path_beg /api }', '%[req.hdr(x-to)]']").await;
    let mut client = lab.connect().await;
    assert_eq!((client.get("/").await.status(), one.count(), other.count()), (200, 1, 0));
    assert_eq!((client.get("/api/x").await.status(), one.count(), other.count()), (200, 1, 1));
    client.send(get("/", "X-To: other\r\n")).await;
    assert_eq!((client.answer().await.status(), other.count()), (200, 2));
    client.send(get("/", "X-To: nowhere\r\n")).await;
    assert_eq!(
        (client.answer().await.status(), one.count()),
        (200, 2),
        "a name that is no backend is passed over"
    );
    lab.reload(|plan| plan.set("frontend.fe_api", "use_backend = 'other if { path_beg /rest }'")).await;
    assert_eq!((client.get("/api/x").await.status(), one.count()), (200, 3));
    assert_eq!((client.get("/rest").await.status(), other.count()), (200, 3));
    assert_eq!(lab.stat("other", "BACKEND").await.text("stot"), "3");
}

#[tokio::test]
async fn the_log_tells_of_rules() {
    let (lab, ..) =
        ruled("http_request = ['deny if { path /deny }', 'return status 204 if { path /none }']").await;
    bytes(&lab, "/deny").await;
    bytes(&lab, "/none").await;
    let told = |target: &str, letters: &str, status: &str| {
        lab.log().lines().any(|line| {
            [format!("\"{target}\""), format!("\"{letters}\""), status.to_owned()]
                .iter()
                .all(|part| line.contains(part))
        })
    };
    eventually("both lines", async || told("/deny", "PR", "403") && told("/none", "LR", "204")).await;
}

#[tokio::test]
async fn routes_without_rules() {
    let origins = [Origin::named("one").await, Origin::named("other").await];
    let lab = Lab::new().server("a", origins[0].address());
    let server = format!("a = \"{}\"", origins[1].address());
    let route = "route = [{ host = '*.api.org', path = '/v1', method = 'GET', header = { x-env = 'beta' }, backend = 'other' }]";
    let lab = lab.section("backend.other.servers", &server).frontend(route).start().await;
    let mut client = lab.connect().await;
    let table = [
        ("GET", "/v1", "www.API.org:80", "beta", "other"),
        ("GET", "/v1/x?y", "www.api.org", "beta", "other"),
        ("GET", "http://www.api.org/v1", "one.org", "beta", "other"),
        ("GET", "/v10", "www.api.org", "beta", "one"),
        ("PUT", "/v1", "www.api.org", "beta", "one"),
        ("GET", "/v1", "api.org", "beta", "one"),
        ("GET", "/v1", "www.api.org", "b", "one"),
    ];
    for (method, target, host, env, server) in table {
        let before = origins.each_ref().map(Origin::count);
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nX-Env: {env}\r\n\r\n")).await;
        assert_eq!(client.answer().await.status(), 200, "{target}");
        let reached = if origins[1].count() > before[1] { "other" } else { "one" };
        assert_eq!(reached, server, "{method} {target} {host} {env}");
    }
}

#[tokio::test]
async fn a_tarpit_takes_its_time_and_serves_others_meanwhile() {
    let rules = "http_request = 'tarpit deny_status 429 if { path /slow }'";
    let origin = Origin::named("one").await;
    let lab =
        Lab::new().server("a", origin.address()).frontend(rules).timeout("connect = \"300ms\"").start().await;
    let mut slow = lab.connect().await;
    let begun = std::time::Instant::now();
    slow.send(get("/slow", "")).await;
    assert_eq!(lab.get("/").await.status(), 200);
    assert_eq!(slow.answer().await.status(), 429);
    assert!(begun.elapsed().as_millis() >= 300);
    assert_eq!(slow.get("/").await.status(), 200);
    eventually("the line", async || lab.log().lines().any(|line| line.contains("\"PT\""))).await;
}

/// Breaks when a request is not counted in what its own rules see, or a rejected one is not counted.
#[tokio::test]
async fn clients_are_limited_by_what_a_table_knows() {
    let origin = Origin::named("one").await;
    let rules = "track = { key = 'header:x-user', table = 'clients' }\n\
                 http_request = 'deny deny_status 429 if { sc_http_req_cnt(0) gt 2 } !{ src_http_req_cnt(nowhere) gt 0 }'";
    let lab = Lab::new().server("a", origin.address()).frontend(rules);
    let table = "type = 'string'\nsize = 10\nstore = ['http_req_cnt', 'http_req_rate(10s)']";
    let lab = lab.section("backend.clients.table", table).start().await;
    let mut client = lab.connect().await;
    for (user, status) in [("a", 200), ("a", 200), ("b", 200), ("a", 429), ("a", 429), ("b", 200)] {
        client.send(get("/", &format!("X-User: {user}\r\n"))).await;
        assert_eq!(client.answer().await.status(), status, "{user}");
    }
    let shown = lab.socket("show table clients").await;
    assert!(shown.contains("key=a") && shown.contains("http_req_cnt=4"), "{shown}");
}

//! The pages through real sockets: browsers, scrapers, orchestrators, and attacks.

mod access;
mod contrast;
mod events;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::control::Origin;
use crate::control::fixture::Fixture;
use crate::server::{AdminState, CheckResult, CheckStatus};

const BACKEND: &str =
    "health = { path = \"/\" }\n[backend.be.servers]\ns1 = \"127.0.0.1:9\"\ns2 = \"127.0.0.1:10\"\n";

/// Pages on top of a fixture.
struct Pages {
    fixture: Fixture,
    address: SocketAddr,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

/// A received response.
struct TestResponse {
    status: u16,
    head: String,
    body: String,
}

impl Pages {
    fn new() -> Self {
        Self::of(Fixture::new(BACKEND))
    }

    /// Pages that may change state.
    fn open() -> Self {
        Self::of(Fixture::with("[stats]\nadmin = true\n", BACKEND))
    }

    fn of(fixture: Fixture) -> Self {
        let web = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let (address, stop) = (web.addresses()[0], CancellationToken::new());
        let serving = tokio::spawn(web.serve(Arc::clone(&fixture.control), stop.clone()));
        Self { fixture, address, stop, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn ask(&self, method: &str, path: &str) -> TestResponse {
        self.send(method, path, "", "").await
    }

    /// POSTs a form with additional header lines.
    async fn post(&self, path: &str, lines: &str, form: &str) -> TestResponse {
        self.send("POST", path, lines, form).await
    }

    async fn send(&self, method: &str, path: &str, lines: &str, body: &str) -> TestResponse {
        let mut stream = self.connect().await;
        let length = body.len();
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {length}\r\n") };
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: lb\r\nConnection: close\r\n{lines}{length}\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        tokio::time::timeout(Duration::from_secs(30), stream.read_to_string(&mut text))
            .await
            .unwrap()
            .unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        TestResponse { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    async fn get(&self, path: &str) -> TestResponse {
        self.ask("GET", path).await
    }

    fn order(&self, name: &str, admin: AdminState) {
        self.fixture.control.set_admin(&self.fixture.server(name), admin, &Origin::Start);
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(30), self.serving).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn every_path_answers_in_its_own_type() {
    let pages = Pages::new();
    for (path, kind, part) in [
        ("/", "text/html", "<!doctype html>"),
        ("/stats", "text/html", ">be</h2>"),
        ("/stats/", "text/html", ">be</h2>"),
        ("/stats.css", "text/css", "prefers-color-scheme: dark"),
        ("/stats.js", "text/javascript", "EventSource"),
        ("/stats.json", "application/json", "\"backends\""),
        ("/stats;csv", "text/plain", "# pxname,svname,"),
        ("/stats;csv;norefresh", "text/plain", "# pxname,svname,"),
        ("/;csv", "text/plain", "be,BACKEND,"),
        ("/stats/;csv", "text/plain", "be,BACKEND,"),
        ("/stats;typed", "text/plain", "S.3.1.17.status.1:SGPV:str:UP 1/3"),
        ("/stats;json", "application/json", "\"objType\":\"Server\""),
        ("/metrics", "text/plain; version=0.0.4", "# TYPE haproxy_server_status gauge"),
        ("/metrics?scope=server", "text/plain; version=0.0.4", "haproxy_server_weight{"),
        ("/healthz", "text/plain", "ok"),
        ("/readyz", "text/plain", "ready"),
    ] {
        let reply = pages.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.head.contains(&format!("content-type: {kind}")), "{path}: {}", reply.head);
        assert!(reply.body.contains(part), "{path}: {}", reply.body);
        for header in ["cache-control: no-cache", "content-security-policy: default-src 'none'", "nosniff"] {
            assert!(reply.head.contains(header), "{path}: {}", reply.head);
        }
    }
    pages.end().await;
}

#[tokio::test]
async fn what_is_not_there_is_refused_with_a_hint() {
    let pages = Pages::new();
    let unknown = pages.get("/nope").await;
    assert_eq!(unknown.status, 404);
    assert!(["/stats;csv", "/metrics", "/readyz"].iter().all(|path| unknown.body.contains(path)));
    for (method, path, allow) in [
        ("POST", "/metrics", "get, head"),
        ("POST", "/healthz", "get, head"),
        ("PUT", "/stats", "get, head, post"),
    ] {
        let refused = pages.ask(method, path).await;
        assert_eq!(refused.status, 405);
        assert!(refused.head.contains(&format!("allow: {allow}\r\n")), "{}", refused.head);
    }
    let scope = pages.get("/metrics?scope=bogus").await;
    assert_eq!(scope.status, 400);
    assert!(scope.body.contains("frontend"));
    pages.end().await;
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let pages = Pages::new();
    let head = pages.ask("HEAD", "/stats.css").await;
    assert_eq!((head.status, &*head.body), (200, ""));
    let length = pages.get("/stats.css").await.body.len();
    assert!(head.head.contains(&format!("content-length: {length}")), "{}", head.head);
    pages.end().await;
}

/// Requests `path` over a kept connection; returns the response, whose body must be `body`.
async fn over(stream: &mut TcpStream, path: &str, body: &str) -> String {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: lb\r\n\r\n").as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(body.as_bytes()) {
        assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "{}", String::from_utf8_lossy(&seen));
    }
    String::from_utf8(seen).unwrap()
}

#[tokio::test]
async fn readiness_follows_the_servers_and_the_stop() {
    let pages = Pages::new();
    pages.order("s1", AdminState::Maint);
    assert_eq!(pages.get("/readyz").await.status, 200);
    pages.order("s2", AdminState::Drain);
    let none = pages.get("/readyz").await;
    assert_eq!((none.status, &*none.body), (503, "backend be: none of 2 servers can take traffic\n"));
    pages.order("s1", AdminState::Ready);
    let mut kept = pages.connect().await;
    assert!(over(&mut kept, "/readyz", "ready\n").await.starts_with("HTTP/1.1 200"));
    pages.fixture.control.begin_stop();
    // The port is free for a successor; open connections are still served.
    assert!(over(&mut kept, "/readyz", "stopping\n").await.starts_with("HTTP/1.1 503"));
    assert!(over(&mut kept, "/healthz", "ok\n").await.starts_with("HTTP/1.1 200"));
    pages.end().await;
}

#[tokio::test]
async fn only_backends_that_a_frontend_leads_to_can_have_an_outage() {
    let pages = Pages::of(Fixture::new(
        "[backend.be.servers]\ns1 = \"127.0.0.1:9\"\n[backend.idle]\n[backend.spare]\n[backend.spare.servers]\n\
         s1 = { address = \"127.0.0.1:9\", disabled = true }\n",
    ));
    let page = pages.get("/").await.body;
    assert_eq!(pages.get("/readyz").await.status, 200);
    assert!(page.contains("<title>All well: 1 server up"), "{page}");
    assert_eq!(page.matches("UNUSED").count(), 2, "{page}");
    pages.end().await;

    let pages = Pages::of(Fixture::new(""));
    let none = pages.get("/readyz").await;
    assert_eq!((none.status, &*none.body), (503, "backend be: it has no servers\n"));
    let page = pages.get("/").await.body;
    assert!(page.contains("<title>Backend be: it has no servers") && page.contains("NO SERVERS"), "{page}");
    assert!(page.contains("data-grade=\"down\""), "{page}");
    pages.end().await;
}

#[tokio::test]
async fn a_server_that_is_coming_up_is_no_outage() {
    let pages = Pages::open();
    let check = |status, code| CheckResult {
        status,
        code: Some(code),
        took: Duration::ZERO,
        detail: String::new(),
        version: None,
    };
    let server = pages.fixture.server("s1");
    pages.fixture.control.checked(&server, check(CheckStatus::L7Sts, 503));
    assert!(pages.get("/").await.body.contains("<title>be/s1 is down"));
    pages.fixture.control.checked(&server, check(CheckStatus::L7Ok, 200));
    let page = pages.get("/").await.body;
    assert!(page.contains("<title>be/s1 is coming up") && page.contains("data-grade=\"partial\""), "{page}");
    assert!(page.contains("<span class=\"badge partial\">COMING UP 1/2</span>"), "{page}");
    let document: serde_json::Value = serde_json::from_str(&pages.get("/stats.json").await.body).unwrap();
    let server = &document["backends"][0]["servers"][0];
    assert_eq!((&server["state"], &server["rising"]["passed"]), (&"down".into(), &1.into()));
    pages.end().await;
}

#[tokio::test]
async fn the_page_and_the_json_say_why_a_server_is_down() {
    let pages = Pages::new();
    let failed = CheckResult {
        status: CheckStatus::L7Sts,
        code: Some(503),
        took: Duration::from_millis(12),
        detail: "<b>Service & co</b>".to_owned(),
        version: Some("v<1>".to_owned()),
    };
    pages.fixture.control.checked(&pages.fixture.server("s1"), failed);
    pages.order("s2", AdminState::Maint);
    let document: serde_json::Value = serde_json::from_str(&pages.get("/stats.json").await.body).unwrap();
    let servers = &document["backends"][0]["servers"];
    assert_eq!((&servers[0]["status"], &servers[0]["state"]), (&"DOWN".into(), &"down".into()));
    assert_eq!(servers[0]["check"]["code"], 503);
    assert_eq!(servers[0]["check"]["duration_ms"], 12);
    assert_eq!(servers[0]["reason"], "checks fail");
    assert_eq!(servers[1]["reason"], "taken out by the operator");
    assert_eq!(document["process"]["ready"], false);
    let page = pages.get("/").await.body;
    assert!(page.contains("<span class=\"badge down\">DOWN</span>"), "{page}");
    assert!(page.contains("<title>Backend be: none of 2 servers can take traffic · lb on "), "{page}");
    assert!(page.contains("v&lt;1&gt;") && !page.contains("v<1>"), "{page}");
    assert!(!page.contains("data-act") && !page.contains("<dialog"), "{page}");
    assert!(page.contains("&lt;b&gt;Service &amp; co&lt;/b&gt; (L7STS 503 in 12 ms), checked "), "{page}");
    assert!(page.contains("<noscript><meta http-equiv=\"refresh\"") && !page.contains("{{"));
    assert!(!pages.get("/stats;norefresh").await.body.contains("<script"));
    pages.end().await;
}

#[tokio::test]
async fn a_connection_serves_several_requests_and_a_head_has_its_limit() {
    let pages = Pages::new();
    let mut stream = pages.connect().await;
    for _ in 0..2 {
        over(&mut stream, "/healthz", "ok\n").await;
    }
    let long = pages.ask("GET", &format!("/{}", "x".repeat(2 * HEAD_SIZE))).await;
    assert!((400..500).contains(&long.status), "{}", long.head);
    // The kept connection is idle, so the end does not wait for it.
    pages.end().await;
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let pages = Pages::new();
    let error = bind(&[pages.address]).unwrap_err();
    assert!(error.to_string().contains(&pages.address.to_string()), "{error}");
    pages.end().await;
}

#[tokio::test]
async fn the_script_finds_the_parts_that_it_replaces() {
    let pages = Pages::new();
    let page = pages.get("/").await.body;
    let all = [
        "verdict",
        "ready",
        "process",
        "backends",
        "frontends",
        "timeline",
        "facts",
        "live-state",
        "live-age",
        "news",
        "toast",
        "gone",
        "gone-age",
    ];
    for part in all {
        assert!(include_str!("assets/page.js").contains(&format!("\"{part}\"")), "{part}");
        assert_eq!(page.matches(&format!("id=\"{part}\"")).count(), 1, "{part}");
    }
    pages.end().await;
}

#[tokio::test(start_paused = true)]
async fn who_sends_half_a_head_is_not_waited_for() {
    let pages = Pages::new();
    let mut stream = pages.connect().await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHos").await.unwrap();
    let began = tokio::time::Instant::now();
    let mut seen = Vec::new();
    // Nothing else is running, so the paused clock jumps to the limit.
    stream.read_to_end(&mut seen).await.unwrap();
    assert!(began.elapsed() >= HEAD_TIME && began.elapsed() < HEAD_TIME * 2, "{:?}", began.elapsed());
    assert!(!seen.starts_with(b"HTTP/1.1 200"));
    pages.end().await;
}

#[tokio::test]
async fn the_page_says_what_haproxys_tools_look_for() {
    let pages = Pages::new();
    let page = pages.get("/stats").await.body;
    let uptime = page.split_once("uptime = </b> 0d 0h00m0").map(|(_, rest)| &rest[1..2]);
    assert_eq!(uptime, Some("s"), "{page}");
    assert!(page.contains("idle = ") && page.contains(" %"));
    let version =
        page.split_once("HAProxy version 3.4.0-lb").and_then(|(_, rest)| rest.split_once(", released 20"));
    assert!(version.is_some_and(|(version, _)| !version.contains('<')), "{page}");
    for path in ["/haproxy?stats;csv", "/admin?stats;csv;norefresh"] {
        assert!(pages.get(path).await.body.starts_with("# pxname,svname,"), "{path}");
    }
    pages.end().await;
}

#[tokio::test]
async fn forms_lead_back_to_the_page_which_says_what_came_of_them() {
    let pages = Pages::open();
    let done = pages.post("/stats", "", "s=s1&action=drain&b=be").await;
    assert_eq!((done.status, &*done.body), (303, ""));
    for line in [
        "location: /stats;st=done",
        "cache-control: no-cache",
        "content-type: text/plain",
        "content-length: 0",
    ] {
        assert!(done.head.contains(line), "{line}: {}", done.head);
    }
    assert_eq!(pages.fixture.server("s1").admin(), AdminState::Drain);
    assert!(pages.get("/stats;st=DONE").await.body.contains("role=\"status\">Done</p>"));
    assert!(!pages.get("/stats;st=<b>").await.body.contains("<b>\""));
    for (path, form, location) in [
        ("/", "s=s1&action=ready&b=be", "/stats;st=done"),
        ("/stats/", "s=nope&action=ready&b=be", "/stats;st=errp"),
        ("/haproxy?stats", "action=ready&b=be", "/haproxy?stats;st=none"),
        ("/stats", &format!("action=ready&b=be{}", "&s=s1".repeat(action::LARGEST / 5)), "/stats;st=excd"),
    ] {
        let reply = pages.post(path, "", form).await;
        assert!(reply.head.contains(&format!("location: {location}\r\n")), "{path}: {}", reply.head);
    }
    pages.end().await;
}

#[tokio::test]
async fn a_browser_needs_the_token_of_the_page() {
    let pages = Pages::open();
    let page = pages.get("/").await.body;
    let token = page.split_once("lb-token\" content=\"").unwrap().1.split_once('"').unwrap().0;
    let form = "s=s1&action=maint&b=be";
    let json = "Accept: application/json\r\n";
    let denied = pages.post("/stats", "Origin: http://lb\r\n", form).await;
    assert!(denied.head.contains("location: /stats;st=deny"), "{}", denied.head);
    let denied =
        pages.post("/stats", &format!("{json}Origin: http://evil\r\nX-LB-Token: {token}\r\n"), form).await;
    assert_eq!(denied.status, 403);
    assert!(denied.body.contains("\"result\":\"DENY\"") && denied.body.contains("another site"));
    assert_eq!(pages.fixture.server("s1").admin(), AdminState::Ready);
    let done = pages.post("/stats", "Origin: http://lb\r\n", &format!("{form}&t={token}")).await;
    assert!(done.head.contains("location: /stats;st=done"), "{}", done.head);
    assert_eq!(pages.fixture.server("s1").admin(), AdminState::Maint);
    let back = pages
        .post("/", &format!("{json}Origin: http://lb\r\nX-LB-Token: {token}\r\n"), "s=s1&action=ready&b=be")
        .await;
    assert_eq!((back.status, &*back.body), (200, "{\"result\":\"DONE\",\"text\":\"Done\"}"));
    let Pages { fixture, stop, serving, .. } = pages;
    stop.cancel();
    serving.await.unwrap();
    assert!(fixture.logged().contains("server be/s1 set to maint by status page (127.0.0.1:"));
}

#[tokio::test]
async fn nothing_is_changed_unless_the_configuration_lets_the_page() {
    let pages = Pages::new();
    let denied = pages.post("/stats", "", "s=s1&action=drain&b=be").await;
    assert!(denied.status == 303 && denied.head.contains("location: /stats;st=deny"), "{}", denied.head);
    assert_eq!(pages.fixture.server("s1").admin(), AdminState::Ready);
    assert!(!pages.get("/").await.body.contains("lb-token"));
    pages.end().await;
}

#[tokio::test]
async fn where_it_may_the_page_offers_what_fits_the_state() {
    let pages = Pages::open();
    pages.order("s2", AdminState::Drain);
    let page = pages.get("/").await.body;
    for part in [
        "data-act=\"drain\" aria-label=\"Drain be/s1\"",
        "data-act=\"ready\" aria-label=\"Ready be/s2\"",
        "data-act=\"weight\" aria-label=\"weight of be/s1: 1, change\"",
        "<dialog id=\"ask\"",
        "set to drain by start",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("aria-label=\"Drain be/s2\""), "{page}");
    let document: serde_json::Value = serde_json::from_str(&pages.get("/stats.json").await.body).unwrap();
    assert_eq!(document["events"][0]["server"], "be/s2");
    assert_eq!(document["backends"][0]["servers"][1]["order"], "drain");
    pages.end().await;
}

/// Breaks when clients that send half a request lock everybody out.
#[tokio::test]
async fn half_requests_make_room() {
    let pages = Pages::new();
    let mut halves = Vec::new();
    for half in
        ["GET /healthz HTTP/1.1\r\nHost:", "", "POST / HTTP/1.1\r\nHost: lb\r\nContent-Length: 9\r\n\r\n"]
            .into_iter()
            .cycle()
            .take(CONNECTIONS + 8)
    {
        let mut stream = pages.connect().await;
        stream.write_all(half.as_bytes()).await.unwrap();
        halves.push(stream);
    }
    assert_eq!(pages.get("/healthz").await.status, 200);
    // It sees an end or a reset, because not all of its bytes were read.
    let mut rest = [0; 100];
    let oldest = tokio::time::timeout(Duration::from_secs(30), halves[0].read(&mut rest));
    assert!(matches!(oldest.await.unwrap(), Ok(0) | Err(_)), "it has made room");
    drop(halves);
    pages.end().await;
}

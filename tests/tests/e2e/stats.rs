//! Pages, metrics and counters: that they are there, agree with each other and with what was sent.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tests::{Lab, Origin, Rows, Running, eventually};

use crate::{answer, get, ok, post};

/// A sample of a Prometheus text.
fn metric(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let sample = text.lines().find(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' '))
            && labels.iter().all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
    });
    let sample = sample.unwrap_or_else(|| panic!("no {name} {labels:?} in\n{text}"));
    sample.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Two servers, three good answers from each, then one 404, one 500 and, from `lb`, one 503.
async fn used() -> (Running, [Origin; 2]) {
    let by_target = |request: &tests::Message| match request.target() {
        "/404" => answer("404 Not Found", "none"),
        "/500" => answer("500 Oops", "oops"),
        _ => ok("fine"),
    };
    let origins = [Origin::http(by_target).await, Origin::http(by_target).await];
    let lab = Lab::new().server("a", origins[0].address()).server("b", origins[1].address()).start().await;
    let mut client = lab.connect().await;
    for target in ["/", "/", "/", "/", "/", "/", "/404", "/500"] {
        client.get(target).await;
    }
    lab.order("disable server api_nodes/a; disable server api_nodes/b").await;
    assert_eq!(client.get("/").await.status(), 503);
    lab.order("enable server api_nodes/a; enable server api_nodes/b").await;
    drop(client);
    eventually("the client's end noticed", async || lab.stat("fe_api", "FRONTEND").await.number("scur") == 0)
        .await;
    (lab, origins)
}

#[tokio::test]
async fn counters_agree_with_what_was_sent() {
    let (lab, _origins) = used().await;
    let rows = lab.stat_rows().await;
    let (a, b) = (rows.row("api_nodes", "a"), rows.row("api_nodes", "b"));
    let (backend, frontend) = (rows.row("api_nodes", "BACKEND"), rows.row("fe_api", "FRONTEND"));
    let of = |row: &tests::Row| ["hrsp_2xx", "hrsp_4xx", "hrsp_5xx"].map(|column| row.number(column));
    assert_eq!((of(a), of(b)), ([3, 1, 0], [3, 0, 1]));
    assert_eq!((of(backend), of(frontend)), ([6, 1, 2], [6, 1, 2]));
    assert_eq!((a.number("stot"), b.number("stot")), (4, 4));
    assert_eq!((a.number("lbtot"), backend.number("lbtot")), (4, 8));
    assert_eq!((frontend.number("req_tot"), frontend.number("stot")), (9, 1));
    assert_eq!((a.number("connect"), a.number("reuse")), (1, 3));
    for row in [a, b, backend, frontend] {
        assert_eq!(row.number("scur"), 0);
    }
    assert_eq!(a.number("smax"), 1);
}

/// Bytes of a message whose body has no chunks.
fn length(message: &tests::Message) -> u64 {
    let fields = message.fields.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
    (message.line.len() + 4 + fields + message.body.len()) as u64
}

/// Breaks when bytes are estimated, or counted twice by a retry.
#[tokio::test]
async fn bytes_are_those_on_the_wire() {
    let origin = Origin::http(|request| ok(&request.text().repeat(2))).await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    let (mut up, mut down) = (0, 0);
    for size in [0, 1, 1000, 100_000] {
        let request = post("/", &"x".repeat(size));
        client.send(&request).await;
        let answer = client.answer().await;
        up += request.len() as u64;
        down += length(&answer);
    }
    let rows = lab.stat_rows().await;
    for (proxy, name) in [("fe_api", "FRONTEND"), ("api_nodes", "BACKEND"), ("api_nodes", "a")] {
        let row = rows.row(proxy, name);
        assert_eq!((row.number("bin"), row.number("bout")), (up, down), "{proxy}/{name}");
    }
}

/// Breaks when the servers' side is taken from the clients': lb adds fields to requests, and its own answers come from no server.
#[tokio::test]
async fn bytes_of_the_servers_side_are_counted_apart() {
    let origin = Origin::http(|request| ok(request.target())).await;
    let lab = Lab::new()
        .server("dead", Origin::nobody().await)
        .server("a", origin.address())
        .backend("balance = \"first\"")
        .start()
        .await;
    let mut client = lab.connect().await;
    client.get("/one").await;
    client.send(&post("/two", &"x".repeat(100_000))).await;
    client.answer().await;
    client.get("/three").await;
    let sent: u64 = origin.requests().iter().map(length).sum();
    let answers: u64 = ["/one", "/two", "/three"].iter().map(|body| ok(body).len() as u64).sum();
    lab.order("disable server api_nodes/a; disable server api_nodes/dead").await;
    assert_eq!(client.get("/nobody").await.status(), 503);
    let rows = lab.stat_rows().await;
    for (proxy, name) in [("fe_api", "FRONTEND"), ("api_nodes", "BACKEND"), ("api_nodes", "a")] {
        let row = rows.row(proxy, name);
        assert_eq!((row.number("reqbout"), row.number("resbin")), (sent, answers), "{proxy}/{name}");
        assert_eq!(row.text("reqbin"), row.text("bin"), "{proxy}/{name}");
    }
    let dead = rows.row("api_nodes", "dead");
    assert_eq!((dead.number("reqbout"), dead.number("resbin")), (0, 0));
}

/// What lb refuses is a bad request and no denied one: there are no rules that deny.
#[tokio::test]
async fn refused_requests_are_errors_of_requests() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let large = format!("X: {}\r\n", "y".repeat(20_000));
    for request in [get("/", &large), "GARBAGE\r\n\r\n".to_owned(), get("/", "Host: another\r\n")] {
        assert!(lab.send(&request).await.status() >= 400);
    }
    let row = lab.stat("fe_api", "FRONTEND").await;
    let columns = ["ereq", "dreq", "intercepted", "eint"].map(|column| row.number(column));
    assert_eq!(columns, [3, 0, 0, 0]);
}

#[tokio::test]
async fn the_csv_is_the_sockets_and_json_says_the_same() {
    let (lab, _origins) = used().await;
    let page = lab.page("/stats;csv").await;
    assert_eq!(page.status(), 200);
    let (over_http, over_socket) = (Rows::parse(page.text()), lab.stat_rows().await);
    for (proxy, name) in
        [("fe_api", "FRONTEND"), ("api_nodes", "a"), ("api_nodes", "b"), ("api_nodes", "BACKEND")]
    {
        for column in ["stot", "bin", "bout", "hrsp_2xx", "hrsp_5xx", "status", "weight", "scur", "lbtot"] {
            assert_eq!(over_http.row(proxy, name).text(column), over_socket.row(proxy, name).text(column));
        }
    }
    let page = lab.page("/stats.json").await;
    assert!(page.field("content-type").unwrap().starts_with("application/json"));
    serde_json::from_slice::<serde_json::Value>(&page.body).unwrap();
    assert!(page.text().contains("\"api_nodes\"") && page.text().contains("\"responses\""));
}

#[tokio::test]
async fn metrics_agree_with_what_was_sent() {
    let (lab, _origins) = used().await;
    let page = lab.page("/metrics").await;
    assert!(page.field("content-type").unwrap().starts_with("text/plain"));
    let text = page.text();
    let server = |name, server, more: &[(&str, &str)]| {
        metric(text, name, &[&[("proxy", "api_nodes"), ("server", server)], more].concat())
    };
    assert_eq!(server("haproxy_server_http_responses_total", "a", &[("code", "2xx")]), 3.0);
    assert_eq!(server("haproxy_server_http_responses_total", "b", &[("code", "5xx")]), 1.0);
    assert_eq!(server("haproxy_server_sessions_total", "b", &[]), 4.0);
    assert_eq!(server("haproxy_server_current_sessions", "a", &[]), 0.0);
    let frontend = [("proxy", "fe_api")];
    assert_eq!(metric(text, "haproxy_frontend_http_requests_total", &frontend), 9.0);
    assert_eq!(
        metric(text, "haproxy_frontend_http_responses_total", &[("proxy", "fe_api"), ("code", "5xx")]),
        2.0
    );
    assert_eq!(metric(text, "haproxy_backend_active_servers", &[("proxy", "api_nodes")]), 2.0);
    let row = lab.stat("fe_api", "FRONTEND").await;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand bytes")]
    let bytes = (row.number("bin") as f64, row.number("bout") as f64);
    assert_eq!(metric(text, "haproxy_frontend_bytes_in_total", &frontend), bytes.0);
    assert_eq!(metric(text, "haproxy_frontend_bytes_out_total", &frontend), bytes.1);
    for line in text.lines().filter(|line| line.starts_with("# TYPE")) {
        assert!([" counter", " gauge", " histogram"].iter().any(|kind| line.ends_with(kind)), "{line}");
    }
}

/// Breaks when the histogram and the percentiles count different exchanges, or in another unit.
#[tokio::test]
async fn percentiles_and_the_histogram_tell_how_long_answers_took() {
    let (fast, slow) = (Origin::named("fast").await, Origin::named("slow").await);
    let lab = Lab::new().server("fast", fast.address()).server("slow", slow.address()).start().await;
    lab.order("disable server api_nodes/fast").await;
    let began = Instant::now();
    let held = lab.get("/hold");
    let release = async {
        eventually("the request", async || slow.count() == 1).await;
        eventually("some time", async || began.elapsed() > Duration::from_millis(60)).await;
        lab.order("enable server api_nodes/fast; disable server api_nodes/slow").await;
        slow.release(1);
    };
    assert_eq!(tokio::join!(held, release).0.status(), 200);
    let longest = began.elapsed();
    for _ in 0..9 {
        assert_eq!(lab.get("/").await.text(), "fast");
    }
    eventually("all accounts settled", async || lab.stat("api_nodes", "BACKEND").await.number("scur") == 0)
        .await;
    let page = lab.page("/stats.json").await;
    let document: serde_json::Value = serde_json::from_slice(&page.body).unwrap();
    let backend = &document["backends"][0];
    let [fast, slow] = [0, 1].map(|server| &backend["servers"][server]["latency"]);
    assert_eq!(
        [&backend["latency"], fast, slow].map(|latency| latency["count"].as_u64()),
        [Some(10), Some(9), Some(1)]
    );
    // A bucket is a seventh wide.
    let held = slow["p50_ms"].as_f64().unwrap();
    assert!((50.0..longest.as_secs_f64() * 1150.0).contains(&held), "{held} ms of {longest:?}");
    assert!(fast["p50_ms"].as_f64() <= fast["p999_ms"].as_f64());
    let page = lab.page("/metrics").await;
    let bucket = |le| {
        metric(page.text(), "lb_backend_response_time_seconds_bucket", &[("proxy", "api_nodes"), ("le", le)])
    };
    assert!(bucket("0.05") <= 9.0);
    assert_eq!(bucket("+Inf"), 10.0);
    assert!(metric(page.text(), "lb_backend_response_time_seconds_sum", &[("proxy", "api_nodes")]) >= 0.05);
    lab.order("clear counters all").await;
    let page = lab.page("/stats.json").await;
    let document: serde_json::Value = serde_json::from_slice(&page.body).unwrap();
    assert!(document["backends"][0]["latency"].is_null());
}

/// Breaks when states and orders are not in the metrics at the next scrape.
#[tokio::test]
async fn a_state_is_one_series_of_many() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    lab.order("disable server api_nodes/a").await;
    let page = lab.page("/metrics").await;
    let status = |state| {
        let labels = [("proxy", "api_nodes"), ("server", "a"), ("state", state)];
        metric(page.text(), "haproxy_server_status", &labels)
    };
    assert_eq!((status("MAINT"), status("UP"), status("DOWN")), (1.0, 0.0, 0.0));
}

#[tokio::test]
async fn health_readiness_and_the_page_are_there() {
    let (lab, _origins) = used().await;
    assert_eq!(lab.page("/healthz").await.status(), 200);
    assert_eq!(lab.page("/readyz").await.status(), 200);
    let page = lab.page("/").await;
    let page = match page.field("location") {
        Some(location) => lab.page(location).await,
        None => page,
    };
    assert_eq!(page.status(), 200);
    assert!(page.field("content-type").unwrap().starts_with("text/html"));
    for word in ["fe_api", "api_nodes", "<!doctype html>"] {
        assert!(page.text().to_lowercase().contains(word), "no {word} on the page");
    }
    assert_eq!(lab.page("/nothing-here").await.status(), 404);
}

/// Breaks when names are put into a page or a metric as they are.
#[tokio::test]
async fn scrapes_and_pages_do_not_disturb_traffic() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    let scrapes = async {
        for _ in 0..10 {
            for page in ["/metrics", "/stats;csv", "/stats.json", "/"] {
                assert!(lab.page(page).await.status() < 400);
            }
        }
    };
    let traffic = async {
        for _ in 0..200 {
            assert_eq!(client.get("/").await.status(), 200);
        }
    };
    tokio::join!(scrapes, traffic);
    assert_eq!(lab.stat("fe_api", "FRONTEND").await.number("req_tot"), 200, "scrapes are not requests");
}

/// Breaks when a request to the pages' port is taken for one to a server, or hangs.
#[tokio::test]
async fn odd_requests_to_the_pages_get_an_answer() {
    let lab = Lab::new().start().await;
    for request in [post("/metrics", "x"), get("/stats;csv;norefresh", ""), "GARBAGE\r\n\r\n".to_owned()] {
        let mut client = tests::Wire::connect(lab.stats()).await.unwrap();
        client.send(&request).await;
        let status = client.answer().await.status();
        assert!((200..500).contains(&status), "{request:?}: {status}");
    }
}

/// Breaks when a password needs a restart, or the one before it still opens the pages.
#[tokio::test]
async fn passwords_change_with_a_reload() {
    let mut lab = Lab::new().nodes(1).section("stats", "auth = \"ops:one\"").start().await;
    let status = async |lab: &Running, user: &str| {
        let mut wire = tests::Wire::connect(lab.stats()).await.unwrap();
        wire.send(get("/stats;csv", &format!("Authorization: Basic {}\r\n", STANDARD.encode(user)))).await;
        wire.answer().await.status()
    };
    assert_eq!([status(&lab, "ops:one").await, status(&lab, "ops:two").await], [200, 401]);
    std::fs::write(lab.path("password"), "two\n").unwrap();
    lab.reload(|plan| plan.set("stats", "auth = { user = \"ops\", password_file = \"password\" }")).await;
    assert_eq!([status(&lab, "ops:one").await, status(&lab, "ops:two").await], [401, 200]);
    assert_eq!([lab.page("/").await.status(), lab.page("/readyz").await.status()], [401, 200]);
}

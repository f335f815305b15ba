//! The httplog line, situation by situation, as HAProxy 2.6 was seen to write it: the same fields in the same order, -1 in the same
//! places, the same letters.

use tests::{Conn, Lab, Origin, Running, Wire, eventually};

use crate::{get, ok, post};

/// What the line of a request says behind its date.
pub(crate) async fn line(lab: &Running, target: &str) -> String {
    let find = || {
        let log = lab.log();
        let line = log.lines().find(|line| line.contains(&format!(" {target} HTTP/")))?;
        Some(line.split_once("] ")?.1.to_owned())
    };
    eventually("a line in the log", async || find().is_some()).await;
    find().unwrap()
}

/// Whether a line is as expected, where `*` stands for any number that is not negative.
pub(super) fn fits(line: &str, expected: &str) -> bool {
    let mut rest = line;
    for (at, part) in expected.split('*').enumerate() {
        if at > 0 {
            let number = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
            if number.len() == rest.len() {
                return false;
            }
            rest = number;
        }
        let Some(behind) = rest.strip_prefix(part) else { return false };
        rest = behind;
    }
    rest.is_empty()
}

#[track_caller]
fn assert_fits(line: &str, expected: &str) {
    assert!(fits(line, expected), "{line}\nis not\n{expected}");
}

#[test]
fn a_star_is_a_number_and_nothing_else() {
    let table = [("1/22 a", "*/* a", true), ("-1/2", "*/2", false), ("/2", "*/2", false), ("1", "*x", false)];
    for (line, expected, fit) in table {
        assert_eq!(fits(line, expected), fit, "{line} {expected}");
    }
}

fn http() -> Lab {
    Lab::new().section("log", "format = \"http\"")
}

/// A server that does to each request what its target says.
async fn odd() -> Origin {
    Origin::script(|mut conn: Conn| async move {
        while let Some(request) = conn.request().await {
            let answer = match request.target() {
                "/break" => return,
                "/garbage" => "GARBAGE\r\n\r\n",
                "/short" => return conn.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc").await,
                "/slow" | "/left" => "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc",
                "/stall" | "/gone" => {
                    conn.gone().await;
                    return;
                }
                "/pour" => {
                    conn.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
                    conn.pour().await;
                    return;
                }
                _ => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345",
            };
            if conn.try_send(answer).await.is_err() {
                return;
            }
        }
    })
    .await
}

#[tokio::test]
async fn what_servers_do_shows_in_letters_and_timers() {
    let origin = odd().await;
    let lab = http().server("a", origin.address()).timeout("server = \"200ms\"").start().await;
    let table = [
        ("/fine", "*/*/*/*/* 200 * - - ---- 1/1/0/0/0 0/0"),
        ("/break", "*/*/*/-1/* 502 * - - SH-- 1/1/0/0/* 0/0"),
        ("/garbage", "*/*/*/-1/* 502 * - - PH-- 1/1/0/0/0 0/0"),
        ("/short", "*/*/*/*/* 200 * - - SD-- 1/1/0/0/0 0/0"),
        ("/slow", "*/*/*/*/* 200 * - - sD-- 1/1/0/0/0 0/0"),
        ("/stall", "*/*/*/-1/* 504 * - - sH-- 1/1/0/0/0 0/0"),
    ];
    for (target, facts) in table {
        let mut client = lab.connect().await;
        client.send(get(target, "")).await;
        let _ = client.try_answer().await;
        let line = line(&lab, target).await;
        assert_fits(&line, &format!("fe_api api_nodes/a {facts} \"GET {target} HTTP/1.1\""));
        drop(client);
        eventually("the client gone", async || lab.connections().iter().sum::<u64>() == 0).await;
    }
}

#[tokio::test]
async fn what_clients_do_shows_in_letters_and_timers() {
    let origin = odd().await;
    let lab = http().server("a", origin.address()).timeout("client = \"200ms\"").start().await;
    let started = async |target: &str, request: String| {
        let mut client = lab.connect().await;
        client.send(request).await;
        eventually("it at the server", async || {
            origin.requests().iter().any(|request| request.target() == target)
        })
        .await;
        client
    };
    started("/gone", get("/gone", "")).await.reset();
    let mut left = started("/left", get("/left", "")).await;
    left.head().await.unwrap();
    left.reset();
    // It does not read.
    let _slow = started("/pour", get("/pour", "")).await;
    let mut lazy = lab.connect().await;
    lazy.send("POST /lazy HTTP/1.1\r\nHost: lab\r\nContent-Length: 9\r\n\r\nabc").await;
    assert_eq!(lazy.answer().await.status(), 408);
    let mut faulty = lab.connect().await;
    faulty.send("POST /faulty HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").await;
    assert_eq!(faulty.answer().await.status(), 400);
    for (target, facts) in [
        ("GET /gone", "*/*/*/-1/* -1 0 - - CH-- */*/*/*/0 0/0"),
        ("GET /left", "*/*/*/*/* 200 * - - CD-- */*/*/*/0 0/0"),
        ("GET /pour", "*/*/*/*/* 200 * - - cD-- */*/*/*/0 0/0"),
        ("POST /lazy", "*/*/*/-1/* 408 0 - - cH-- */*/*/*/0 0/0"),
        ("POST /faulty", "*/*/*/-1/* 400 * - - PH-- */*/*/*/0 0/0"),
    ] {
        let line = line(&lab, target.split(' ').nth(1).unwrap()).await;
        assert_fits(&line, &format!("fe_api api_nodes/a {facts} \"{target} HTTP/1.1\""));
    }
}

/// A head that is none has no timers and no fields, only an address and a date.
#[tokio::test]
async fn heads_that_cannot_be_read_are_bad_requests() {
    let lab = http()
        .frontend("capture_request = [\"Host\"]\ncapture_response = \"Server\"")
        .timeout("http_request = \"200ms\"")
        .start()
        .await;
    let bad = async || lab.log().lines().filter(|line| line.ends_with("\"<BADREQ>\"")).count();
    let newest = || lab.log().lines().last().unwrap().split_once("] ").unwrap().1.to_owned();
    let (mut garbage, mut late) = (lab.connect().await, lab.connect().await);
    garbage.send("GARBAGE\r\n\r\n").await;
    garbage.answer().await;
    eventually("the first", async || bad().await == 1).await;
    assert_fits(&newest(), "fe_api fe_api/<NOSRV> -1/-1/-1/-1/* 400 * - - PR-- */*/0/0/0 0/0 \"<BADREQ>\"");
    late.send("GET / HT").await;
    assert_eq!(late.answer().await.status(), 408);
    eventually("the second", async || bad().await == 2).await;
    assert_fits(&newest(), "fe_api fe_api/<NOSRV> -1/-1/-1/-1/* 408 0 - - cR-- */*/0/0/0 0/0 \"<BADREQ>\"");
    let mut gone = lab.connect().await;
    gone.send("GET / HT").await;
    eventually("it there", async || lab.connections().iter().sum::<u64>() > 0).await;
    drop(gone);
    eventually("the third", async || bad().await == 3).await;
    assert_fits(&newest(), "fe_api fe_api/<NOSRV> -1/-1/-1/-1/* 400 0 - - CR-- */*/0/0/0 0/0 \"<BADREQ>\"");
    // Connections that are opened in advance and never used are no requests.
    drop(lab.connect().await);
    eventually("all gone", async || lab.connections().iter().sum::<u64>() == 0).await;
    assert_eq!(bad().await, 3);
    assert_eq!(lab.stat("fe_api", "FRONTEND").await.number("ereq"), 3);
}

#[tokio::test]
async fn servers_that_cannot_be_had_show_how_far_it_came() {
    let origin = Origin::named("b").await;
    let deaf = Origin::deaf().await;
    let nobody = Origin::nobody().await;
    let lab = http().start().await;
    assert_eq!(lab.get("/none").await.status(), 503);
    assert_fits(
        &line(&lab, "/none").await,
        "fe_api api_nodes/<NOSRV> */-1/-1/-1/* 503 * - - SC-- 1/1/0/0/0 0/0 \"GET /none HTTP/1.1\"",
    );

    let lab = http().server("a", nobody).backend("retries = 2").start().await;
    assert_eq!(lab.get("/refused").await.status(), 503);
    let refused = line(&lab, "/refused").await;
    assert_fits(
        &refused,
        "fe_api api_nodes/a */*/-1/-1/* 503 * - - SC-- 1/1/0/0/2 0/0 \"GET /refused HTTP/1.1\"",
    );

    let lab = http().server("a", deaf.address).backend("retries = 0").timeout("connect = \"100ms\"");
    let lab = lab.start().await;
    assert_eq!(lab.get("/deaf").await.status(), 503);
    assert_fits(
        &line(&lab, "/deaf").await,
        "fe_api api_nodes/a */*/-1/-1/* 503 * - - sC-- 1/1/0/0/0 0/0 \"GET /deaf HTTP/1.1\"",
    );

    let lab = http().server("a", deaf.address).timeout("connect = \"1m\"").start().await;
    let mut client = lab.connect().await;
    client.send(get("/impatient", "")).await;
    eventually("it on its way", async || lab.stat("api_nodes", "a").await.number("scur") == 1).await;
    client.reset();
    assert_fits(
        &line(&lab, "/impatient").await,
        "fe_api api_nodes/a */*/-1/-1/* -1 0 - - CC-- */*/0/0/0 0/0 \"GET /impatient HTTP/1.1\"",
    );

    let lab = http().server("a", nobody).server("b", origin.address()).backend("balance = \"first\"");
    let lab = lab.start().await;
    assert_eq!(lab.get("/elsewhere").await.status(), 200);
    assert_fits(
        &line(&lab, "/elsewhere").await,
        "fe_api api_nodes/b */*/*/*/* 200 * - - ---- 1/1/0/0/+1 0/0 \"GET /elsewhere HTTP/1.1\"",
    );
}

/// Positions are HAProxy's: how many were served since it came, and one for itself.
#[tokio::test]
async fn the_queue_shows_its_positions() {
    let origin = Origin::named("a").await;
    let lab = http()
        .server_with("a", origin.address(), "maxconn = 1")
        .timeout("queue = \"1s\"\nserver = \"1m\"")
        .start()
        .await;
    let waiting = async |count: u64| {
        let qcur = async || lab.stat("api_nodes", "BACKEND").await.number("qcur");
        eventually("so many wait", async || qcur().await == count).await;
    };
    let send = async |target: &str| -> Wire {
        let mut client = lab.connect().await;
        client.send(get(target, "")).await;
        client
    };
    let mut held = send("/hold").await;
    eventually("it at the server", async || origin.count() == 1).await;
    let mut first = send("/first").await;
    waiting(1).await;
    let mut second = send("/second").await;
    waiting(2).await;
    let gone = send("/left").await;
    waiting(3).await;
    gone.reset();
    waiting(2).await;
    origin.release(1);
    for client in [&mut held, &mut first, &mut second] {
        assert_eq!(client.answer().await.status(), 200);
    }
    let _again = send("/hold").await;
    eventually("it at the server", async || origin.count() == 4).await;
    assert_eq!(send("/late").await.answer().await.status(), 503);
    for (target, facts) in [
        ("/left", "api_nodes/<NOSRV> */*/-1/-1/* -1 0 - - CQ-- */*/*/0/0 0/1"),
        ("/hold", "api_nodes/a */0/*/*/* 200 * - - ---- */*/*/*/0 0/0"),
        ("/first", "api_nodes/a */*/*/*/* 200 * - - ---- */*/*/*/0 0/1"),
        ("/second", "api_nodes/a */*/*/*/* 200 * - - ---- */*/*/*/0 0/2"),
        ("/late", "api_nodes/<NOSRV> */*/-1/-1/* 503 * - - sQ-- */*/1/0/0 0/1"),
    ] {
        let line = line(&lab, target).await;
        assert_fits(&line, &format!("fe_api {facts} \"GET {target} HTTP/1.1\""));
    }
    lab.order("shutdown sessions server api_nodes/a").await;
}

#[tokio::test]
async fn captured_fields_stand_in_braces() {
    let origin = Origin::http(|request| match request.target() {
        "/odd" => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nServer: a|b{c}d\"#e\r\nX-R: r1\r\nx-r: r2\r\n\r\n"
            .to_owned(),
        _ => ok(""),
    })
    .await;
    let lab = http()
        .server("a", origin.address())
        .frontend("capture_request = [\"Host\", \"User-Agent\"]\ncapture_response = [\"Server\", \"X-R\"]")
        .frontend("capture_length = 10")
        .start()
        .await;
    let mut client = lab.connect().await;
    client.get("/plain").await;
    client.send(get("/odd", "User-Agent: Mozilla/5.0 (X11)\r\n")).await;
    client.answer().await;
    client.send(post("/post", "x")).await;
    client.answer().await;
    lab.order("disable server api_nodes/a").await;
    client.get("/nobody").await;
    for (target, captured) in [
        ("GET /plain", "{lab|} {|}"),
        ("GET /odd", "{lab|Mozilla/5.} {a#7Cb#7Bc#7Dd#22#23e|r2}"),
        ("POST /post", "{lab|} {|}"),
        ("GET /nobody", "{lab|} {|}"),
    ] {
        let line = line(&lab, target.split(' ').nth(1).unwrap()).await;
        assert!(line.ends_with(&format!(" 0/0 {captured} \"{target} HTTP/1.1\"")), "{line}");
    }
}

/// HAProxy's `capture cookie`: what the client and the server sent, and nothing of what lb adds or hides.
#[tokio::test]
async fn captured_cookies_stand_in_their_two_fields() {
    let origin = Origin::http(|request| match request.target() {
        "/set" | "/both" => ok("").replacen("\r\n", "\r\nSet-Cookie: SESSION=new; path=/\r\n", 1),
        _ => ok(""),
    })
    .await;
    let mut lab = http()
        .server_with("a", origin.address(), "cookie = \"ca\"")
        .backend("cookie = { name = \"SESSIONS\", indirect = true }")
        .frontend("capture_cookie = { name = \"SES\", length = 13 }")
        .start()
        .await;
    let ask = async |lab: &Running, target: &str, fields: &str| lab.send(&get(target, fields)).await;
    ask(&lab, "/none", "Cookie: other=1\r\n").await;
    ask(&lab, "/get", "Cookie: x=1; SESSION=old-and-long; SES=2\r\n").await;
    ask(&lab, "/set", "").await;
    ask(&lab, "/both", "Cookie: SES=1\r\n").await;
    ask(&lab, "/bound", "Cookie: SESSIONS=ca\r\n").await;
    lab.order("disable server api_nodes/a").await;
    ask(&lab, "/nobody", "Cookie: SES=1\r\n").await;
    for (target, fields) in [
        ("/none", "- - --NI"),
        ("/get", "SESSION=old-a - --NI"),
        ("/set", "- SESSION=new --NI"),
        ("/both", "SES=1 SESSION=new --NI"),
        ("/bound", "SESSIONS=ca - --VN"),
        ("/nobody", "SES=1 - SCNN"),
    ] {
        let line = line(&lab, target).await;
        let behind = line.splitn(6, ' ').nth(5).unwrap();
        assert!(behind.starts_with(&format!("{fields} ")), "{target}: {line}");
    }
    lab.order("enable server api_nodes/a").await;
    lab.reload(|plan| plan.set("frontend.fe_api", "capture_cookie = { name = \"SES=\" }")).await;
    ask(&lab, "/exact", "Cookie: SESSION=1; SES=2\r\n").await;
    assert!(line(&lab, "/exact").await.contains(" SES=2 - --NI "));
}

/// What a JSON line says of the same: no fact of the httplog line is missing.
#[tokio::test]
async fn json_has_every_fact() {
    let origin = Origin::http(|_| ok("").replace("\r\n\r\n", "\r\nServer: s\r\n\r\n")).await;
    let lab = Lab::new()
        .server("a", origin.address())
        .frontend("capture_request = [\"Host\", \"X-None\"]\ncapture_response = [\"Server\"]")
        .frontend("capture_cookie = { name = \"SID=\" }")
        .start()
        .await;
    assert_eq!(lab.send(&get("/json", "Cookie: SID=\"1\"\r\n")).await.status(), 200);
    let entry = super::entry(&lab, "/json").await;
    for key in ["request_ms", "queue_ms", "connect_ms", "response_ms", "total_ms", "bytes_out", "time"] {
        assert!(entry[key].as_f64().unwrap() >= 0.0, "{key}");
    }
    let numbers =
        ["actconn", "feconn", "beconn", "in_flight", "queue_position", "waiting", "retries", "status"];
    assert_eq!(numbers.map(|key| entry[key].as_u64().unwrap()), [1, 1, 0, 0, 0, 0, 0, 200]);
    assert_eq!(entry["captured_request"], serde_json::json!({ "Host": "lab" }));
    assert_eq!(entry["captured_response"], serde_json::json!({ "Server": "s" }));
    assert_eq!(entry["captured_request_cookie"], "SID=\"1\"");
    assert!(entry.get("captured_response_cookie").is_none(), "{entry}");
    assert_eq!(entry["termination"], "--");
}

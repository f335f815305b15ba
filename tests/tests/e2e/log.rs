//! The access log: one line an exchange, with the facts, and never in the way of traffic.

mod events;
pub(crate) mod http;
mod several;
mod targets;

use serde_json::Value;
use tests::{Lab, Origin, Running, eventually};

use crate::{get, ok, post};

/// The log's entry for the exchange with this target, when it is there.
async fn entry(lab: &Running, target: &str) -> Value {
    let find = || {
        let entries = lab.log();
        let mut entries = entries.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.find(|entry| entry["uri"] == target)
    };
    eventually("an entry in the log", async || find().is_some()).await;
    find().unwrap()
}

#[tokio::test]
async fn a_good_exchange_tells_its_facts() {
    let origin = Origin::http(|_| ok("12345")).await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    let request = post("/good?x=1", "body");
    client.send(&request).await;
    assert_eq!(client.answer().await.status(), 200);
    let entry = entry(&lab, "/good?x=1").await;
    assert_eq!(entry["client"], client.local().to_string());
    for (key, value) in [
        ("frontend", "fe_api"),
        ("backend", "api_nodes"),
        ("server", "a"),
        ("method", "POST"),
        ("termination", "--"),
    ] {
        assert_eq!(entry[key], value, "{key}");
    }
    assert_eq!((&entry["status"], &entry["retries"]), (&Value::from(200), &Value::from(0)));
    assert_eq!(entry["bytes_in"].as_u64().unwrap(), request.len() as u64);
    assert!(entry["bytes_out"].as_u64().unwrap() > 5);
    for timer in ["queue_ms", "connect_ms", "response_ms", "total_ms"] {
        assert!(entry[timer].as_i64().unwrap() >= 0, "{timer}");
    }
}

/// Breaks when timers measure something else: the server is held for a time that is known to be at least so long.
#[tokio::test]
async fn timers_say_where_the_time_went() {
    let origin = Origin::named("a").await;
    let lab =
        Lab::new().server_with("a", origin.address(), "maxconn = 1").timeout("queue = \"1m\"").start().await;
    let mut first = lab.connect().await;
    first.send(get("/hold", "")).await;
    eventually("the first at the server", async || origin.count() == 1).await;
    let mut second = lab.connect().await;
    second.send(get("/waits", "")).await;
    eventually("one waits", async || lab.stat("api_nodes", "BACKEND").await.number("scur") == 2).await;
    let started = std::time::Instant::now();
    eventually("a while", async || started.elapsed().as_millis() >= 150).await;
    origin.release(1);
    first.answer().await;
    second.answer().await;
    let (held, waited) = (entry(&lab, "/hold").await, entry(&lab, "/waits").await);
    assert!(held["response_ms"].as_i64().unwrap() >= 150 && held["queue_ms"] == 0, "{held}");
    assert!(waited["queue_ms"].as_i64().unwrap() >= 150, "{waited}");
    assert!(waited["total_ms"].as_i64() >= waited["queue_ms"].as_i64(), "{waited}");
}

#[tokio::test]
async fn failures_tell_who_ended_them_and_when() {
    let stalls = Origin::named("a").await;
    let lab = Lab::new().server("a", stalls.address()).timeout("server = \"150ms\"").start().await;
    let mut client = lab.connect().await;
    client.send(get("/hold", "")).await;
    assert_eq!(client.answer().await.status(), 504);
    let stalled = entry(&lab, "/hold").await;
    assert_eq!(
        (&stalled["status"], &stalled["termination"], &stalled["server"]),
        (&504.into(), &"sH".into(), &"a".into())
    );

    lab.order("disable server api_nodes/a").await;
    assert_eq!(client.get("/nobody").await.status(), 503);
    let nobody = entry(&lab, "/nobody").await;
    assert_eq!(
        (&nobody["status"], &nobody["termination"], &nobody["server"]),
        (&503.into(), &"SC".into(), &Value::Null)
    );
    assert_eq!((&nobody["connect_ms"], &nobody["response_ms"]), (&(-1).into(), &(-1).into()));

    let breaks = Origin::script(|mut conn| async move { drop(conn.request().await) }).await;
    let lab = Lab::new().server("a", breaks.address()).backend("retries = 0").start().await;
    assert_eq!(lab.get("/broken").await.status(), 502);
    let broken = entry(&lab, "/broken").await;
    assert_eq!((&broken["status"], &broken["termination"]), (&502.into(), &"SH".into()));

    let cuts = Origin::script(|mut conn| async move {
        conn.request().await;
        conn.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").await;
    })
    .await;
    let lab = Lab::new().server("a", cuts.address()).start().await;
    let mut client = lab.connect().await;
    client.send(get("/cut", "")).await;
    assert!(client.try_answer().await.is_err());
    let cut = entry(&lab, "/cut").await;
    assert_eq!((&cut["status"], &cut["termination"]), (&200.into(), &"SD".into()));
}

/// A kept connection takes no time to make, which is not the same as never made (HAProxy's `Tc`).
#[tokio::test]
async fn a_kept_connection_has_a_connect_time_of_zero() {
    let origin = Origin::script(|mut conn| async move {
        conn.request().await;
        conn.send(ok("")).await;
        conn.request().await;
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    assert_eq!(client.get("/first").await.status(), 200);
    client.send(post("/second", "")).await;
    assert_eq!(client.answer().await.status(), 502);
    let broken = entry(&lab, "/second").await;
    assert_eq!((&broken["connect_ms"], &broken["response_ms"]), (&0.into(), &(-1).into()), "{broken}");
}

#[tokio::test]
async fn a_client_that_leaves_is_named() {
    let origin = Origin::script(|mut conn| async move {
        if conn.request().await.is_some_and(|request| request.target() == "/in-body") {
            conn.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nabc").await;
        }
        conn.gone().await;
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    client.send(get("/waiting", "")).await;
    eventually("the request at the server", async || origin.count() == 1).await;
    client.reset();
    let waiting = entry(&lab, "/waiting").await;
    assert_eq!((&waiting["termination"], &waiting["server"]), (&"CH".into(), &"a".into()));
    assert_ne!(waiting["status"], 200, "no answer was there to be sent");

    let mut client = lab.connect().await;
    client.send(get("/in-body", "")).await;
    client.head().await.unwrap();
    client.reset();
    let in_body = entry(&lab, "/in-body").await;
    assert_eq!((&in_body["status"], &in_body["termination"]), (&200.into(), &"CD".into()));
}

#[tokio::test]
async fn a_retry_is_counted_and_the_last_server_named() {
    let origin = Origin::named("b").await;
    let lab = Lab::new()
        .server("a", Origin::nobody().await)
        .server("b", origin.address())
        .backend("balance = \"first\"")
        .start()
        .await;
    assert_eq!(lab.get("/elsewhere").await.text(), "b");
    let entry = entry(&lab, "/elsewhere").await;
    assert!(entry["retries"].as_u64().unwrap() >= 1, "{entry}");
    assert_eq!(
        (&entry["redispatched"], &entry["server"], &entry["termination"]),
        (&true.into(), &"b".into(), &"--".into())
    );
}

/// HAProxy's httplog line, as `halog` and Datadog read it: by position.
#[tokio::test]
async fn the_httplog_line_has_its_fields_in_place() {
    let origin = Origin::http(|_| ok("12345")).await;
    let lab = Lab::new().server("a", origin.address()).section("log", "format = \"http\"").start().await;
    let mut client = lab.connect().await;
    assert_eq!(client.get("/a\"b").await.status(), 200);
    eventually("a line", async || lab.log().contains("GET /a")).await;
    let log = lab.log();
    let line = log.lines().find(|line| line.contains("GET /a")).unwrap();
    let fields: Vec<_> = line.splitn(12, ' ').collect();
    // Some write a process and its number first, as a syslog line has it.
    let at = fields.iter().position(|field| *field == client.local().to_string()).unwrap();
    let fields = &fields[at..];
    assert!(fields[1].starts_with('[') && fields[1].ends_with(']'), "{line}");
    assert_eq!(fields[2..4], ["fe_api", "api_nodes/a"], "{line}");
    let timers: Vec<i64> = fields[4].split('/').map(|timer| timer.parse().unwrap()).collect();
    assert!(timers.len() == 5 && timers.iter().all(|timer| *timer >= 0), "{line}");
    assert_eq!(fields[5], "200", "{line}");
    assert!(fields[6].parse::<u64>().unwrap() > 5, "{line}");
    assert_eq!(fields[7..10], ["-", "-", "----"], "{line}");
    assert_eq!(fields[10].split('/').count(), 5, "{line}");
    assert!(line.ends_with(" 0/0 \"GET /a#22b HTTP/1.1\""), "{line}");
}

#[tokio::test]
async fn off_is_off() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).section("log", "format = \"off\"").start().await;
    assert_eq!(lab.get("/silent").await.status(), 200);
    lab.order("disable server api_nodes/a").await;
    eventually("the order in the log", async || lab.log().contains("api_nodes/a")).await;
    assert!(!lab.log().contains("/silent"));
}

/// Breaks when rotation by `mv` and SIGHUP loses the file.
#[tokio::test]
async fn a_reload_opens_the_file_anew() {
    let origin = Origin::named("a").await;
    let mut lab = Lab::new().server("a", origin.address()).start().await;
    lab.get("/before").await;
    entry(&lab, "/before").await;
    std::fs::rename(lab.path("access.log"), lab.path("access.log.1")).unwrap();
    lab.reload(|plan| plan.set("timeout", "server = \"20s\"")).await;
    eventually("a new file", async || lab.path("access.log").exists()).await;
    lab.get("/after").await;
    entry(&lab, "/after").await;
    assert!(std::fs::read_to_string(lab.path("access.log.1")).unwrap().contains("/before"));
}

//! Clients that are bound to a server by a cookie: which responses set one, what it survives, and what the log says of it.

use tests::{Lab, Message, Origin, Running, eventually};

use crate::log::http::line;
use crate::{get, ok};

const INSERT: &str = "cookie = { name = \"SRV\", indirect = true, nocache = true }";

/// Two servers that answer with their names and the cookies that they got.
async fn two(lines: &str, more: &str) -> (Running, [Origin; 2]) {
    let echo = |name: &'static str| {
        Origin::http(move |request| {
            let cookies: Vec<_> = request.values("cookie").collect();
            ok(&format!("{name}[{}]", cookies.join("|")))
        })
    };
    let origins = [echo("a").await, echo("b").await];
    let mut lab = Lab::new().section("log", "format = \"http\"").backend(lines);
    for (origin, name) in origins.iter().zip(["a", "b"]) {
        lab = lab.server_with(name, origin.address(), &format!("cookie = \"c{name}\"{more}"));
    }
    (lab.start().await, origins)
}

/// The answer to a request with this cookie.
async fn with(lab: &Running, target: &str, cookie: &str) -> Message {
    lab.send(&get(target, &format!("Cookie: {cookie}\r\n"))).await
}

async fn letters(lab: &Running, target: &str) -> String {
    line(lab, target).await.split(' ').nth(7).unwrap().to_owned()
}

/// Breaks when a client wanders, when the server sees the cookie, or when one that drains loses its clients or one in maintenance keeps them.
#[tokio::test]
async fn a_client_stays_with_its_server() {
    let (lab, _origins) = two(INSERT, "").await;
    let first = lab.get("/new").await;
    let name = &first.text()[..1];
    let other = if name == "a" { "b" } else { "a" };
    assert_eq!(first.field("set-cookie"), Some(&*format!("SRV=c{name}; path=/")));
    assert_eq!(first.field("cache-control"), Some("private"));
    let mine = format!("x=1; SRV=c{name}; y=2");
    for _ in 0..4 {
        let answer = with(&lab, "/again", &mine).await;
        assert_eq!((answer.text(), answer.field("set-cookie")), (&*format!("{name}[x=1; y=2]"), None));
    }
    assert_eq!(with(&lab, "/invalid", "SRV=cz").await.field("set-cookie").map(|it| &it[..5]), Some("SRV=c"));

    lab.order(&format!("set server api_nodes/{name} state drain")).await;
    assert_eq!(with(&lab, "/drain", &mine).await.text()[..1], *name);
    assert_eq!(lab.get("/drained").await.text()[..1], *other);
    lab.order(&format!("disable server api_nodes/{name}")).await;
    let moved = with(&lab, "/maint", &mine).await;
    assert_eq!(
        (&moved.text()[..1], moved.field("set-cookie")),
        (other, Some(&*format!("SRV=c{other}; path=/")))
    );
    lab.order(&format!("enable server api_nodes/{name}")).await;
    lab.order(&format!("set weight api_nodes/{name} 0")).await;
    assert_eq!(with(&lab, "/weightless", &mine).await.text()[..1], *name);

    for (target, expected) in
        [("/new", "--NI"), ("/again", "--VN"), ("/invalid", "--II"), ("/drain", "--VN"), ("/maint", "--DI")]
    {
        assert_eq!(letters(&lab, target).await, expected, "{target}");
    }
    let rows = lab.stat_rows().await;
    let cookie = |server| rows.row("api_nodes", server).text("cookie").to_owned();
    assert_eq!([cookie("a"), cookie("b"), cookie("BACKEND")], ["ca", "cb", "SRV"]);
}

/// A date in a cookie, so many seconds ago: five letters of base 64, in units of four.
fn stamp(ago: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let letter = |at: u32| char::from(LETTERS[usize::try_from((now - ago) >> (2 + 6 * at) & 63).unwrap()]);
    (0..5).rev().map(letter).collect()
}

/// A request's cookie, what else it asks for, and the letters.
type Case<'a> = (&'a str, &'a str, &'a str);

/// The two letters of each case that HAProxy 2.6 was seen to write for the same cookies. (Its third letter `U` is for rules, which lb has not.)
#[tokio::test]
async fn letters_say_what_became_of_the_cookie() {
    let sets = Origin::http(|request| {
        let set = request.field("x-set").map_or(String::new(), |set| format!("\r\nSet-Cookie: {set}"));
        ok("").replacen("\r\n", &format!("{set}\r\n"), 1)
    })
    .await;
    let dated = "cookie = { name = \"SRV\", max_idle = \"1m\", max_life = \"1h\" }";
    let stamped = |last, first| format!("SRV=ca|{}|{}", stamp(last), stamp(first));
    let [fresh, idle, old] = [stamped(30, 300), stamped(90, 300), stamped(30, 4000)];
    let own = "X-Set: SRV=own\r\n";
    let plain = "cookie = { name = \"SRV\" }";
    let kept = "cookie = { name = \"SRV\", preserve = true }";
    let posted = "cookie = { name = \"SRV\", postonly = true }";
    let [rewrite, prefix] =
        ["rewrite", "prefix"].map(|mode| format!("cookie = {{ name = \"SRV\", mode = \"{mode}\" }}"));
    let table: [(&str, &[Case<'_>]); 6] = [
        (
            plain,
            &[
                ("", "", "NI"),
                ("SRV=ca", "", "VN"),
                ("SRV=zz; SRV=ca", "", "VN"),
                ("SRV=zz", "", "II"),
                ("SRV=cb", "", "DI"),
                ("SRV=ca", own, "VD"),
                ("", own, "NI"),
            ],
        ),
        (kept, &[("SRV=ca", own, "VP"), ("", own, "NP"), ("", "", "NI")]),
        (posted, &[("", "", "NN"), ("SRV=zz", "", "IN")]),
        (&rewrite, &[("SRV=ca", own, "VR"), ("", own, "NR"), ("SRV=ca", "", "VN"), ("", "", "NN")]),
        (&prefix, &[("SRV=ca~x", own, "VR"), ("", own, "NR"), ("SRV=x", "", "IN"), ("SRV=zz~x", "", "IN")]),
        (
            dated,
            &[
                (&fresh, "", "VU"),
                (&idle, "", "EI"),
                (&old, "", "OI"),
                ("SRV=ca", "", "VU"),
                ("SRV=zz", "", "II"),
            ],
        ),
    ];
    for (lines, cases) in table {
        let lab = Lab::new()
            .section("log", "format = \"http\"")
            .backend(lines)
            .server_with("a", sets.address(), "cookie = \"ca\"")
            .server_with("b", sets.address(), "cookie = \"cb\", disabled = true")
            .start()
            .await;
        for (number, (cookie, set, expected)) in cases.iter().enumerate() {
            let target = format!("/{number}");
            let cookie = if cookie.is_empty() { String::new() } else { format!("Cookie: {cookie}\r\n") };
            lab.send(&get(&target, &format!("{cookie}{set}"))).await;
            assert_eq!(letters(&lab, &target).await, format!("--{expected}"), "{lines} {cookie}{set}");
        }
    }
}

/// Breaks when a request goes astray although its server is only unreachable for it, or when the client is not told.
#[tokio::test]
async fn a_server_that_cannot_be_reached_loses_the_client() {
    let (lab, [a, _b]) = two(INSERT, "").await;
    a.kill().await;
    let moved = with(&lab, "/moved", "SRV=ca").await;
    assert_eq!((moved.text(), moved.field("set-cookie")), ("b[]", Some("SRV=cb; path=/")));
    assert_eq!(letters(&lab, "/moved").await, "--DI");
    assert_eq!(lab.stat("api_nodes", "BACKEND").await.number("wredis"), 1);
}

/// Breaks when a connection that had been idle for too long costs a client its server.
#[tokio::test]
async fn a_connection_that_died_does_not_lose_the_client() {
    let forgetful = async |name: &'static str| {
        Origin::script(move |mut conn| async move {
            if conn.request().await.is_some() {
                conn.send(ok(name)).await;
            }
            // The next one is read and not answered.
            conn.request().await;
        })
        .await
    };
    let (a, b) = (forgetful("a").await, forgetful("b").await);
    let lab = Lab::new()
        .section("process", "threads = 1")
        .backend(INSERT)
        .server_with("a", a.address(), "cookie = \"ca\"")
        .server_with("b", b.address(), "cookie = \"cb\"")
        .start()
        .await;
    for _ in 0..4 {
        let answer = with(&lab, "/", "SRV=ca").await;
        assert_eq!((answer.text(), answer.field("set-cookie")), ("a", None));
    }
    let row = lab.stat("api_nodes", "BACKEND").await;
    assert!(row.number("wretr") > 0, "a connection died");
    assert_eq!((row.number("wredis"), b.count()), (0, 0));
}

#[tokio::test]
async fn servers_cookies_are_prefixed_or_rewritten() {
    let origin = Origin::http(|request| {
        let seen = request.field("cookie").unwrap_or_default().to_owned();
        let body = ok(&seen);
        body.replacen("\r\n", "\r\nSet-Cookie: SID=abc; HttpOnly\r\nSet-Cookie: other=1\r\n", 1)
    })
    .await;
    for (mode, set, sent, seen, letters_of) in [
        ("prefix", "SID=ca~abc; HttpOnly", "SID=ca~abc", "SID=abc", "--VR"),
        ("rewrite", "SID=ca; HttpOnly", "SID=ca", "SID=ca", "--VR"),
    ] {
        let lab = Lab::new()
            .section("log", "format = \"http\"")
            .backend(&format!("cookie = {{ name = \"SID\", mode = \"{mode}\" }}"))
            .server_with("a", origin.address(), "cookie = \"ca\"")
            .start()
            .await;
        let answer = with(&lab, "/", sent).await;
        assert_eq!(answer.values("set-cookie").collect::<Vec<_>>(), [set, "other=1"], "{mode}");
        assert_eq!(answer.text(), seen, "{mode}");
        assert_eq!(letters(&lab, "/").await, letters_of, "{mode}");
    }
}

/// Breaks when a request that waits for its own full server goes elsewhere, keeps others from free servers, or is overtaken.
#[tokio::test]
async fn a_full_server_of_its_own_is_waited_for() {
    let origin = async |name: &'static str| {
        Origin::script(move |mut conn| async move {
            while conn.request().await.is_some() {
                conn.released().await;
                if conn.try_send(ok(name)).await.is_err() {
                    return;
                }
            }
        })
        .await
    };
    let (a, b) = (origin("a").await, origin("b").await);
    let lab = Lab::new()
        .section("process", "threads = 1")
        .backend(INSERT)
        .timeout("queue = \"1m\"")
        .server_with("a", a.address(), "cookie = \"ca\", maxconn = 1, max_queue = 1")
        .server_with("b", b.address(), "cookie = \"cb\"")
        .start()
        .await;
    let mine = get("/", "Cookie: SRV=ca\r\n");
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = lab.connect().await;
        client.send(&mine).await;
        clients.push(client);
    }
    eventually("one that waits", async || lab.stat("api_nodes", "a").await.number("qcur") == 1).await;
    b.release(1);
    assert_eq!(lab.get("/").await.text(), "b", "others go on");
    assert_eq!(lab.stat("api_nodes", "BACKEND").await.number("qcur"), 1);
    b.release(1);
    assert_eq!(lab.send(&mine).await.text(), "b", "one may wait, and one does");
    assert_eq!(lab.stat("api_nodes", "a").await.number("qlimit"), 1);
    a.release(2);
    for client in &mut clients {
        assert_eq!(client.answer().await.text(), "a");
    }
    assert_eq!(lab.stat("api_nodes", "a").await.number("qcur"), 0);
}

/// Breaks when a cookie that is made of an address is not there, does not bind, or outlives the order that ends it.
#[tokio::test]
async fn cookies_are_made_of_addresses_when_that_is_ordered() {
    let (a, b) = (Origin::named("a").await, Origin::named("b").await);
    let lab = Lab::new().backend(INSERT).server("a", a.address()).server("b", b.address()).start().await;
    assert_eq!(lab.stat("api_nodes", "a").await.text("cookie"), "");
    lab.order("set dynamic-cookie-key backend api_nodes secret").await;
    lab.order("enable dynamic-cookie backend api_nodes").await;
    let cookie = lab.stat("api_nodes", "a").await.text("cookie").to_owned();
    assert_eq!(cookie.len(), 16);
    assert!(lab.socket("show drift").await.contains("backend api_nodes dynamic-cookie yes no\n"));
    for _ in 0..3 {
        assert_eq!(with(&lab, "/", &format!("SRV={cookie}")).await.text(), "a");
    }
    lab.order("disable dynamic-cookie backend api_nodes").await;
    assert_eq!(lab.stat("api_nodes", "a").await.text("cookie"), "");
}

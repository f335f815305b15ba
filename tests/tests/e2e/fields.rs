//! Header fields: what passes, what ends here, what is added.

use tests::{Lab, Origin};

use crate::{get, ok};

/// Breaks when a field of one connection is taken for one of the message (RFC 9110 §7.6.1).
#[tokio::test]
async fn fields_of_the_connection_end_here_both_ways() {
    let origin = Origin::http(|_| {
        "HTTP/1.1 200 OK\r\nConnection: X-Secret, keep-alive\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-Open: 2\r\nContent-Length: 0\r\n\r\n"
            .to_owned()
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let lines = "Connection: X-Private, close\r\nX-Private: 1\r\nKeep-Alive: 300\r\nProxy-Connection: close\r\n\
                 TE: gzip\r\nUpgrade: h2c\r\nX-Public: 2\r\n";
    let answer = lab.send(&get("/", lines)).await;
    let request = origin.request();
    for name in ["x-private", "keep-alive", "proxy-connection", "te", "upgrade"] {
        assert_eq!(request.field(name), None, "{name} reached the server");
    }
    assert_eq!(request.field("x-public"), Some("2"));
    for name in ["x-secret", "keep-alive", "proxy-connection", "upgrade"] {
        assert_eq!(answer.field(name), None, "{name} reached the client");
    }
    assert_eq!(answer.field("x-open"), Some("2"));
}

/// Breaks when `Connection` can take away what frames or routes a message: a way to smuggle.
#[tokio::test]
async fn connection_cannot_name_away_what_frames_or_routes() {
    let origin = Origin::http(|request| ok(request.text())).await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let request = "POST / HTTP/1.1\r\nHost: lab\r\nConnection: Content-Length, Host, Transfer-Encoding\r\nContent-Length: 4\r\n\r\nbody";
    assert_eq!(lab.send(request).await.text(), "body");
    let request = origin.request();
    assert_eq!((request.field("host"), request.field("content-length")), (Some("lab"), Some("4")));
}

#[tokio::test]
async fn the_server_is_told_who_the_client_is() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    lab.send(&get(
        "/",
        "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n",
    ))
    .await;
    let request = origin.request();
    // Earlier addresses stay, and no client can put one behind the address that lb saw.
    let hops: Vec<_> = request.values("x-forwarded-for").flat_map(|value| value.split(", ")).collect();
    assert_eq!(hops, ["192.0.2.1", "127.0.0.1"]);
    assert_eq!(
        (request.field("x-forwarded-proto"), request.field("x-forwarded-host")),
        (Some("http"), Some("lab"))
    );
}

#[tokio::test]
async fn the_server_is_told_nothing_when_that_is_configured() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).frontend("forwarded = false").start().await;
    lab.send(&get("/", "X-Forwarded-For: 192.0.2.1\r\n")).await;
    let request = origin.request();
    assert_eq!(request.field("x-forwarded-for"), Some("192.0.2.1"));
    assert_eq!((request.field("x-forwarded-proto"), request.field("x-forwarded-host")), (None, None));
}

/// The target's authority wins over `Host`, and servers get the origin form (RFC 9112 §3.2.2).
#[tokio::test]
async fn an_absolute_target_is_taken_apart() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    lab.send("GET http://real.test:81/path?q=1 HTTP/1.1\r\nHost: other.test\r\n\r\n").await;
    let request = origin.request();
    assert_eq!((request.target(), request.field("host")), ("/path?q=1", Some("real.test:81")));
}

/// Breaks when targets are decoded, cleaned or cut on the way.
#[tokio::test]
async fn targets_pass_as_they_are() {
    let origin = Origin::http(|request| ok(request.target())).await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let mut client = lab.connect().await;
    for target in
        ["/", "/a/../b//c", "/%41%2f%00", "/?", "/a?b=c&d=%20", "/;x=y", "/~!$&'()*+,=:@", "//double"]
    {
        assert_eq!(client.get(target).await.text(), target);
    }
    client.send("OPTIONS * HTTP/1.1\r\nHost: lab\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "*");
    client.send("PURGE /cache HTTP/1.1\r\nHost: lab\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "/cache");
}

#[tokio::test]
async fn repeated_and_odd_fields_pass_in_order() {
    let origin = Origin::http(|_| {
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-Other: 0\r\nSet-Cookie: b=2\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n".to_owned()
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let answer = lab.send(&get("/", "X-Many: 1\r\nX-Text: Grüße\r\nX-Many: 2\r\nX-Empty:\r\n")).await;
    assert_eq!(answer.values("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert_eq!(answer.field("x-empty"), Some(""));
    let request = origin.request();
    assert_eq!(request.values("x-many").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!((request.field("x-text"), request.field("x-empty")), (Some("Grüße"), Some("")));
}

/// Breaks when a limit is counted too strictly.
#[tokio::test]
async fn large_heads_within_the_limits_pass() {
    let origin = Origin::named("a").await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    let large = get("/", &format!("X-Large: {}\r\n", "x".repeat(15 << 10)));
    assert_eq!(lab.send(&large).await.status(), 200);
    let many: String = (0..99).map(|n| format!("X-{n}: {n}\r\n")).collect();
    assert_eq!(lab.send(&get("/", &many)).await.status(), 200);
    assert_eq!(origin.requests()[1].field("x-98"), Some("98"));
}

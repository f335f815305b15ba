//! What an operator orders of frontends, of backends as a whole and of the process.

use std::time::{Duration, Instant};

use tests::{Lab, Origin, Running, Wire, eventually};

use crate::{get, ok};

/// A lab whose server holds each request until it is released.
async fn held(lab: Lab) -> (Running, Origin) {
    let origin = Origin::script(|mut conn| async move {
        while conn.request().await.is_some() {
            conn.released().await;
            if conn.try_send(ok("held")).await.is_err() {
                return;
            }
        }
    });
    let origin = origin.await;
    (lab.server("a", origin.address()).start().await, origin)
}

async fn status(lab: &Running) -> String {
    lab.stat("fe_api", "FRONTEND").await.text("status").to_owned()
}

/// Breaks when the port still takes connections after the answer, when a request in flight is lost, or when the port does not come back.
#[tokio::test]
async fn a_disabled_frontend_refuses_and_what_it_has_goes_on() {
    let (mut lab, origin) = held(Lab::new()).await;
    let address = lab.frontend();
    let mut client = lab.connect().await;
    client.send(get("/", "")).await;
    eventually("the request", async || origin.count() == 1).await;
    lab.order("disable frontend fe_api").await;
    assert!(Wire::connect(address).await.is_err(), "it refuses as soon as the command is answered");
    assert_eq!(status(&lab).await, "PAUSED");
    origin.release(2);
    assert_eq!(client.answer().await.text(), "held");
    assert_eq!(client.get("/").await.text(), "held", "a connection that it had goes on");
    lab.reload(|plan| plan.set("backend.api_nodes", "retries = 1")).await;
    assert!(Wire::connect(address).await.is_err(), "a reload does not open it");
    lab.order("enable frontend fe_api").await;
    assert_eq!((lab.frontend(), status(&lab).await.as_str()), (address, "OPEN"));
    origin.release(1);
    assert_eq!(lab.get("/").await.text(), "held");
}

#[tokio::test]
async fn an_address_that_somebody_took_in_the_meantime_is_told() {
    let (lab, _origin) = held(Lab::new()).await;
    let address = lab.frontend();
    lab.order("disable frontend fe_api").await;
    let taken = std::net::TcpListener::bind(address).unwrap();
    let failed = "Failed to resume frontend, check logs for precise cause (port conflict?).\n\n";
    assert_eq!(lab.socket("enable frontend fe_api").await, failed);
    assert_eq!(status(&lab).await, "PAUSED");
    drop(taken);
    lab.order("enable frontend fe_api").await;
    assert!(Wire::connect(address).await.is_ok());
}

#[tokio::test]
async fn a_frontend_that_is_shut_down_ends_its_connections_and_stays_away() {
    let (mut lab, origin) = held(Lab::new()).await;
    let address = lab.frontend();
    let (mut idle, mut busy) = (lab.connect().await, lab.connect().await);
    origin.release(1);
    assert_eq!(idle.get("/").await.text(), "held");
    busy.send(get("/", "")).await;
    eventually("the request", async || origin.count() == 2).await;
    lab.order("shutdown frontend fe_api").await;
    idle.closed().await;
    assert!(Wire::connect(address).await.is_err());
    origin.release(1);
    assert_eq!(busy.answer().await.text(), "held");
    busy.closed().await;
    lab.reload(|plan| plan.set("backend.api_nodes", "retries = 1")).await;
    assert_eq!(status(&lab).await, "STOP");
    assert!(Wire::connect(address).await.is_err());
}

/// Breaks when a limit is not in force at once, when it turns clients away, or when an unused listener takes a place.
#[tokio::test]
async fn limits_of_connections_can_be_changed() {
    let two = Lab::new().section("frontend.fe_more", "bind = \"127.0.0.1:0\"\nbackend = \"api_nodes\"");
    let (lab, origin) = held(two).await;
    origin.release(100);
    let slim = lab.stat("fe_api", "FRONTEND").await.text("slim").to_owned();
    for (command, back) in [
        ("set maxconn frontend fe_api 1", "set maxconn frontend fe_api 0"),
        ("set maxconn global 1", "set maxconn global 0"),
    ] {
        lab.order(command).await;
        let mut first = lab.connect().await;
        assert_eq!(first.get("/").await.text(), "held", "{command}");
        let mut second = lab.connect().await;
        second.send(get("/", "")).await;
        assert_eq!(first.get("/").await.text(), "held");
        assert!(second.is_quiet(), "{command}");
        let row = lab.stat("fe_api", "FRONTEND").await;
        assert_eq!(row.number("scur"), 1, "{command}");
        drop(first);
        assert_eq!(second.answer().await.text(), "held", "{command}");
        lab.order(back).await;
        assert_eq!(lab.get("/").await.text(), "held", "{back}");
        drop(second);
        eventually("no connection", async || lab.stat("fe_api", "FRONTEND").await.number("scur") == 0).await;
    }
    assert_eq!(lab.stat("fe_api", "FRONTEND").await.text("slim"), slim);
}

#[tokio::test]
async fn connections_come_no_faster_than_they_may() {
    let (lab, origin) = held(Lab::new()).await;
    origin.release(100);
    lab.order("set rate-limit connections global 50").await;
    let begun = Instant::now();
    for _ in 0..10 {
        assert_eq!(lab.get("/").await.text(), "held");
    }
    assert!(begun.elapsed() >= Duration::from_millis(150), "{:?}", begun.elapsed());
    lab.order("set rate-limit connections global 0").await;
    assert_eq!(lab.get("/").await.text(), "held");
}

#[tokio::test]
async fn an_unpublished_backend_gets_nothing() {
    let (lab, origin) = held(Lab::new()).await;
    origin.release(10);
    let mut client = lab.connect().await;
    assert_eq!(client.get("/").await.status(), 200);
    assert_eq!(lab.socket("unpublish backend api_nodes").await, "Backend unpublished.\n\n");
    assert_eq!(client.get("/").await.status(), 503);
    assert_eq!(lab.stat("api_nodes", "BACKEND").await.text("status"), "UP (UNPUB)");
    assert_eq!(lab.socket("publish backend api_nodes").await, "Backend published.\n\n");
    assert_eq!(lab.get("/").await.status(), 200);
}

/// Breaks when a listener counts what came to another, when its counters do not survive a reload, or when it has a row unasked.
#[tokio::test]
async fn each_address_has_a_row_where_the_frontend_wants_it() {
    let origin = Origin::http(|_| ok("hello")).await;
    let binds =
        "bind = [{ address = \"127.0.0.1:0\", name = \"front\" }, \"127.0.0.1:0\"]\nsocket_stats = true";
    let mut lab = Lab::new().frontend(binds).server("a", origin.address()).start().await;
    for _ in 0..2 {
        assert_eq!(lab.get("/").await.status(), 200);
    }
    let row = async |lab: &Running, name: &str| lab.stat("fe_api", name).await;
    eventually("the end of both", async || row(&lab, "front").await.number("scur") == 0).await;
    let front = row(&lab, "front").await;
    assert_eq!((front.number("stot"), front.number("sid"), front.text("status")), (2, 1, "OPEN"));
    assert_eq!((front.number("type"), front.text("addr")), (3, &*lab.frontend().to_string()));
    assert!(front.number("bin") > 0 && front.number("bout") > 0);
    assert_eq!((row(&lab, "sock-2").await.number("stot"), row(&lab, "sock-2").await.number("bin")), (0, 0));

    lab.reload(|plan| plan.set("backend.api_nodes", "retries = 1")).await;
    assert_eq!(lab.get("/").await.status(), 200);
    assert_eq!(row(&lab, "front").await.number("stot"), 3);
    lab.reload(|plan| plan.remove("frontend.fe_api", "socket_stats")).await;
    assert!(!lab.socket("show stat").await.contains("fe_api,front,"));
}

//! Requests that wait while a reload changes where they lead: they are woken, and everything about them is decided again.

use tests::{Lab, Origin, Running, Wire, eventually};

use crate::servers::script::Frames;
use crate::{get, ok};

/// A server that tells its name and the cookies that it gets; `/hold` waits until it is released.
async fn named(name: &'static str) -> Origin {
    Origin::script(move |mut conn| async move {
        while let Some(request) = conn.request().await {
            if request.target() == "/hold" {
                conn.released().await;
            }
            let cookies: Vec<_> = request.values("cookie").collect();
            if conn.try_send(ok(&format!("{name}[{}]", cookies.join("|")))).await.is_err() {
                return;
            }
        }
    })
    .await
}

/// A lab of one server that takes one request at a time and has it, and a client whose request, with these lines, waits for it.
async fn waiting(lab: Lab, a: &Origin, lines: &str) -> (Running, Wire, Wire) {
    let lab = lab.server_with("a", a.address(), "maxconn = 1, cookie = \"ca\"").timeout("queue = \"5m\"");
    let lab = lab.start().await;
    let mut held = lab.connect().await;
    held.send(get("/hold", "")).await;
    eventually("one request at the server", async || a.count() == 1).await;
    let mut waits = lab.connect().await;
    waits.send(get("/waits", lines)).await;
    let waiting = async || {
        let rows = lab.stat_rows().await;
        ["a", "BACKEND"].iter().any(|row| rows.row("api_nodes", row).number("qcur") == 1)
    };
    eventually("one request waiting", waiting).await;
    (lab, held, waits)
}

/// Breaks when a request waits on in the backend that it does not lead to any more, or is counted there.
#[tokio::test]
async fn a_route_that_changes_takes_along_what_waits() {
    let (a, b) = (named("a").await, named("b").await);
    let (mut lab, mut held, mut waits) = waiting(Lab::new(), &a, "").await;
    lab.reload(|plan| {
        plan.set_server("other", "b", b.address(), "");
        plan.set("frontend.fe_api", "backend = \"other\"");
    })
    .await;
    assert_eq!(waits.answer().await.text(), "b[]");
    a.release(1);
    assert_eq!(held.answer().await.text(), "a[]");
    eventually("both accounts settled", async || {
        let rows = lab.stat_rows().await;
        let of = |backend| {
            let row = rows.row(backend, "BACKEND");
            ["scur", "qcur", "hrsp_2xx"].map(|column| row.number(column))
        };
        (of("api_nodes"), of("other")) == ([0, 0, 1], [0, 0, 1])
    })
    .await;
    assert_eq!(a.count(), 1);
}

/// Breaks when what waits for HTTP/1.1 servers goes to servers of HTTP/2 as it was.
#[tokio::test]
async fn what_waits_is_sent_in_the_protocol_of_its_new_backend() {
    let a = named("a").await;
    let h2 = Frames::start(|mut peer| async move {
        loop {
            let asked = peer.request().await?;
            peer.answer(asked, b"h2").await?;
        }
    })
    .await;
    let (mut lab, _held, mut waits) = waiting(Lab::new(), &a, "").await;
    lab.reload(|plan| {
        plan.set("backend.other", "protocol = \"h2c\"");
        plan.set_server("other", "b", h2.address(), "");
        plan.set("frontend.fe_api", "backend = \"other\"");
    })
    .await;
    assert_eq!(waits.answer().await.text(), "h2");
}

/// Breaks when a client that is bound to a server loses it because the backend has another name, or when the server sees the cookie.
#[tokio::test]
async fn a_backend_that_is_renamed_keeps_the_clients_of_its_servers() {
    let (a, b) = (named("a").await, named("b").await);
    let cookie = "cookie = { name = \"SRV\", indirect = true }";
    let (mut lab, _held, mut waits) =
        waiting(Lab::new().backend(cookie), &a, "Cookie: x=1; SRV=ca\r\n").await;
    assert_eq!(lab.stat("api_nodes", "a").await.number("qcur"), 1, "it waits for its own server");
    lab.reload(|plan| {
        plan.remove_section("backend.api_nodes");
        plan.set("backend.renamed", cookie);
        for (name, origin) in [("b", &b), ("c", &b), ("a", &a)] {
            plan.set_server("renamed", name, origin.address(), &format!("cookie = \"c{name}\""));
        }
        plan.set("frontend.fe_api", "backend = \"renamed\"");
    })
    .await;
    assert_eq!(waits.answer().await.text(), "a[x=1]");
}

/// Breaks when a client that is bound to a server is sent there although a reload has removed that.
#[tokio::test]
async fn a_server_that_is_removed_gets_none_of_its_clients_that_wait() {
    let (a, b) = (named("a").await, named("b").await);
    let lab = Lab::new().backend("cookie = { name = \"SRV\" }");
    let (mut lab, mut held, mut waits) = waiting(lab, &a, "Cookie: SRV=ca\r\n").await;
    assert_eq!(lab.stat("api_nodes", "a").await.number("qcur"), 1, "it waits for its own server");
    lab.reload(|plan| {
        plan.remove("backend.api_nodes.servers", "a");
        plan.set_server("api_nodes", "b", b.address(), "");
    })
    .await;
    assert_eq!(waits.answer().await.text(), "b[SRV=ca]");
    a.release(1);
    held.answer().await;
    assert_eq!(a.count(), 1);
}

/// Breaks when a request waits for a backend that does not exist any more.
#[tokio::test]
async fn a_request_that_leads_nowhere_any_more_gets_503() {
    let (a, b) = (named("a").await, named("b").await);
    let lab = Lab::new().section("frontend.fe_other", "bind = \"127.0.0.1:0\"\nbackend = \"other\"");
    let lab = lab.section("backend.other.servers", &format!("b = \"{}\"", b.address()));
    let (mut lab, mut held, mut waits) = waiting(lab, &a, "").await;
    lab.reload(|plan| {
        plan.remove_section("frontend.fe_api");
        plan.remove_section("backend.api_nodes");
    })
    .await;
    assert_eq!(waits.answer().await.status(), 503);
    a.release(1);
    assert_eq!(held.answer().await.text(), "a[]", "what is in flight is finished");
}

/// Breaks when what waits keeps the time limit that there was when it came.
#[tokio::test]
async fn the_time_in_the_queue_is_that_of_the_configuration_in_force() {
    let a = named("a").await;
    let (mut lab, _held, mut waits) = waiting(Lab::new(), &a, "").await;
    lab.reload(|plan| plan.set("timeout", "queue = \"10ms\"")).await;
    assert_eq!(waits.answer().await.status(), 503);
}

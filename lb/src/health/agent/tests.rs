//! Agents over real sockets: how their answers, and their silence, change a server.

use std::sync::Mutex;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::control::Origin;
use crate::control::fixture::Fixture;
use crate::health::run;
use crate::server::{AdminState, Status};

/// A server with an agent that answers as the test wants.
struct Stage {
    fixture: Fixture,
    server: Arc<Server>,
    words: Arc<Mutex<&'static str>>,
    _stop: DropGuard,
}

impl Stage {
    async fn set(words: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let words = Arc::new(Mutex::new(words));
        let told = Arc::clone(&words);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let told = *told.lock().unwrap();
                stream.write_all(told.as_bytes()).await.unwrap();
            }
        });
        let backend = format!(
            "agent = {{ port = {port}, interval = \"20ms\" }}\n[backend.be.servers]\ns = {{ address = \"127.0.0.1:9\", weight = 8 }}\nt = {{ address = \"127.0.0.1:9\", track = \"s\" }}"
        );
        let (fixture, stop) = (Fixture::new(&backend), CancellationToken::new());
        tokio::spawn(run(Arc::clone(&fixture.control), stop.clone()));
        let server = fixture.server("s");
        Self { fixture, server, words, _stop: stop.drop_guard() }
    }

    async fn says(&self, words: &'static str, status: &str) {
        *self.words.lock().unwrap() = words;
        self.fixture.until(|| self.server.status().to_string() == status).await;
    }
}

#[tokio::test]
async fn what_an_agent_says_is_done() {
    let stage = Stage::set("up\n").await;
    let (server, tracker) = (Arc::clone(&stage.server), stage.fixture.server("t"));
    stage.says("down # disk full\r\nrest", "DOWN (agent)").await;
    assert!(!server.is_usable() && !tracker.is_usable());
    assert_eq!(tracker.status().to_string(), "DOWN (agent)");
    let known = server.health.snapshot();
    let last = known.agent.last.clone().unwrap();
    assert_eq!((last.status, last.detail.as_str()), (CheckStatus::L7Sts, "via agent : down (disk full)"));
    assert_eq!(known.agent.said, "down # disk full");
    stage.says("up 50%, maxconn:7", "no check").await;
    stage.fixture.until(|| (server.weight(), server.maxconn()) == (4, 7)).await;
    stage.says("up\t25%\tmaxconn:9\n", "no check").await;
    stage.fixture.until(|| (server.weight(), server.maxconn()) == (2, 9)).await;
    stage.says("drain\n", "DRAIN (agent)").await;
    assert_eq!(tracker.status().to_string(), "DRAIN (agent)");
    stage.says("maint\n", "MAINT").await;
    assert_eq!(tracker.status().to_string(), "MAINT (via be/s)");
    assert_eq!((server.admin_bits().0, tracker.admin_bits().0), (1, 2));
    stage.says("ready 100%\n", "no check").await;
    assert_eq!((tracker.admin(), tracker.is_usable()), (AdminState::Ready, true));
}

#[tokio::test]
async fn an_agent_never_undoes_what_the_operator_ordered() {
    let stage = Stage::set("drain\n").await;
    let (control, server, by) = (&stage.fixture.control, &stage.server, &Origin::Start);
    stage.says("drain\n", "DRAIN (agent)").await;
    control.set_admin(server, AdminState::Maint, by);
    stage.says("ready up 50%\n", "MAINT").await;
    stage.fixture.until(|| server.weight() == 4).await;
    assert_eq!(server.status(), Status::Maint);
    control.set_admin(server, AdminState::Ready, by);
    assert_eq!(server.status(), Status::NoCheck);
    stage.says("drain\n", "DRAIN (agent)").await;
    *stage.words.lock().unwrap() = "up\n";
    control.set_admin(server, AdminState::Ready, by);
    assert_eq!(server.admin(), AdminState::Ready, "the operator's order goes before what the agent had said");
}

#[tokio::test]
async fn an_agent_that_is_silent_or_switched_off_changes_nothing() {
    let stage = Stage::set("down\n").await;
    let (control, server, by) = (&stage.fixture.control, &stage.server, &Origin::Start);
    stage.says("down\n", "DOWN (agent)").await;
    control.set_agent(server, false, by);
    assert!(server.is_usable(), "what it found does not count any more");
    control.set_agent(server, true, by);
    assert!(!server.is_usable(), "and it does again");
    control.force_agent(server, true, by);
    assert!(server.is_usable());
    stage.says("down\n", "DOWN (agent)").await;
    let status = || server.health.snapshot().agent.last.map(|last| last.status);
    *stage.words.lock().unwrap() = "";
    while status() != Some(CheckStatus::L7Rsp) {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.status(), Status::DownByAgent, "it has not said that the server is up again");
}

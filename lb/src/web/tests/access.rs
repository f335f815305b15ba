//! Access control: what needs a password, what does not, and which user is recorded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

const HEAD: &str = "[stats]\nadmin = true\nauth = [\"admin:secret\", \"ops:other\"]\n";

/// The header line of a user.
fn basic(pair: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(pair))
}

#[tokio::test]
async fn everything_but_health_and_metrics_needs_a_user() {
    let pages = Pages::of(Fixture::with(HEAD, BACKEND));
    for path in ["/", "/stats", "/stats;csv", "/x;csv", "/stats.json", "/stats.js", "/events", "/nope"] {
        let refused = pages.get(path).await;
        assert_eq!(refused.status, 401, "{path}");
        let challenge = "www-authenticate: basic realm=\"haproxy statistics\"";
        assert!(refused.head.contains(challenge) && refused.head.contains("nosniff"), "{}", refused.head);
        assert!(!refused.body.contains("s1"), "{}", refused.body);
        let wrong = pages.send("GET", path, &basic("admin:other"), "").await;
        assert_eq!(wrong.status, 401, "{path}");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(pages.get(path).await.status, 200, "{path}");
    }
    for path in ["/stats", "/stats;csv", "/stats.json", "/metrics"] {
        assert_eq!(pages.send("GET", path, &basic("ops:other"), "").await.status, 200, "{path}");
    }
    pages.end().await;
}

#[tokio::test]
async fn metrics_have_a_password_where_the_configuration_says_so() {
    let head = format!("{HEAD}auth_metrics = true\nrealm = \"My pages\"\n");
    let pages = Pages::of(Fixture::with(&head, BACKEND));
    let refused = pages.get("/metrics").await;
    assert_eq!(refused.status, 401);
    assert!(refused.head.contains("realm=\"my pages\""), "{}", refused.head);
    assert_eq!(pages.send("GET", "/metrics", &basic("admin:secret"), "").await.status, 200);
    pages.end().await;
}

#[tokio::test]
async fn who_acts_is_known_and_written_down() {
    let pages = Pages::of(Fixture::with(HEAD, BACKEND));
    let form = "b=be&s=s1&action=maint";
    assert_eq!(pages.post("/stats", "", form).await.status, 401);
    assert!(pages.fixture.server("s1").is_usable());
    let done = pages.post("/stats", &basic("ops:other"), form).await;
    assert!(done.status == 303 && done.head.contains("location: /stats;st=done"), "{}", done.head);
    assert!(!pages.fixture.server("s1").is_usable());
    pages.stop.cancel();
    tokio::time::timeout(Duration::from_secs(30), pages.serving).await.unwrap().unwrap();
    let logged = pages.fixture.logged();
    assert!(logged.contains("status page (ops at 127.0.0.1:"), "{logged}");
    assert!(!logged.contains("other"), "{logged}");
}

//! The status page, as tools and people use it: forms, the stream of events, and what a browser makes of it.

mod browser;

use std::path::PathBuf;

use browser::Browser;
use tests::{Lab, Message, Running, Wire, eventually, within};

/// Three nodes, checked often; the page may change them.
async fn lab() -> Running {
    let health = "health = { path = \"/health\", interval = \"50ms\", timeout = \"5s\", rise = 1, fall = 1 }";
    let stats = "bind = \"127.0.0.1:0\"\nadmin = true";
    let lab = Lab::new().nodes(3).backend(health).section("stats", stats).start().await;
    for node in ["api0", "api1", "api2"] {
        lab.status_of(node, "UP").await;
    }
    lab
}

async fn form(lab: &Running, lines: &str, body: &str) -> Message {
    let mut wire = Wire::connect(lab.stats()).await.unwrap();
    let length = body.len();
    wire.send(format!("POST /stats HTTP/1.1\r\nHost: lab\r\n{lines}Content-Length: {length}\r\n\r\n{body}"))
        .await;
    wire.answer().await
}

#[tokio::test]
async fn forms_order_what_the_runtime_socket_orders() {
    let lab = lab().await;
    let iid = lab.stat("api_nodes", "api1").await.text("iid").to_owned();
    for (body, location, status) in [
        (format!("s=api1&action=maint&b=%23{iid}"), "/stats;st=DONE", "MAINT"),
        (format!("s=api1&s=nope&action=drain&b=%23{iid}"), "/stats;st=PART", "DRAIN"),
        ("s=api1&action=ready&b=api_nodes".to_owned(), "/stats;st=DONE", "UP"),
        ("s=api1&action=zz&b=api_nodes".to_owned(), "/stats;st=ERRP", "UP"),
        ("action=maint&b=api_nodes".to_owned(), "/stats;st=NONE", "UP"),
    ] {
        let answer = form(&lab, "", &body).await;
        assert_eq!((answer.status(), answer.field("location")), (303, Some(location)), "{body}");
        assert_eq!(answer.field("cache-control"), Some("no-cache"));
        lab.status_of("api1", status).await;
    }
    let forged = form(&lab, "Origin: http://elsewhere\r\n", "s=api1&action=maint&b=api_nodes").await;
    assert_eq!(forged.field("location"), Some("/stats;st=DENY"));
    assert_eq!(lab.stat("api_nodes", "api1").await.text("status"), "UP");
}

#[tokio::test]
async fn versions_and_deployments_are_told() {
    let mut lab = lab().await;
    let document = async |lab: &Running| -> serde_json::Value {
        serde_json::from_slice(&lab.page("/stats.json").await.body).unwrap()
    };
    let runs = async |lab: &Running, version: &str| {
        eventually(version, async || document(lab).await["backends"][0]["servers"][1]["version"] == version)
            .await;
    };
    // A server begins as up before its first check.
    runs(&lab, "v1").await;
    lab.order("disable server api_nodes/api1").await;
    lab.drained("api1").await;
    lab.replace_node(1, "v2").await;
    lab.order("enable server api_nodes/api1").await;
    runs(&lab, "v2").await;
    let events = document(&lab).await["events"].clone();
    let deployed = events.as_array().unwrap().iter().find(|event| event["kind"] == "version").unwrap();
    assert_eq!(deployed["server"], "api_nodes/api1");
    assert!(lab.page("/").await.text().contains("deployed"));
}

/// Breaks when a stream holds up the end of lb.
#[tokio::test]
async fn a_viewer_does_not_hold_up_the_stop() {
    let lab = lab().await;
    let mut viewer = Wire::connect(lab.stats()).await.unwrap();
    viewer.send("GET /events HTTP/1.1\r\nHost: lab\r\n\r\n").await;
    assert_eq!(viewer.head().await.unwrap().unwrap().field("content-type"), Some("text/event-stream"));
    lab.stop();
    let exit = within("the end, without its grace", lab.exit()).await;
    assert_eq!(format!("{exit:?}"), format!("{:?}", std::process::ExitCode::SUCCESS));
}

/// What an operator does with the page: see which server fails and why, take one out in two clicks, weigh one, put one back.
#[tokio::test]
async fn in_a_browser_what_fails_is_seen_and_a_server_is_drained_in_two_clicks() {
    let Some(browser) = Browser::start().await else { return };
    let mut lab = lab().await;
    browser.look(1280, 900, "light").await;
    browser.open(&format!("http://{}/", lab.stats())).await;
    browser.until("document.getElementById('live-state').textContent == 'Live'").await;
    assert!(
        browser
            .value("document.querySelector('.verdict').textContent")
            .await
            .as_str()
            .unwrap()
            .contains("3 servers")
    );
    // Nothing below loads the page again.
    browser.value("window.first = true").await;

    lab.nodes[2].set_healthy(false);
    browser.until("document.querySelector('.verdict h2').textContent == 'api_nodes/api2 is down'").await;
    let fault = browser.value("document.querySelector('.verdict li').textContent").await.to_string();
    assert!(fault.contains("503") && fault.contains("L7STS"), "{fault}");
    browser.until("document.title.startsWith('api_nodes/api2 is down')").await;
    browser.until("document.getElementById('news').textContent.includes('api2 is DOWN')").await;

    let row = "#backends tr[data-server=api1]";
    browser.click(&format!("{row} [data-act=drain]")).await;
    browser.until("document.activeElement.id == 'ask-yes'").await;
    assert_eq!(lab.stat("api_nodes", "api1").await.text("status"), "UP", "only the second click orders");
    browser.click("#ask-yes").await;
    lab.status_of("api1", "DRAIN").await;
    browser.until(&format!("document.querySelector('{row}').className == 'drain'")).await;
    assert!(lab.log().contains("api_nodes/api1 set to drain by status page (127.0.0.1:"), "{}", lab.log());

    // By keys alone: the focus is on the button that was pressed, which is `Ready` now. Then Enter asks, and Enter agrees.
    let label = "document.activeElement.getAttribute('aria-label') == 'Ready api_nodes/api1'";
    browser.until(label).await;
    browser.press("\u{e007}").await;
    browser.until("document.activeElement.id == 'ask-yes'").await;
    browser.press("\u{e007}").await;
    lab.status_of("api1", "UP").await;

    // Escape changes nothing.
    browser.click(&format!("{row} [data-act=weight]")).await;
    browser.press("77\u{e00c}").await;
    browser.until("!document.getElementById('ask').open").await;
    browser.click(&format!("{row} [data-act=weight]")).await;
    browser.press("7\u{e007}").await;
    eventually("the new weight", async || lab.stat("api_nodes", "api1").await.text("weight") == "7").await;

    // The last one that can serve: the question says what will happen.
    lab.order("set server api_nodes/api1 state maint").await;
    browser.until(&format!("document.querySelector('{row}').className == 'maint'")).await;
    browser.click("#backends tr[data-server=api0] [data-act=maint]").await;
    browser.until("document.getElementById('ask-text').textContent.includes('503')").await;
    browser.click("#ask-no").await;
    lab.drained("api1").await;
    lab.replace_node(1, "v2").await;
    lab.order("set server api_nodes/api1 state drain").await;
    browser.until("!!document.querySelector('#timeline .badge.deployed')").await;

    // Nothing sticks out on any screen, and people can look at it where a folder is named.
    let folder = std::env::var_os("LB_SCREENSHOTS").map(PathBuf::from);
    let clipped = "[...document.querySelectorAll('#backends button')].filter((button) => {
        const [inner, outer] = [button, button.closest('td')].map((node) => node.getBoundingClientRect());
        return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.right > innerWidth;
    }).length == 0";
    for (width, height) in [(1280, 900), (1010, 900), (820, 1100), (390, 844)] {
        for scheme in ["light", "dark"] {
            browser.look(width, height, scheme).await;
            browser
                .until(&format!("innerWidth == {width} && document.documentElement.scrollWidth <= {width}"))
                .await;
            browser.until(clipped).await;
            if let Some(folder) = &folder {
                browser.picture(&folder.join(format!("page-{width}-{scheme}.png"))).await;
            }
        }
    }
    if let Some(folder) = &folder {
        browser.look(1280, 900, "light").await;
        browser.click("#backends tr[data-server=api0] [data-act=drain]").await;
        browser.picture(&folder.join("dialog.png")).await;
        browser.click("#ask-no").await;
    }

    assert_eq!(browser.value("window.first").await, true, "the page was not loaded again");
    lab.stop();
    lab.exit().await;
    browser.until("document.getElementById('live-state').textContent.startsWith('No answer')").await;
    for shown in [
        "document.title.startsWith('No answer for ')",
        "!document.querySelector('link[rel=icon]').href.includes('16733a')",
        "document.getElementById('gone').checkVisibility()",
        "[...document.querySelectorAll('[data-act]')].every((button) => button.disabled)",
    ] {
        browser.until(shown).await;
    }
    assert_eq!(browser.value("window.faults").await, serde_json::json!([]));
}

#[tokio::test]
async fn a_browser_without_the_stream_asks_again_and_again() {
    let Some(browser) = Browser::start().await else { return };
    let lab = lab().await;
    browser.before_pages("delete window.EventSource").await;
    browser.open(&format!("http://{}/stats", lab.stats())).await;
    browser.until("document.getElementById('live-state').textContent == 'Updating by polling'").await;
    lab.nodes[0].set_healthy(false);
    browser.until("document.querySelector('.verdict h2').textContent == 'api_nodes/api0 is down'").await;
    assert_eq!(browser.value("window.faults").await, serde_json::json!([]));
}

/// Breaks when the page's script asks for addresses that a browser refuses, or without the password.
#[tokio::test]
async fn in_a_browser_a_password_in_the_address_is_enough() {
    let Some(browser) = Browser::start().await else { return };
    let stats = "bind = \"127.0.0.1:0\"\nadmin = true\nauth = \"ops:secret\"";
    let lab = Lab::new().nodes(2).section("stats", stats).start().await;
    browser.open(&format!("http://ops:secret@{}/haproxy?stats", lab.stats())).await;
    browser.until("document.getElementById('live-state').textContent == 'Live'").await;
    browser.click("#backends tr[data-server=api1] [data-act=drain]").await;
    browser.until("document.activeElement.id == 'ask-yes'").await;
    browser.click("#ask-yes").await;
    lab.status_of("api1", "DRAIN").await;
    browser.until("document.querySelector('#backends tr[data-server=api1]').className == 'drain'").await;
    assert!(lab.log().contains("by status page (ops at 127.0.0.1:"), "{}", lab.log());
    assert_eq!(browser.value("window.faults").await, serde_json::json!([]));
}

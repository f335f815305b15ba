//! The event stream: its first event, the following ones, and the limit of viewers.

use super::*;

/// Reads a stream until `enough`.
async fn read_until(stream: &mut TcpStream, enough: impl Fn(&str) -> bool) -> String {
    let mut seen = Vec::new();
    while !enough(&String::from_utf8_lossy(&seen)) {
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read_buf(&mut seen)).await;
        assert_ne!(read.unwrap().unwrap(), 0, "{}", String::from_utf8_lossy(&seen));
    }
    String::from_utf8(seen).unwrap()
}

const EVENTS: &[u8] = b"GET /events HTTP/1.1\r\nHost: lb\r\n\r\n";

#[tokio::test]
async fn viewers_are_shown_changes_at_once_and_let_go_at_the_stop() {
    let pages = Pages::new();
    let mut viewers = [pages.connect().await, pages.connect().await];
    for viewer in &mut viewers {
        viewer.write_all(EVENTS).await.unwrap();
        let first = read_until(viewer, |seen| seen.contains("\\\"UP 1/3") || seen.contains("UP 1/3")).await;
        assert!(first.to_lowercase().contains("content-type: text/event-stream"), "{first}");
        assert!(first.contains("retry: 300\ndata: {"), "{first}");
    }
    pages.order("s1", AdminState::Maint);
    for viewer in &mut viewers {
        read_until(viewer, |seen| seen.contains("1 in maintenance of 2 servers")).await;
    }
    pages.end().await;
    for viewer in &mut viewers {
        let mut rest = Vec::new();
        viewer.read_to_end(&mut rest).await.unwrap();
        assert!(rest.ends_with(b"0\r\n\r\n"), "a stream that ends, ends as chunks do");
    }
}

#[tokio::test]
async fn more_viewers_than_there_is_room_for_are_told_so() {
    let pages = Pages::new();
    let mut viewers = Vec::new();
    let mut answers = Vec::new();
    for _ in 0..=live::VIEWERS {
        let mut viewer = pages.connect().await;
        viewer.write_all(EVENTS).await.unwrap();
        answers.push(read_until(&mut viewer, |seen| seen.contains("\r\n\r\n")).await);
        viewers.push(viewer);
    }
    let refused = answers.pop().unwrap();
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(answers.iter().all(|answer| answer.starts_with("HTTP/1.1 200")));
    drop(viewers);
    pages.end().await;
}

/// The data of the complete events in what was read, the newest first.
fn events(seen: &str) -> Vec<serde_json::Value> {
    let parse = |text: &str| serde_json::from_str(text.split_once("\n\n")?.0).ok();
    seen.split("data: ").skip(1).filter_map(parse).collect::<Vec<_>>().into_iter().rev().collect()
}

fn is_whole(seen: &str) -> bool {
    events(seen).iter().any(|event| !event["parts"]["backends"].is_null())
}

fn has_row(seen: &str, id: &str) -> bool {
    events(seen).iter().any(|event| !event["rows"][id].is_null())
}

#[tokio::test]
async fn a_change_of_one_server_of_two_hundred_is_one_row() {
    let servers: String = (0..200).map(|number| format!("s{number} = \"127.0.0.1:9\"\n")).collect();
    let pages = Pages::of(Fixture::new(&format!("[backend.be.servers]\n{servers}")));
    let mut viewer = pages.connect().await;
    viewer.write_all(EVENTS).await.unwrap();
    // Chunks end between events, if anywhere.
    let first = read_until(&mut viewer, |seen| seen.contains("data: ") && seen.ends_with("}\n\n\r\n")).await;
    assert!(first.contains("data-server=\\\"s199\\\"") && first.contains(">200 well<"), "{first}");
    // A viewer that has missed an event gets a whole page, as may happen on a busy machine: then the next
    // server is tried.
    for number in 0..20 {
        let row = format!("s0-{number}");
        pages.order(&format!("s{number}"), AdminState::Maint);
        let later = read_until(&mut viewer, |seen| has_row(seen, &row) || is_whole(seen)).await;
        let Some(change) = events(&later).into_iter().find(|event| !event["rows"][&row].is_null()) else {
            continue;
        };
        assert_eq!(change["rows"][&row]["class"], "maint", "{change}");
        assert_eq!(change["rows"].as_object().unwrap().len(), 1, "{change}");
        let (list, shown) = (&change["lists"]["b0"], (0..=number).collect::<Vec<_>>());
        assert_eq!(list["shown"], serde_json::json!(shown), "{change}");
        assert_eq!(list["text"], format!("{} well", 199 - number), "{change}");
        assert!(change.to_string().len() * 20 < first.len(), "{change}");
        pages.end().await;
        return;
    }
    panic!("only whole pages came");
}

#[tokio::test]
async fn events_come_although_nothing_happens() {
    let pages = Pages::new();
    let mut viewer = pages.connect().await;
    viewer.write_all(EVENTS).await.unwrap();
    let seen = read_until(&mut viewer, |seen| events(seen).len() >= 4).await;
    assert!(is_whole(&seen), "{seen}");
    pages.end().await;
}

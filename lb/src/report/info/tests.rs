//! The facts of a control made by hand, in the shapes that HAProxy's clients parse.

use super::uptime;
use super::*;
use crate::control::fixture::Fixture;

fn told(style: Style) -> String {
    text(&Fixture::new("[backend.be.servers]\ns1 = \"127.0.0.1:9\"").control, style)
}

#[tokio::test]
async fn every_line_has_one_separator_and_the_version_is_high_enough() {
    let text = told(Style::default());
    let lines: Vec<_> = text.lines().map(|line| line.split(": ").collect::<Vec<_>>()).collect();
    assert!(lines.iter().all(|line| line.len() == 2), "{text}");
    let value = |name: &str| lines.iter().find(|line| line[0] == name).map(|line| line[1]);
    let version: Vec<u32> =
        value("Version").unwrap().split(['.', '-']).map_while(|part| part.parse().ok()).collect();
    assert!(version[..2] >= [1, 5][..], "what ansible asks for: {version:?}");
    assert_eq!(value("Maxconn"), Some("20000"));
    assert_eq!(value("Pid"), Some(&*std::process::id().to_string()));
    assert_eq!((value("Stopping"), value("Listeners")), (Some("0"), Some("1")));
    assert!(!value("node").unwrap().is_empty());
    assert_eq!(value("description"), None, "nobody described it");
    // Datadog splits at a bare colon, up to `Uptime_sec`.
    let head = text.lines().take_while(|line| !line.starts_with("Memmax_MB"));
    assert!(head.clone().all(|line| line.matches(':').count() == 1) && head.count() == 9);
}

#[tokio::test]
async fn typed_lines_and_json_tell_the_same() {
    let typed = told(Style { form: InfoFormat::Typed, ..Style::default() });
    for expected in [
        "0.Name.1:POSV:str:HAProxy",
        "15.Maxconn.1:CLPV:u32:20000",
        "54.Unstoppable Jobs.1:MGPV:u32:0",
        "61.TotalBytesOut.1:MGPV:u64:0",
        "81.NbThreadGroups.1:CGSV:u32:1",
    ] {
        assert!(typed.lines().any(|line| line == expected), "{expected} in\n{typed}");
    }
    let json = told(Style { form: InfoFormat::Json, ..Style::default() });
    assert_eq!(json.lines().count(), 1);
    let fields: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(fields.len(), typed.lines().count());
    let expected = "{\"field\":{\"pos\":15,\"name\":\"Maxconn\"},\"processNum\":1,\"tags\":{\"origin\":\"Config\",\"nature\":\"Limit\",\
        \"scope\":\"Process\"},\"value\":{\"type\":\"u32\",\"value\":20000}}";
    assert!(json.contains(expected), "{json}");
}

#[tokio::test]
async fn descriptions_and_fractions() {
    let described = told(Style { described: true, ..Style::default() });
    assert!(
        described.lines().all(|line| line.ends_with('"') && line.matches(":\"").count() == 1),
        "{described}"
    );
    let exact = told(Style { form: InfoFormat::Typed, described: true, exact: true });
    let uptime = exact.lines().find(|line| line.starts_with("8.Uptime_sec.1:MDPV:flt:")).unwrap();
    assert!(
        uptime.split(':').nth(3).unwrap().split_once('.').is_some_and(|(_, part)| part.len() == 6),
        "{uptime}"
    );
}

#[test]
fn uptime_reads_like_haproxys() {
    let texts = [2, 61, 3600 * 25 + 7].map(uptime);
    assert_eq!(texts, ["0d 0h00m02s", "0d 0h01m01s", "1d 1h00m07s"]);
}

//! Renderings against states made by hand, in the exact shapes that HAProxy's clients parse.

use std::time::Duration;

use super::*;
use crate::control::Origin;
use crate::control::fixture::Fixture;
use crate::server::{AdminState, CheckResult, CheckStatus};

const CHECKED: &str = "health = { path = \"/health\", rise = 2, fall = 3 }\n[backend.be.servers]\n\
    s1 = \"127.0.0.1:9\"\ns2 = { address = \"127.0.0.1:10\", weight = 2, maxconn = 50 }\n";

fn csv_of(fixture: &Fixture, query: &StatQuery) -> Vec<Vec<String>> {
    let text = csv(fixture.control.shared(), query).unwrap();
    assert!(text.ends_with('\n') && !text.contains("\n\n"));
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// A column of the row of `name`, everything shown.
fn cell(fixture: &Fixture, name: &str, column: &str) -> String {
    let lines = csv_of(fixture, &StatQuery::default());
    let at = lines[0].iter().position(|name| name.trim_start_matches("# ") == column).unwrap();
    lines.iter().find(|line| line[1] == name).unwrap()[at].clone()
}

fn cells<const N: usize>(fixture: &Fixture, name: &str, columns: [&str; N]) -> [String; N] {
    columns.map(|column| cell(fixture, name, column))
}

fn check(fixture: &Fixture, name: &str, status: CheckStatus, code: Option<u16>, detail: &str) {
    let took = Duration::from_millis(7);
    fixture.control.checked(
        &fixture.server(name),
        CheckResult { status, code, took, detail: detail.to_owned(), version: None },
    );
}

fn order(fixture: &Fixture, name: &str, admin: AdminState) {
    fixture.control.set_admin(&fixture.server(name), admin, &Origin::Start);
}

#[tokio::test]
async fn rows_are_haproxys_to_the_comma() {
    let fixture = Fixture::new(CHECKED);
    for name in ["s1", "s2"] {
        check(&fixture, name, CheckStatus::L7Ok, Some(200), "");
    }
    let server = fixture.server("s2");
    let traffic = server.stats.tally.mine();
    traffic.requests.add(7);
    traffic.chosen.add(7);
    traffic.connects.add(7);
    traffic.bytes_in.add(276);
    traffic.bytes_out.add(924);
    traffic.server_bytes_out.add(276);
    traffic.server_bytes_in.add(924);
    (0..6).for_each(|_| traffic.status(200));
    traffic.status(404);
    traffic.response_time.record(2);
    traffic.total_time.record(2);
    server.stats.tally.maxima.response_time.record(4);
    server.stats.tally.maxima.total_time.record(4);
    server.stats.idle.up();
    server.stats.in_flight_max.record(1);
    let text = csv(fixture.control.shared(), &StatQuery::default()).unwrap();
    let rows: Vec<_> = text.lines().skip(1).collect();
    // HAProxy's own row for such a server, but for: no cookie, idle connections that any request may use, no estimate of
    // connections needed.
    let expected = "be,s2,0,0,0,1,50,7,276,924,,0,,0,0,0,0,UP,2,1,0,0,0,0,0,,1,3,2,,7,,2,0,,0,L7OK,200,7,0,6,0,1,0,0,,,,7,0,0,,,,,-1,,,\
        0,0,2,2,,,,Layer7 check passed,,2,3,4,,,,127.0.0.1:10,,http,,,,,,,,0,7,0,,,1,,0,0,4,4,0,0,1,0,0,2,,,,0,,,,,,,,,,0,276,276,924,924,-,\
        0,0,0,0,0,,,,,,,,,,,,,,,,,,,,,,";
    assert_eq!(rows[2], expected);
    let frontend = "fe,FRONTEND,,,0,0,20000,0,0,0,0,0,0,,,,,OPEN,,,,,,,,,1,2,0,,,,0,0,0,0,,,,0,0,0,0,0,0,,0,0,0,,,0,0,0,0,,,,,,,,,,,,,,,,,,,,,http,,\
        0,0,0,0,0,0,0,,,0,0,,,,,,,0,,,,,,,,,,0,0,0,0,0,0,0,0,,,0,0,0,0,-,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,";
    assert_eq!(rows[0], frontend);
    let backend = "be,BACKEND,0,0,0,0,2000,0,0,0,0,0,,0,0,0,0,UP,3,2,0,,0,0,0,,1,3,0,,0,,1,0,,0,,,,0,0,0,0,0,0,,,,0,0,0,0,0,0,0,-1,,,0,0,0,0,,,,,,,,,,,,,,\
        http,roundrobin,,,,,,,0,0,0,0,0,,,0,0,0,0,0,,,,,3,0,0,0,,,,,,,,,,,,0,0,0,0,-,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,0,0,0,0,0,0,0,";
    assert_eq!(rows[3], backend);
}

#[tokio::test]
async fn header_and_rows_have_146_fields() {
    let lines = csv_of(&Fixture::new(CHECKED), &StatQuery::default());
    assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [146; 5]);
    assert!(lines.iter().all(|line| line[145].is_empty()));
    assert_eq!(lines[0][0], "# pxname");
    let fixed =
        [(2, "qcur"), (17, "status"), (36, "check_status"), (73, "addr"), (113, "priv_idle_cur"), (118, "-")];
    fixed.iter().for_each(|(at, name)| assert_eq!(lines[0][*at], *name));
}

#[tokio::test]
async fn a_server_goes_through_its_states() {
    type Step<'a> = (&'a str, &'a dyn Fn(), [&'a str; 7]);
    let fixture = Fixture::new(CHECKED);
    let columns = ["status", "weight", "check_status", "check_code", "check_health", "chkfail", "chkdown"];
    let steps: [Step<'_>; 9] = [
        ("start", &|| (), ["UP 1/3", "1", "INI", "", "2", "0", "0"]),
        (
            "pass",
            &|| check(&fixture, "s1", CheckStatus::L7Ok, Some(200), ""),
            ["UP", "1", "L7OK", "200", "4", "0", "0"],
        ),
        (
            "fail",
            &|| check(&fixture, "s1", CheckStatus::L7Sts, Some(500), ""),
            ["UP 2/3", "1", "L7STS", "500", "3", "1", "0"],
        ),
        (
            "down",
            &|| (0..2).for_each(|_| check(&fixture, "s1", CheckStatus::L4Con, None, "refused")),
            ["DOWN", "1", "L4CON", "", "0", "3", "1"],
        ),
        (
            "drained while down",
            &|| order(&fixture, "s1", AdminState::Drain),
            ["DOWN", "1", "L4CON", "", "0", "3", "1"],
        ),
        (
            "rising",
            &|| check(&fixture, "s1", CheckStatus::L7Ok, Some(200), ""),
            ["DOWN 1/2", "1", "L7OK", "200", "1", "3", "1"],
        ),
        (
            "drain",
            &|| check(&fixture, "s1", CheckStatus::L7Ok, Some(200), ""),
            ["DRAIN", "1", "L7OK", "200", "4", "3", "1"],
        ),
        ("maint", &|| order(&fixture, "s1", AdminState::Maint), ["MAINT", "1", "", "", "", "3", "2"]),
        ("back", &|| order(&fixture, "s1", AdminState::Ready), ["UP 1/3", "1", "L7OK", "200", "2", "3", "2"]),
    ];
    for (step, act, expected) in steps {
        act();
        assert_eq!(cells(&fixture, "s1", columns), expected, "{step}");
    }
    check(&fixture, "s1", CheckStatus::L7Tout, None, "");
    assert_eq!(cells(&fixture, "s1", ["status", "check_status", "check_code"]), ["DOWN", "L7TOUT", ""]);
    fixture.server("s1").health.set_checking(true);
    assert_eq!(cell(&fixture, "s1", "check_status"), "* L7TOUT");
}

#[tokio::test]
async fn without_weight_checks_or_address() {
    let fixture =
        Fixture::new("[backend.be.servers]\nplain = \"127.0.0.1:9\"\nnamed = \"nowhere.invalid:9\"\n");
    let columns = ["status", "act", "chkfail", "chkdown", "downtime", "check_status", "check_rise"];
    assert_eq!(cells(&fixture, "plain", columns), ["no check", "1", "", "", "", "", ""]);
    assert_eq!(cells(&fixture, "named", columns), ["MAINT (resolution)", "1", "", "", "", "", ""]);
    assert_eq!(cells(&fixture, "BACKEND", ["status", "act", "weight"]), ["UP", "1", "1"]);
    fixture.control.set_weight(&fixture.server("plain"), 0, &Origin::Start);
    assert_eq!(cells(&fixture, "plain", ["status", "weight", "uweight"]), ["no check", "0", "0"]);
    assert_eq!(cells(&fixture, "BACKEND", ["status", "act", "weight", "chkdown"]), ["DOWN", "0", "0", "1"]);
    let checked = Fixture::new(CHECKED);
    check(&checked, "s1", CheckStatus::L7Ok, Some(200), "");
    checked.control.set_weight(&checked.server("s1"), 0, &Origin::Start);
    assert_eq!(cells(&checked, "s1", ["status", "weight"]), ["UP", "0"], "not DRAIN");
}

#[tokio::test]
async fn a_backend_without_servers_is_up_and_one_with_only_backups_counts_them() {
    let empty = Fixture::new("");
    assert_eq!(cells(&empty, "BACKEND", ["status", "act", "downtime", "weight"]), ["UP", "0", "", "0"]);
    let fixture =
        Fixture::new("[backend.be.servers]\ns1 = { address = \"127.0.0.1:9\", backup = true, weight = 4 }");
    assert_eq!(cells(&fixture, "s1", ["act", "bck"]), ["0", "1"]);
    assert_eq!(cells(&fixture, "BACKEND", ["status", "act", "bck", "weight"]), ["UP", "0", "1", "4"]);
}

#[tokio::test]
async fn queries_choose_rows() {
    let fixture = Fixture::new(CHECKED);
    order(&fixture, "s1", AdminState::Maint);
    let names = |query: StatQuery| {
        csv(fixture.control.shared(), &query).map(|text| {
            let name = |line: &str| line.split(',').nth(1).unwrap().to_owned();
            text.lines().skip(1).map(name).collect::<Vec<_>>().join(" ")
        })
    };
    let of = |proxy: &str| StatQuery { proxy: Some(proxy.to_owned()), ..StatQuery::default() };
    let cases = [
        (StatQuery::default(), "FRONTEND s1 s2 BACKEND"),
        (of("be"), "s1 s2 BACKEND"),
        (of("2"), "FRONTEND"),
        (of("-1"), "FRONTEND s1 s2 BACKEND"),
        (of("999"), ""),
        (StatQuery { kinds: 4, ..StatQuery::default() }, "s1 s2"),
        (StatQuery { kinds: 3, ..StatQuery::default() }, "FRONTEND BACKEND"),
        (StatQuery { kinds: 8, ..StatQuery::default() }, ""),
        (StatQuery { kinds: 4, server: 2, ..StatQuery::default() }, "s2"),
        (StatQuery { up: true, ..StatQuery::default() }, "FRONTEND s2 BACKEND"),
        (StatQuery { no_maint: true, ..StatQuery::default() }, "FRONTEND s2 BACKEND"),
    ];
    for (query, expected) in cases {
        assert_eq!(names(query.clone()).as_deref(), Ok(expected), "{query:?}");
    }
    assert_eq!(names(of("nope")), Err(UnknownProxy));
    assert_eq!(UnknownProxy.to_string(), "No such proxy.");
    let lines = csv_of(&fixture, &StatQuery { no_maint: true, kinds: 2, ..StatQuery::default() });
    assert_eq!(lines[1][17], "UP (1/2)");
    let user = csv_of(&fixture, &StatQuery { full: false, ..StatQuery::default() });
    assert!(user[1..].iter().all(|line| line[73..=74].concat().is_empty() && line[76].is_empty()));
}

#[tokio::test]
async fn texts_with_commas_and_quotes_stay_in_their_field() {
    let fixture = Fixture::new(CHECKED);
    check(&fixture, "s1", CheckStatus::L7Rsp, None, "a \"b\", c\nd");
    let text = csv(fixture.control.shared(), &StatQuery::default()).unwrap();
    assert_eq!(text.lines().count(), 5);
    assert!(text.contains(",\"a \"\"b\"\", c d\","), "{text}");
}

#[tokio::test]
async fn typed_lines_parse_and_leave_out_what_does_not_apply() {
    let fixture = Fixture::new(CHECKED);
    order(&fixture, "s1", AdminState::Maint);
    let text = typed(fixture.control.shared(), &StatQuery::default()).unwrap();
    for line in text.lines() {
        let (place, rest) = line.split_once(':').unwrap();
        let place: Vec<_> = place.split('.').collect();
        let [kind, _, _, position, name, process] = place[..] else { panic!("{line}") };
        let (tags, rest) = rest.split_once(':').unwrap();
        let (type_, value) = rest.split_once(':').unwrap();
        assert!("FBS".contains(kind) && process == "1" && tags.len() == 4, "{line}");
        assert_eq!(StatColumn::ALL[position.parse::<usize>().unwrap()].meta().name, name);
        let fits = match type_ {
            "u32" => value.parse::<u32>().is_ok(),
            "u64" => value.parse::<u64>().is_ok(),
            "s32" => value.parse::<i32>().is_ok(),
            _ => type_ == "str",
        };
        assert!(fits, "{line}");
    }
    for expected in [
        "F.2.0.17.status.1:SGPV:str:OPEN",
        "S.3.1.17.status.1:SGPV:str:MAINT",
        "S.3.2.6.slim.1:CLPV:u32:50",
        "S.3.2.19.act.1:SGPV:u32:1",
        "S.3.2.55.lastsess.1:MAPP:s32:-1",
        "B.3.0.19.act.1:MGPV:u32:1",
        "B.3.0.35.rate_max.1:MGPV:u32:0",
    ] {
        assert!(text.lines().any(|line| line == expected), "{expected} in\n{text}");
    }
    assert!(!text.contains("S.3.1.36."), "maintenance hides the check");
    let query = StatQuery { described: true, ..StatQuery::default() };
    let described = typed(fixture.control.shared(), &query).unwrap();
    assert!(described.contains("\nS.3.2.6.slim.1:CLPV:u32:50:\"most sessions at once\"\n"), "{described}");
    assert_eq!(described.lines().count(), text.lines().count());
}

#[tokio::test]
async fn json_is_one_line_of_fields() {
    let fixture = Fixture::new(CHECKED);
    let text = json(fixture.control.shared(), &StatQuery::default()).unwrap();
    assert_eq!(text.lines().count(), 1);
    let rows: Vec<Vec<serde_json::Value>> = serde_json::from_str(&text).unwrap();
    let expected = "{\"objType\":\"Server\",\"proxyId\":3,\"id\":2,\"field\":{\"pos\":6,\"name\":\"slim\"},\"processNum\":1,\
        \"tags\":{\"origin\":\"Config\",\"nature\":\"Limit\",\"scope\":\"Process\"},\"value\":{\"type\":\"u32\",\"value\":50}}";
    assert!(text.contains(expected), "{text}");
    let typed = typed(fixture.control.shared(), &StatQuery::default()).unwrap();
    assert_eq!(rows.iter().map(Vec::len).sum::<usize>(), typed.lines().count());
}

#[tokio::test]
async fn servers_state_has_haproxys_numbers() {
    let fixture = Fixture::new(CHECKED);
    check(&fixture, "s1", CheckStatus::L7Ok, Some(200), "");
    order(&fixture, "s2", AdminState::Maint);
    let topology = fixture.control.topology();
    let text = crate::report::servers_state(&topology, Some("#3")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let columns = lines[1].trim_start_matches("# ").split(' ').count();
    assert_eq!((lines[0], columns, lines.len()), ("1", 25, 4));
    assert_eq!(lines[2], "3 be 1 s1 127.0.0.1 2 0 1 1 0 15 3 4 6 0 0 0 - 9 - 0 0 - - 0");
    assert_eq!(lines[3], "3 be 2 s2 127.0.0.1 0 1 2 2 0 1 0 0 14 0 0 0 - 10 - 0 0 - - 0");
    assert_eq!(crate::report::servers_state(&topology, Some("be")).as_ref(), Some(&text));
    for unknown in ["3", "#9", "fe", ""] {
        assert_eq!(crate::report::servers_state(&topology, Some(unknown)), None, "{unknown}");
    }
    assert_eq!(crate::report::backends(&topology), "# name\nbe\n");
}

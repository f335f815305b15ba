//! The report against states made by hand: shapes, states and filters as HAProxy's tools expect them.

use std::collections::HashMap;
use std::time::Duration;

use super::*;
use crate::control::Origin;
use crate::control::fixture::Fixture;
use crate::server::{Admin, CheckResult, CheckStatus};

const BACKEND: &str = "health = { path = \"/health\" }\n[backend.be.servers]\na = \"127.0.0.1:1\"\n\
                       b = { address = \"127.0.0.1:2\", weight = 3, maxconn = 7, backup = true }\n";

fn rows(csv: &str) -> Vec<HashMap<&str, &str>> {
    let mut lines = csv.lines();
    let names: Vec<_> = lines.next().and_then(|line| line.strip_prefix("# ")).unwrap().split(',').collect();
    lines
        .map(|line| {
            let fields: Vec<_> = line.split(',').collect();
            assert_eq!(fields.len(), names.len(), "{line}");
            names.iter().copied().zip(fields).collect()
        })
        .collect()
}

fn ask(fixture: &Fixture, query: &Query) -> String {
    csv(fixture.control.shared(), query).unwrap()
}

fn server(fixture: &Fixture, name: &str, column: &str) -> String {
    let csv = ask(fixture, &Query::default());
    rows(&csv).into_iter().find(|row| row["svname"] == name).unwrap()[column].to_owned()
}

fn result(status: CheckStatus) -> CheckResult {
    CheckResult {
        status,
        code: Some(200),
        took: Duration::from_millis(3),
        detail: "as, it was".replace(',', ""),
    }
}

#[tokio::test]
async fn rows_have_the_shape_and_the_order_of_haproxy() {
    let fixture = Fixture::new(BACKEND);
    let csv = ask(&fixture, &Query::default());
    let header = csv.lines().next().unwrap();
    assert!(
        header.starts_with(
            "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,"
        )
    );
    assert!(header.ends_with(",h1_spliced_bytes_in,h1_spliced_bytes_out,"));
    assert_eq!(header.split(',').count(), 146);
    let rows = rows(&csv);
    let names: Vec<_> =
        rows.iter().map(|row| (row["pxname"], row["svname"], row["type"], row["iid"], row["sid"])).collect();
    let expected = [
        ("fe", "FRONTEND", "0", "2", "0"),
        ("be", "a", "2", "3", "1"),
        ("be", "b", "2", "3", "2"),
        ("be", "BACKEND", "1", "3", "0"),
    ];
    assert_eq!(names, expected);
    assert_eq!((rows[1]["act"], rows[1]["bck"], rows[1]["slim"]), ("1", "0", ""));
    assert_eq!((rows[2]["act"], rows[2]["bck"], rows[2]["slim"], rows[2]["weight"]), ("0", "1", "7", "3"));
    assert_eq!(
        (rows[3]["act"], rows[3]["bck"], rows[3]["status"], rows[3]["algo"]),
        ("1", "1", "UP", "roundrobin")
    );
}

#[tokio::test]
async fn states_follow_orders_and_checks() {
    let fixture = Fixture::new(BACKEND);
    let a = fixture.server("a");
    let order = |admin| fixture.control.set_admin(&a, admin, &Origin::Signal);
    let check = |status| fixture.control.checked(&a, result(status));
    assert_eq!(server(&fixture, "a", "status"), "UP 1/3");
    assert_eq!(server(&fixture, "a", "check_status"), "INI");
    check(CheckStatus::L7Ok);
    assert_eq!(server(&fixture, "a", "status"), "UP");
    assert_eq!(server(&fixture, "a", "check_status"), "L7OK");
    check(CheckStatus::L7Sts);
    assert_eq!(server(&fixture, "a", "status"), "UP 2/3");
    order(Admin::Drain);
    assert_eq!(server(&fixture, "a", "status"), "DRAIN 2/3");
    order(Admin::Maint);
    for (column, value) in
        [("status", "MAINT"), ("check_status", ""), ("check_rise", ""), ("weight", "1"), ("act", "1")]
    {
        assert_eq!(server(&fixture, "a", column), value, "{column}");
    }
    order(Admin::Ready);
    assert_eq!(server(&fixture, "a", "status"), "UP 1/3");
    check(CheckStatus::L4Con);
    check(CheckStatus::L7Ok);
    assert_eq!(server(&fixture, "a", "status"), "DOWN 1/2");
    assert_eq!(
        (server(&fixture, "a", "chkdown"), server(&fixture, "BACKEND", "act")),
        ("1".into(), "0".into())
    );
    fixture.control.set_weight(&fixture.server("b"), 0, &Origin::Signal);
    assert_eq!(
        (server(&fixture, "b", "status"), server(&fixture, "BACKEND", "status")),
        ("UP 1/3".into(), "DOWN".into())
    );
}

#[tokio::test]
async fn filters_take_names_numbers_kinds_and_states() {
    let fixture = Fixture::new(BACKEND);
    fixture.control.set_admin(&fixture.server("a"), Admin::Maint, &Origin::Signal);
    let names = |query: Query| {
        let csv = ask(&fixture, &query);
        rows(&csv).iter().map(|row| row["svname"].to_owned()).collect::<Vec<_>>()
    };
    let proxy = |name: &str| Query { proxy: Some(name.to_owned()), ..Query::default() };
    assert_eq!(names(proxy("be")), ["a", "b", "BACKEND"]);
    assert_eq!(names(proxy("2")), ["FRONTEND"]);
    assert_eq!(names(proxy("99")), [""; 0]);
    assert_eq!(names(Query { kinds: 1 + 2, ..Query::default() }), ["FRONTEND", "BACKEND"]);
    assert_eq!(names(Query { kinds: 4, server: 2, ..Query::default() }), ["b"]);
    assert_eq!(names(Query { up: true, kinds: 4, ..Query::default() }), ["b"]);
    assert_eq!(names(Query { no_maint: true, kinds: 4, ..Query::default() }), ["b"]);
    assert_eq!(csv(fixture.control.shared(), &proxy("nope")), Err(UnknownProxy));
    let hidden = ask(&fixture, &Query { full: false, ..Query::default() });
    assert!(rows(&hidden).iter().all(|row| row["addr"].is_empty() && row["algo"].is_empty()));
}

#[tokio::test]
async fn the_servers_state_file_has_25_columns_a_server() {
    let fixture = Fixture::new(BACKEND);
    fixture.control.set_admin(&fixture.server("b"), Admin::Maint, &Origin::Signal);
    let topology = fixture.control.topology();
    let text = crate::report::servers_state(&topology, Some("be")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines[0], lines[1].split(' ').count() - 1, lines.len()), ("1", 25, 4));
    assert_eq!(lines[2], "3 be 1 a 127.0.0.1 2 0 1 1 0 1 0 2 6 0 0 0 - 1 - 0 0 - - 0");
    assert_eq!(lines[3], "3 be 2 b 127.0.0.1 0 1 3 3 0 1 0 0 14 0 0 0 - 2 - 0 0 - - 0");
    assert_eq!(crate::report::servers_state(&topology, Some("nope")), None);
}

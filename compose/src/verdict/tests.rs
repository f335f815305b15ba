//! Merging reports, and what makes a verdict unclean.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use super::*;

fn ended(output: &str, code: i32) -> Ended {
    Ended { status: ExitStatus::from_raw(code << 8), output: output.to_owned() }
}

fn report(requests: u64, failed: u64, nodes: &str) -> String {
    format!(
        r#"{{"name":"client0","requests":{requests},"failed":{failed},"reconnected":1,"longest_gap_ms":{requests}.5,"nodes":[{nodes}]}}"#
    )
}

const OLD: &str = r#"{"node":"api0","version":"v1","requests":3}"#;
const NEW: &str = r#"{"node":"api0","version":"v2","requests":4}"#;
const OTHER_OLD: &str = r#"{"node":"api1","version":"v1","requests":5}"#;

#[test]
fn reports_add_up_by_node_and_version() {
    let mut verdict = Verdict::default();
    verdict.add(&ended(&report(7, 0, &format!("{OLD},{NEW}")), 0)).unwrap();
    verdict.add(&ended(&report(8, 0, &format!("{OTHER_OLD},{OLD}")), 0)).unwrap();
    assert!(verdict.is_clean());
    let expected = "
node  version    answers
api0  v1               6
api0  v2               4
api1  v1               5

2 clients, 2 reconnected, longest gap between two answers 8 ms
15 requests, 0 failed
";
    assert_eq!(verdict.to_string(), expected);
}

#[test]
fn a_node_that_never_answered_at_the_new_version_is_an_objection() {
    let mut verdict = Verdict::default();
    verdict.add(&ended(&report(12, 0, &format!("{OLD},{NEW},{OTHER_OLD}")), 0)).unwrap();
    verdict.require_version(&["api0", "api1", "api2"].map(String::from), "v2");
    assert!(!verdict.is_clean());
    let text = verdict.to_string();
    assert!(text.contains("not clean: no client saw api1 at v2\n"), "{text}");
    assert!(text.contains("not clean: no client saw api2 at v2\n"), "it never answered at all: {text}");
    assert!(!text.contains("saw api0"), "{text}");
    assert!(text.ends_with("\n12 requests, 0 failed\n"), "{text}");
}

#[test]
fn nothing_unclean_passes() {
    assert!(!Verdict::default().is_clean(), "no request at all");

    let mut failed = Verdict::default();
    failed.add(&ended(&report(9, 2, OLD), 1)).unwrap();
    assert!(!failed.is_clean());
    assert!(failed.to_string().ends_with("\n9 requests, 2 failed\n"));

    let mut objected = Verdict::default();
    objected.add(&ended(&report(9, 0, OLD), 0)).unwrap();
    assert!(objected.is_clean());
    objected.object("lb0 did not end cleanly".into());
    assert!(!objected.is_clean());
}

#[test]
fn a_client_without_a_credible_report_is_an_error() {
    for (output, code, fault) in [
        ("", 1, "no report"),
        ("requests: 3", 0, "no report"),
        (r#"{"requests":3}"#, 0, "no report"),
        (report(3, 0, OLD).as_str(), 1, "reports no failure, but ended with"),
    ] {
        let error = format!("{:#}", Verdict::default().add(&ended(output, code)).unwrap_err());
        assert!(error.contains(fault), "{output:?}: {error}");
    }
}

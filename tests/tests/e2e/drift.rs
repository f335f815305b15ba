//! `show drift`: what operators changed at run time, across reloads.

use tests::{Lab, Origin};

const HEADER: &str = "# subject name setting running configured\n";

#[tokio::test]
async fn what_was_changed_at_run_time_survives_a_reload_and_can_be_found() {
    let origin = Origin::named("origin").await;
    let address = origin.address();
    let mut lab = Lab::new().server("api0", address).server("api1", address).start().await;
    assert_eq!(lab.socket("show drift").await, format!("{HEADER}\n"), "nobody has changed anything");
    lab.order("set server api_nodes/api0 state drain;set weight api_nodes/api1 5;disable frontend fe_api")
        .await;
    let expected = "frontend fe_api state disabled open\nserver api_nodes/api0 state drain ready\nserver api_nodes/api1 weight 5 1\n";
    assert_eq!(lab.socket("show drift").await, format!("{HEADER}{expected}\n"));
    lab.reload(|plan| plan.set("timeout", "queue = \"7s\"")).await;
    assert_eq!(
        lab.socket("show drift").await,
        format!("{HEADER}{expected}\n"),
        "the reload said nothing about them"
    );
    lab.order("enable server api_nodes/api0;set weight api_nodes/api1 100%;enable frontend fe_api").await;
    assert_eq!(lab.socket("show drift").await, format!("{HEADER}\n"), "all was taken back");
}

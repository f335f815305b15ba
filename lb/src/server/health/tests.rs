//! The count of passes and failures as a table, and what orders do to it.

use super::*;

/// A server that is checked.
fn spec() -> config::Server {
    config::Server { health: Some(check()), ..config::Server::new("s", "127.0.0.1", 1) }
}

fn check() -> config::Health {
    let second = Duration::from_secs(1);
    config::Health {
        path: None,
        protocol: config::Protocol::Http1,
        host: None,
        port: None,
        interval: second,
        timeout: second,
        rise: 2,
        fall: 3,
        disable_on_404: false,
    }
}

fn result(pass: bool) -> CheckResult {
    let status = if pass { CheckStatus::L7Ok } else { CheckStatus::L7Sts };
    CheckResult { status, code: None, took: Duration::ZERO, detail: String::new(), version: None }
}

#[test]
fn passes_and_failures_move_the_level_as_haproxy_counts() {
    // (results, level after each)
    let table: [(&[bool], &[u32]); 4] = [
        (&[true], &[4]),
        (&[false], &[0]),
        (&[true, false, false, false], &[4, 3, 2, 0]),
        (&[false, true, true, false, true], &[0, 1, 4, 3, 4]),
    ];
    for (results, levels) in table {
        let health = Health::new(&spec(), HealthStart::Up);
        for (pass, level) in results.iter().zip(levels) {
            health.record(Admin::Ready, result(*pass));
            assert_eq!(health.snapshot().level, *level, "{results:?}");
        }
    }
}

#[test]
fn a_late_result_does_not_undo_maintenance() {
    let health = Health::new(&spec(), HealthStart::Up);
    health.state_changed(Admin::Ready, Admin::Maint);
    assert_eq!(health.record(Admin::Maint, result(true)), Verdict::Same);
    assert_eq!(health.snapshot().level, 0);
    health.state_changed(Admin::Maint, Admin::Ready);
    assert!(health.takes_traffic());
    assert_eq!(health.snapshot().level, 2, "one failure from down");
}

/// Breaks when an order does not begin a new `lastchg`, as it does with HAProxy 2.6.
#[tokio::test(start_paused = true)]
async fn orders_and_findings_begin_a_new_state_and_repetitions_do_not() {
    let health = Health::new(&spec(), HealthStart::Up);
    let mut now = Admin::Ready;
    let mut order = async |after: Admin| {
        tokio::time::advance(Duration::from_secs(5)).await;
        health.state_changed(std::mem::replace(&mut now, after), after);
        health.snapshot().changed_at.elapsed().as_secs()
    };
    assert_eq!(order(Admin::Ready).await, 5);
    assert_eq!(order(Admin::Drain).await, 0);
    assert_eq!(order(Admin::Drain).await, 5);
    assert_eq!(order(Admin::Maint).await, 0);
    assert_eq!(order(Admin::Drain).await, 0);
    assert_eq!(order(Admin::Ready).await, 0);
    health.force(Admin::Ready, false);
    assert_eq!(order(Admin::Maint).await, 5, "it was down before");
    assert_eq!(order(Admin::Ready).await, 0);
    tokio::time::advance(Duration::from_secs(5)).await;
    health.stop(Admin::Ready);
    assert_eq!(health.snapshot().changed_at.elapsed(), Duration::ZERO);
}

#[test]
fn with_checks_first_one_pass_brings_it_up() {
    let health = Health::new(&spec(), HealthStart::Checked);
    assert!(!health.takes_traffic());
    assert_eq!(health.record(Admin::Ready, result(true)), Verdict::WentUp);
    assert!(health.snapshot().is_full());
}

#[tokio::test(start_paused = true)]
async fn downtime_is_the_time_not_running() {
    let health = Health::new(&spec(), HealthStart::Up);
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(health.record(Admin::Ready, result(false)), Verdict::WentDown);
    tokio::time::advance(Duration::from_secs(7)).await;
    assert_eq!(health.snapshot().standing.downtime(), Duration::from_secs(7));
    health.record(Admin::Ready, result(true));
    health.record(Admin::Ready, result(true));
    tokio::time::advance(Duration::from_secs(9)).await;
    let record = health.snapshot();
    assert_eq!(record.standing.downtime(), Duration::from_secs(7));
    assert_eq!((record.failures, record.standing.downs()), (1, 1));
    assert_eq!(record.standing.since().elapsed(), Duration::from_secs(9));
}

#[test]
fn without_checks_it_is_always_up() {
    let health = Health::new(&config::Server::new("s", "127.0.0.1", 1), HealthStart::Checked);
    assert!(health.takes_traffic());
    health.reconfigure(&spec(), Admin::Ready);
    assert!(health.takes_traffic(), "a check that is added by a reload does not take it down");
}

#[test]
fn maintenance_counts_as_going_down_once() {
    let health = Health::new(&spec(), HealthStart::Up);
    let downs = || health.snapshot().standing.downs();
    let order = |before, after| {
        health.state_changed(before, after);
        downs()
    };
    assert_eq!(order(Admin::Ready, Admin::Drain), 0, "who drains still runs");
    assert_eq!(order(Admin::Drain, Admin::Maint), 1);
    assert_eq!(order(Admin::Maint, Admin::Drain), 1);
    health.record(Admin::Drain, result(false));
    assert_eq!(downs(), 2);
    assert_eq!(order(Admin::Drain, Admin::Maint), 2, "it was down already");
    assert_eq!(order(Admin::Maint, Admin::Ready), 2);
    health.forget_counts();
    let record = health.snapshot();
    assert_eq!((record.failures, record.standing.downs()), (0, 0));
    assert!(record.standing.running_again().is_some(), "it has come back all the same");
}

#[test]
fn who_is_put_up_is_up_until_its_agent_says_down_again() {
    let agent =
        config::Agent { port: 1, address: None, send: String::new(), interval: Duration::from_secs(1) };
    let checked = config::Server { agent: Some(agent), ..spec() };
    let unchecked = config::Server { health: None, ..checked.clone() };
    for spec in [checked, unchecked] {
        let health = Health::new(&spec, HealthStart::Up);
        let says = |up| health.agent_said(Admin::Ready, result(false), String::new(), up);
        assert_eq!(says(Some(false)), Verdict::WentDown);
        assert_eq!(health.force(Admin::Ready, true), Verdict::WentUp);
        assert_eq!(says(None), Verdict::Same);
        assert!(health.is_up());
        assert_eq!(says(Some(false)), Verdict::WentDown);
        assert_eq!(health.force(Admin::Maint, true), Verdict::Same);
    }
}

#[test]
fn who_wants_no_new_traffic_is_well() {
    let health = Health::new(&spec(), HealthStart::Up);
    let leaving = || CheckResult { status: CheckStatus::L7OkC, ..result(true) };
    assert_eq!(health.record(Admin::Ready, leaving()), Verdict::Stopping);
    assert!(health.snapshot().is_full() && health.is_up() && !health.takes_traffic());
    for verdict in [Verdict::Same, Verdict::Same, Verdict::WentDown] {
        assert_eq!(health.record(Admin::Ready, result(false)), verdict);
    }
    assert_eq!(health.record(Admin::Ready, leaving()), Verdict::Same);
    assert_eq!((health.is_up(), health.snapshot().level), (false, 0), "who is down stays down");
    assert_eq!(health.snapshot().last.unwrap().status, CheckStatus::L7Sts);
}

#[test]
fn who_is_down_can_be_made_to_stop() {
    let health = Health::new(&spec(), HealthStart::Up);
    assert_eq!(health.force(Admin::Ready, false), Verdict::WentDown);
    assert_eq!(health.stop(Admin::Ready), Verdict::Stopping);
    assert!(health.is_up() && !health.takes_traffic());
    assert_eq!(health.force(Admin::Ready, true), Verdict::WentUp);
    assert!(health.takes_traffic() && health.snapshot().is_full());
}

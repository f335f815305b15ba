//! The count of passes and failures as a table, and what orders do to it.

use super::*;

/// A server that is checked.
fn spec() -> config::ServerConfig {
    config::ServerConfig { health: Some(check()), ..config::ServerConfig::new("s", "127.0.0.1", 1) }
}

fn check() -> config::HealthCheckConfig {
    let second = Duration::from_secs(1);
    config::HealthCheckConfig {
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
            health.record(AdminState::Ready, result(*pass));
            assert_eq!(health.snapshot().level, *level, "{results:?}");
        }
    }
}

#[test]
fn a_late_result_does_not_undo_maintenance() {
    let health = Health::new(&spec(), HealthStart::Up);
    health.state_changed(AdminState::Ready, AdminState::Maint);
    assert_eq!(health.record(AdminState::Maint, result(true)), HealthChange::Same);
    assert_eq!(health.snapshot().level, 0);
    health.state_changed(AdminState::Maint, AdminState::Ready);
    assert!(health.takes_traffic());
    assert_eq!(health.snapshot().level, 2, "one failure from down");
}

/// Breaks when an order does not begin a new `lastchg`, as it does with HAProxy 2.6.
#[tokio::test(start_paused = true)]
async fn orders_and_findings_begin_a_new_state_and_repetitions_do_not() {
    let health = Health::new(&spec(), HealthStart::Up);
    let mut now = AdminState::Ready;
    let mut order = async |after: AdminState| {
        tokio::time::advance(Duration::from_secs(5)).await;
        health.state_changed(std::mem::replace(&mut now, after), after);
        health.snapshot().changed_at.elapsed().as_secs()
    };
    assert_eq!(order(AdminState::Ready).await, 5);
    assert_eq!(order(AdminState::Drain).await, 0);
    assert_eq!(order(AdminState::Drain).await, 5);
    assert_eq!(order(AdminState::Maint).await, 0);
    assert_eq!(order(AdminState::Drain).await, 0);
    assert_eq!(order(AdminState::Ready).await, 0);
    health.force(AdminState::Ready, false);
    assert_eq!(order(AdminState::Maint).await, 5, "it was down before");
    assert_eq!(order(AdminState::Ready).await, 0);
    tokio::time::advance(Duration::from_secs(5)).await;
    health.stop(AdminState::Ready);
    assert_eq!(health.snapshot().changed_at.elapsed(), Duration::ZERO);
}

#[test]
fn with_checks_first_one_pass_brings_it_up() {
    let health = Health::new(&spec(), HealthStart::Checked);
    assert!(!health.takes_traffic());
    assert_eq!(health.record(AdminState::Ready, result(true)), HealthChange::WentUp);
    assert!(health.snapshot().is_full());
}

#[tokio::test(start_paused = true)]
async fn downtime_is_the_time_not_running() {
    let health = Health::new(&spec(), HealthStart::Up);
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(health.record(AdminState::Ready, result(false)), HealthChange::WentDown);
    tokio::time::advance(Duration::from_secs(7)).await;
    assert_eq!(health.snapshot().standing.downtime(), Duration::from_secs(7));
    health.record(AdminState::Ready, result(true));
    health.record(AdminState::Ready, result(true));
    tokio::time::advance(Duration::from_secs(9)).await;
    let record = health.snapshot();
    assert_eq!(record.standing.downtime(), Duration::from_secs(7));
    assert_eq!((record.failures, record.standing.downs()), (1, 1));
    assert_eq!(record.standing.since().elapsed(), Duration::from_secs(9));
}

#[test]
fn without_checks_it_is_always_up() {
    let health = Health::new(&config::ServerConfig::new("s", "127.0.0.1", 1), HealthStart::Checked);
    assert!(health.takes_traffic());
    health.reconfigure(&spec(), AdminState::Ready);
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
    assert_eq!(order(AdminState::Ready, AdminState::Drain), 0, "who drains still runs");
    assert_eq!(order(AdminState::Drain, AdminState::Maint), 1);
    assert_eq!(order(AdminState::Maint, AdminState::Drain), 1);
    health.record(AdminState::Drain, result(false));
    assert_eq!(downs(), 2);
    assert_eq!(order(AdminState::Drain, AdminState::Maint), 2, "it was down already");
    assert_eq!(order(AdminState::Maint, AdminState::Ready), 2);
    health.forget_counts();
    let record = health.snapshot();
    assert_eq!((record.failures, record.standing.downs()), (0, 0));
    assert!(record.standing.running_again().is_some(), "it has come back all the same");
}

#[test]
fn who_is_put_up_is_up_until_its_agent_says_down_again() {
    let agent =
        config::AgentConfig { port: 1, address: None, send: String::new(), interval: Duration::from_secs(1) };
    let checked = config::ServerConfig { agent: Some(agent), ..spec() };
    let unchecked = config::ServerConfig { health: None, ..checked.clone() };
    for spec in [checked, unchecked] {
        let health = Health::new(&spec, HealthStart::Up);
        let says = |up| health.agent_said(AdminState::Ready, result(false), String::new(), up);
        assert_eq!(says(Some(false)), HealthChange::WentDown);
        assert_eq!(health.force(AdminState::Ready, true), HealthChange::WentUp);
        assert_eq!(says(None), HealthChange::Same);
        assert!(health.is_up());
        assert_eq!(says(Some(false)), HealthChange::WentDown);
        assert_eq!(health.force(AdminState::Maint, true), HealthChange::Same);
    }
}

#[test]
fn who_wants_no_new_traffic_is_well() {
    let health = Health::new(&spec(), HealthStart::Up);
    let leaving = || CheckResult { status: CheckStatus::L7OkC, ..result(true) };
    assert_eq!(health.record(AdminState::Ready, leaving()), HealthChange::Stopping);
    assert!(health.snapshot().is_full() && health.is_up() && !health.takes_traffic());
    for verdict in [HealthChange::Same, HealthChange::Same, HealthChange::WentDown] {
        assert_eq!(health.record(AdminState::Ready, result(false)), verdict);
    }
    assert_eq!(health.record(AdminState::Ready, leaving()), HealthChange::Same);
    assert_eq!((health.is_up(), health.snapshot().level), (false, 0), "who is down stays down");
    assert_eq!(health.snapshot().last.unwrap().status, CheckStatus::L7Sts);
}

#[test]
fn who_is_down_can_be_made_to_stop() {
    let health = Health::new(&spec(), HealthStart::Up);
    assert_eq!(health.force(AdminState::Ready, false), HealthChange::WentDown);
    assert_eq!(health.stop(AdminState::Ready), HealthChange::Stopping);
    assert!(health.is_up() && !health.takes_traffic());
    assert_eq!(health.force(AdminState::Ready, true), HealthChange::WentUp);
    assert!(health.takes_traffic() && health.snapshot().is_full());
}

//! `wait`: what ends it, and when.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use super::lab::{self, Lab, rest};
use crate::admin::answer::CommandOutput;
use crate::admin::commands::{self, Run};
use crate::config::Level;
use crate::server::{AdminState, CheckStatus};

/// Runs a wait without a socket, so that the paused clock moves only when nothing else can.
async fn wait(lab: &Lab, line: &str, interrupted: impl Future<Output = ()>) -> (CommandOutput, Duration) {
    let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
    let (entry, arguments) = commands::find(&words, Level::Admin).unwrap();
    let Run::Wait(parse) = entry.run else { panic!("{line} does not wait") };
    let begun = Instant::now();
    let answer = parse(arguments).unwrap().run(&lab.control, interrupted).await;
    (answer, begun.elapsed())
}

fn after<T: Send + 'static>(delay: Duration, run: impl FnOnce() -> T + Send + 'static) {
    tokio::spawn(async move {
        sleep(delay).await;
        run();
    });
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_bare_wait_takes_its_time_unless_the_client_leaves() {
    let lab = lab::open();
    let (answer, took) = wait(&lab, "wait 200", std::future::pending()).await;
    assert_eq!(answer, CommandOutput::info("Done."));
    assert!((200..210).contains(&took.as_millis()), "{took:?}");
    let (answer, took) = wait(&lab, "wait 5s", sleep(SECOND)).await;
    assert_eq!(answer, CommandOutput::error("Interrupted. (null)"));
    assert!(took < SECOND * 2, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn drained_is_told_when_the_last_exchange_ends() {
    let lab = lab::open();
    let server = lab.server("api_nodes", "api1");
    let (answer, _) = wait(&lab, "wait 1s srv-drained api_nodes/api1", std::future::pending()).await;
    assert_eq!(
        answer,
        CommandOutput::error("Failed. api_nodes/api1 is neither in maintenance nor in drain.")
    );

    let (first, last) = (server.claim().unwrap(), server.claim().unwrap());
    server.set_admin(AdminState::Maint);
    let (answer, took) = wait(&lab, "wait 2s srv-drained api_nodes/api1", std::future::pending()).await;
    assert_eq!(answer, CommandOutput::error("Wait delay expired. api_nodes/api1 still has 2 in flight."));
    assert!(took >= SECOND * 2);
    after(SECOND, || drop(first));
    after(SECOND * 3, || drop(last));
    let (answer, took) = wait(&lab, "wait 30s srv-drained api_nodes/api1", std::future::pending()).await;
    assert_eq!(answer, CommandOutput::info("Done."));
    assert!((3000..3010).contains(&took.as_millis()), "woken after {took:?}");

    let claim = {
        server.set_admin(AdminState::Ready);
        server.claim().unwrap()
    };
    server.set_admin(AdminState::Drain);
    let again = Arc::clone(&server);
    after(SECOND, move || again.set_admin(AdminState::Ready));
    let (answer, _) = wait(&lab, "wait 30s srv-drained api_nodes/api1", std::future::pending()).await;
    assert_eq!(
        answer,
        CommandOutput::error("Failed. api_nodes/api1 is neither in maintenance nor in drain.")
    );
    drop(claim);
}

#[tokio::test(start_paused = true)]
async fn removable_is_maintenance_without_connections() {
    let lab = lab::open();
    let server = lab.server("api_nodes", "api1");
    let wait_for = async |line: &str| wait(&lab, line, std::future::pending()).await.0;
    let not_maint = CommandOutput::error("Failed. Only servers in maintenance mode can be deleted.");
    assert_eq!(wait_for("wait 500 srv-removable api_nodes/api1").await, not_maint);
    assert_eq!(
        wait_for("wait 500 srv-removable api_nodes/nope").await,
        CommandOutput::error("Failed. No such server.")
    );
    let idle = server.stats.idle.hold();
    server.set_admin(AdminState::Maint);
    assert_eq!(
        wait_for("wait 500ms srv-removable api_nodes/api1").await,
        CommandOutput::error(
            "Wait delay expired. Server still has connections attached to it, cannot remove it."
        )
    );
    after(SECOND, || drop(idle));
    assert_eq!(wait_for("wait 2s srv-removable api_nodes/api1").await, CommandOutput::info("Done."));
}

#[tokio::test(start_paused = true)]
async fn up_is_full_health_and_nothing_less() {
    let lab = lab::open();
    let server = lab.server("api_nodes", "api1");
    lab.control.set_admin(&server, AdminState::Maint, &crate::control::Origin::Start);
    let (answer, _) = wait(&lab, "wait 1s srv-up api_nodes/api1", std::future::pending()).await;
    assert_eq!(answer, CommandOutput::error("Failed. api_nodes/api1 is MAINT."));
    lab.control.set_admin(&server, AdminState::Ready, &crate::control::Origin::Start);
    let (answer, _) = wait(&lab, "wait 1s srv-up api_nodes/api1", std::future::pending()).await;
    assert_eq!(answer, CommandOutput::error("Wait delay expired. api_nodes/api1 is UP 1/3."));
    let check = async {
        sleep(SECOND).await;
        lab.checked(&server, CheckStatus::L4Con);
        sleep(SECOND).await;
        lab.checked(&server, CheckStatus::L7Ok);
        sleep(SECOND).await;
        lab.checked(&server, CheckStatus::L7Ok);
    };
    let waiting = wait(&lab, "wait 30s srv-up api_nodes/api1", std::future::pending());
    let ((answer, took), ()) = tokio::join!(waiting, check);
    assert_eq!(answer, CommandOutput::info("Done."));
    assert!((3000..3010).contains(&took.as_millis()), "woken after {took:?}");

    // From just enabled to full health nothing changes for the balancer, but the waiter must be woken.
    lab.control.set_admin(&server, AdminState::Maint, &crate::control::Origin::Start);
    lab.control.set_admin(&server, AdminState::Ready, &crate::control::Origin::Start);
    let check = async {
        sleep(SECOND).await;
        lab.checked(&server, CheckStatus::L7Ok);
    };
    let waiting = wait(&lab, "wait 30s srv-up api_nodes/api1", std::future::pending());
    let ((answer, took), ()) = tokio::join!(waiting, check);
    assert_eq!(answer, CommandOutput::info("Done."));
    assert!(took < SECOND * 2, "woken after {took:?}");
    let (answer, _) = wait(&lab, "wait 1s srv-up plain/p0", std::future::pending()).await;
    assert_eq!(answer, CommandOutput::info("Done."), "a server without checks is up");
}

#[tokio::test]
async fn half_closing_interrupts_a_wait_whose_condition_is_not_met() {
    let lab = lab::open();
    lab.server("api_nodes", "api1").set_admin(AdminState::Maint);
    for (line, expected) in [
        ("wait 1h\n", "Interrupted. (null)\n\n"),
        ("wait 1h srv-up api_nodes/api0\n", "Interrupted. api_nodes/api0 is UP 1/3.\n\n"),
        ("wait 1h srv-removable api_nodes/api1\n", "Done.\n\n"),
    ] {
        let mut stream = lab.connect("admin").await;
        stream.write_all(line.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(rest(&mut stream).await, expected, "{line}");
    }
    let open = lab.ask("wait 1;show cli level").await;
    assert_eq!(open, "Done.\n\nadmin\n\n");
}

//! What a configuration does to a control that has one.

use crate::control::Origin;
use crate::control::fixture::Fixture;
use crate::server::AdminState;

fn servers(a: &str) -> String {
    format!("[backend.be.servers]\na = {{ address = \"127.0.0.1:9\"{a} }}\nb = \"127.0.0.1:9\"\n")
}

/// Breaks when the file cannot put a server into maintenance or out of it, or undoes an order that it says nothing new about.
#[test]
fn a_new_word_of_the_file_counts_and_an_old_one_leaves_the_operators_order() {
    let (ready, disabled) = (servers(""), servers(", disabled = true"));
    let fixture = Fixture::new(&ready);
    let (a, order) =
        (fixture.server("a"), |admin| fixture.control.set_admin(&fixture.server("a"), admin, &Origin::Start));
    let usable = || fixture.control.topology().backends[0].rotation.servers().count();
    fixture.apply(&disabled);
    assert_eq!((a.admin(), a.is_disabled_in_config(), usable()), (AdminState::Maint, true, 1));
    fixture.apply(&disabled);
    assert_eq!(a.admin(), AdminState::Maint);
    order(AdminState::Ready);
    fixture.apply(&format!("retries = 5\n{disabled}"));
    assert_eq!((a.admin(), usable()), (AdminState::Ready, 2), "the file says what it said before");
    order(AdminState::Drain);
    fixture.apply(&ready);
    assert_eq!(
        (a.admin(), a.is_disabled_in_config(), usable()),
        (AdminState::Ready, false, 2),
        "the file is newer"
    );
    order(AdminState::Maint);
    fixture.apply(&servers(", weight = 7"));
    assert_eq!((a.admin(), a.is_disabled_in_config()), (AdminState::Maint, false));
    drop(a);
    let log = fixture.logged();
    for said in [
        "Server be/a is going DOWN for maintenance.",
        "server be/a set to maint by signal, 0 in flight",
        "server be/a set to ready by signal, 0 in flight",
    ] {
        assert!(log.contains(said), "{said}: {log}");
    }
}

/// Breaks when a server that tracks another stays in service while the file takes that one out.
#[test]
fn servers_that_track_follow_the_file() {
    let servers = |more: &str| {
        format!(
            "health = {{}}\n[backend.be.servers]\nt = {{ address = \"127.0.0.1:9\", track = \"a\" }}\na = {{ address = \"127.0.0.1:9\"{more} }}\n"
        )
    };
    let fixture = Fixture::new(&servers(""));
    let usable = || fixture.control.topology().backends[0].rotation.servers().count();
    assert_eq!(usable(), 2);
    fixture.apply(&servers(", disabled = true"));
    assert_eq!((usable(), fixture.server("t").status().to_string().as_str()), (0, "MAINT (via be/a)"));
    fixture.apply(&servers(""));
    assert_eq!(usable(), 2);
}

/// Breaks when a reload is told as one that changed nothing although it changed something.
#[test]
fn what_changed_is_said() {
    let fixture = Fixture::new(&servers(""));
    fixture.apply(&format!("balance = \"leastconn\"\ntimeout.server = \"9s\"\n{}", servers(", weight = 3")));
    fixture.apply(&format!("balance = \"leastconn\"\ntimeout.server = \"9s\"\n{}", servers(", weight = 3")));
    let log = fixture.logged();
    assert!(log.contains("configuration applied by signal: servers changed: be/a (weight); backend be: balance, timeout.server"), "{log}");
    assert!(log.contains("configuration applied by signal: nothing changed"), "{log}");
}

/// Breaks when an address that cannot be had is found out about after something has changed.
#[test]
fn nothing_changes_when_an_address_cannot_be_bound() {
    let fixture = Fixture::new(&servers(""));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let more = format!(
        "[frontend.more]\nbind = [\"127.0.0.1:0\", \"{}\"]\nbackend = \"be\"\n",
        taken.local_addr().unwrap()
    );
    let before = fixture.control.topology();
    let refused = fixture.try_apply(&more, &servers(", weight = 9, disabled = true")).unwrap_err();
    assert!(refused.to_string().contains("cannot listen on"), "{refused}");
    assert!(std::sync::Arc::ptr_eq(&before, &fixture.control.topology()));
    let a = fixture.server("a");
    assert_eq!((a.admin(), a.weight(), fixture.control.addresses().len()), (AdminState::Ready, 1, 1));
}

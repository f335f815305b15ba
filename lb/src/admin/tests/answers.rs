//! Effects and replies of commands: protocol lines.

use std::sync::Arc;
use std::time::Duration;

use super::lab;
use crate::server::AdminState;
use crate::topology::SessionInfo;

const NO_NAME: &str = "Require 'backend/server'.\n\n";
const NO_BACKEND: &str = "No such backend.\n\n";
const NO_SERVER: &str = "No such server.\n\n";
const USAGE: &str = "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | check-addr | check-port | fqdn | health | ssl | state | weight\n\n";
const HEALTH: &str = "'set server <srv> health' expects 'up', 'stopping', or 'down'.\n\n";
const STATE: &str = "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n";

#[tokio::test]
async fn names_are_checked_in_the_same_order_everywhere() {
    let lab = lab::open();
    for (command, rest) in [
        ("disable server", ""),
        ("enable server", ""),
        ("get weight", ""),
        ("set weight", " 1"),
        ("set server", " state maint"),
        ("set maxconn server", " 10"),
        ("shutdown sessions server", ""),
        ("del server", ""),
    ] {
        for (name, expected) in [
            ("", NO_NAME),
            ("api1", NO_NAME),
            ("api_nodes/", NO_NAME),
            ("nope/", NO_NAME),
            ("/api1", NO_BACKEND),
            ("nope/api1", NO_BACKEND),
            ("fe_api/api1", NO_BACKEND),
            ("2/1", NO_BACKEND),
            ("#2/#1", NO_BACKEND),
            ("api_nodes/nope", NO_SERVER),
            ("api_nodes/1", NO_SERVER),
            ("#3/#9", NO_SERVER),
        ] {
            let rest = if name.is_empty() { "" } else { rest };
            assert_eq!(lab.ask(&format!("{command} {name}{rest}")).await, expected, "{command} {name}");
        }
    }
}

/// In order: later lines see what earlier ones did.
#[tokio::test]
async fn protocol_lines() {
    let lab = lab::open();
    let table = [
        ("get weight api_nodes/api2", "2 (initial 2)\n\n"),
        ("get weight #3/#3", "2 (initial 2)\n\n"),
        ("set weight api_nodes/api2 50%", "\n"),
        ("get weight api_nodes/api2", "1 (initial 2)\n\n"),
        ("set server api_nodes/api2 weight 0", "\n"),
        ("get weight api_nodes/api2", "0 (initial 2)\n\n"),
        ("set weight api_nodes/api1 257", "Absolute weight can only be between 0 and 256 inclusive.\n\n"),
        ("set weight api_nodes/api1", "Require <weight> or <weight%>.\n\n"),
        ("set server api_nodes/api1 weight -5%", "Relative weight must be positive.\n\n"),
        ("set maxconn server api_nodes/api1", "Require <maxconn>.\n\n"),
        ("set maxconn server api_nodes/api1 x", "maxconn string empty or preceded by garbage\n\n"),
        ("set maxconn server api_nodes/api1 10", "\n"),
        ("set server api_nodes/api1", USAGE),
        ("set server api_nodes/api1 nope x", USAGE),
        ("set server api_nodes/api1 state", STATE),
        ("set server api_nodes/api1 state up", STATE),
        ("set server api_nodes/api1 state READY", STATE),
        ("set server api_nodes/api1 state drain", "\n"),
        ("set server api_nodes/api1 state drain", "\n"),
        ("disable server api_nodes/api0 api_nodes/api2", "\n"),
        ("set server api_nodes/api1 health x", HEALTH),
        ("set server api_nodes/api1 agent up", "agent checks are not enabled on this server.\n\n"),
        ("set server api_nodes/api1 agent-port 1", "agent checks are not enabled on this server\n\n"),
        ("set server api_nodes/api1 check-port", "set server <b>/<s> check-port requires a port.\n\n"),
        ("set server api_nodes/api1 check-port 0", "\n"),
        ("set server api_nodes/api1 check-port x", "provided port is not an integer.\n\n"),
        (
            "set server api_nodes/api1 check-addr",
            "set server <b>/<s> check-addr requires an address and optionally a port.\n\n",
        ),
        ("set server api_nodes/api1 check-addr nope", "invalid addr 'nope'\n\n"),
        ("set server plain/p0 check-port 1", "Health checks are not enabled on this server.\n\n"),
        ("disable frontend", "A frontend name is expected.\n\n"),
        ("disable frontend api_nodes", "No such frontend.\n\n"),
        ("disable frontend fe_api", "\n"),
        ("disable frontend fe_api", "All sockets are already disabled.\n\n"),
        ("enable frontend #2", "\n"),
        ("enable frontend fe_api", "All sockets are already enabled.\n\n"),
        ("set maxconn frontend fe_api", "Integer value expected.\n\n"),
        ("set maxconn frontend fe_api -1", "Value out of range.\n\n"),
        ("set maxconn frontend fe_api 7", "\n"),
        ("shutdown frontend fe_api", "\n"),
        ("shutdown frontend fe_api", "Frontend was already shut down.\n\n"),
        ("disable frontend fe_api", "Frontend was previously shut down, cannot disable.\n\n"),
        ("enable frontend fe_api", "Frontend was previously shut down, cannot enable.\n\n"),
        ("set maxconn global", "Expects an integer value.\n\n"),
        ("set maxconn global 99999999", "Value out of range.\n\n"),
        ("set maxconn global 50", "\n"),
        ("set maxconn global 0", "\n"),
        ("set rate-limit connections global", "Expects an integer value.\n\n"),
        ("set rate-limit sessions global -1", "Value out of range.\n\n"),
        ("set rate-limit ssl-sessions global 5", "\n"),
        ("publish backend", "No such backend.\n\n"),
        ("unpublish backend plain", "Backend unpublished.\n\n"),
        ("publish backend plain", "Backend published.\n\n"),
        ("enable dynamic-cookie backend", "A backend name is expected.\n\n"),
        ("set dynamic-cookie-key backend plain", "String value expected.\n\n"),
        ("set dynamic-cookie-key backend plain k", "\n"),
        ("add server", NO_NAME),
        ("add server nope/a 127.0.0.1:1", NO_BACKEND),
        ("add server plain/p0 127.0.0.1:1", "Already exists a server with the same name in backend.\n\n"),
        ("add server plain/p1", "'server' expects <name> and <addr>[:<port>] as arguments.\n\n"),
        ("add server plain/p1 127.0.0.1:1 bogus", "unknown keyword 'bogus'.\n\n"),
        ("add server plain/p1 127.0.0.1:1 weight", "'weight' expects an argument.\n\n"),
        ("add server plain/p1 127.0.0.1:1 check inter 500ms weight 5", "New server registered.\n\n"),
        ("get weight plain/p1", "5 (initial 5)\n\n"),
        ("enable health plain/p1", "\n"),
        ("del server plain/p0", "Only servers in maintenance mode can be deleted.\n\n"),
        ("del server plain/p1", "Server deleted.\n\n"),
        ("del server plain/p1", NO_SERVER),
        ("enable agent api_nodes/api1", "Agent was not configured on this server, cannot enable.\n\n"),
        ("disable agent api_nodes/api1", "\n"),
        ("enable health plain/p0", "Health check was not configured on this server, cannot enable.\n\n"),
        ("disable health plain/p0", "\n"),
        ("show table", "\n"),
        ("show table nope", "No such table\n\n"),
        ("clear table nope", "No such table\n\n"),
        ("set table nope key 1.1.1.1", "No such table\n\n"),
        ("show map", "# id (file) description\n\n"),
        ("show map nope", "Unknown map identifier. Please use #<id> or <file>.\n\n"),
        ("add map /a.map key value", "Unknown map identifier. Please use #<id> or <file>.\n\n"),
        ("set map /a.map key", "'set map' expects three parameters: map identifier, key and value.\n\n"),
        ("del acl #0 key", "Unknown ACL identifier. Please use #<id> or <file>.\n\n"),
        ("del map #0", "This command expects two parameters: map identifier and key.\n\n"),
        ("get acl #0", "Missing ACL identifier and/or key.\n\n"),
        ("clear map @1 #0", "Unknown map identifier. Please use #<id> or <file>.\n\n"),
        ("clear map", "Missing map identifier.\n\n"),
        ("prepare acl #0", "Unknown ACL identifier. Please use #<id> or <file>.\n\n"),
        ("show resolvers nope", "Can't find that resolvers section\n\n"),
        ("show backend", "# name\napi_nodes\nplain\n\n"),
        ("show servers state nope", "Can't find backend.\n\n"),
        ("show servers state 3", "Can't find backend.\n\n"),
        ("show servers conn nope", "Can't find backend.\n\n"),
        (
            "show servers conn plain",
            "# bkname/svname bkid/svid addr port - purge_delay served used_cur used_max need_est idle_sess unsafe_nb safe_nb idle_lim idle_cur idle_per_thr[1]\n\
             plain/p0 4/1 127.0.0.1 4003 - 60000 0 0 0 0 0 0 0 256 0 0\n\n",
        ),
        ("show stat nope 4 -1", "No such proxy.\n\n"),
        ("show stat up no-maint json", "No such proxy.\n\n"),
        ("show stat domain nope", "Invalid statistics domain.\n\n"),
        ("show env NOPE_NOT_THERE", "Variable not found\n\n"),
        ("show env a=b", "Variable not found\n\n"),
        ("set timeout foo", "'set timeout' only supports 'cli'.\n\n"),
        ("set timeout cli", "Expects an integer value.\n\n"),
        ("set timeout cli x", "Invalid timeout value.\n\n"),
        ("set timeout cli 0", "Invalid timeout value.\n\n"),
        ("set timeout cli 60", "\n"),
        ("clear counters", "\n"),
        ("clear counters all", "\n"),
        ("clear counters bogus", "\n"),
        ("expert-mode", "expert-mode is OFF\n\n"),
        ("expert-mode on;expert-mode", "\nexpert-mode is ON\n\n"),
        ("experimental-mode", "experimental-mode is OFF\n\n"),
        ("echo hello world", "hello world\n\n"),
        ("shutdown session", "Session pointer expected (use 'show sess').\n\n"),
        ("shutdown session 0", "Session pointer expected (use 'show sess').\n\n"),
        ("shutdown session 0x1234", "No such session (use 'show sess').\n\n"),
        ("show sess 0x1", "Session not found.\n\n"),
        ("wait x", "Invalid duration.\n\n"),
        ("wait", "Expects a duration in milliseconds.\n\n"),
        ("wait 0", "Done.\n\n"),
    ];
    for (line, expected) in table {
        assert_eq!(lab.ask(line).await, expected, "{line}");
    }
    let sockets = lab.ask("show cli sockets").await;
    assert!(sockets.starts_with("# socket lvl processes\nunix@"), "{sockets}");
    assert!(sockets.contains("/operator.sock operator all\n"), "{sockets}");
    assert_eq!(lab.server("api_nodes", "api1").admin(), AdminState::Drain);
    assert_eq!(lab.server("api_nodes", "api1").maxconn(), 10);
    assert_eq!(lab.server("api_nodes", "api0").admin(), AdminState::Maint);
    assert_eq!(lab.server("api_nodes", "api2").admin(), AdminState::Ready, "only the first name counts");
    lab.ask("enable server api_nodes/api1").await;
    assert_eq!(lab.server("api_nodes", "api1").admin(), AdminState::Ready, "enable ends drain");
}

#[tokio::test]
async fn a_server_is_moved_by_address() {
    let lab = lab::open();
    let server = lab.server("api_nodes", "api1");
    let (epoch, port) = (server.place.connection_generation(), server.place.named().1);
    let moved = |what: &str| format!("{what} by 'stats socket command'\n\n");
    let table = [
        ("", "set server <b>/<s> addr requires an address and optionally a port.\n\n".to_owned()),
        ("nothost", "Invalid addr 'nothost'\n\n".to_owned()),
        ("127.0.0.1 port", "problem converting port '' to an int\n\n".to_owned()),
        ("127.0.0.1 port 99999", "problem converting port '99999' to an int\n\n".to_owned()),
        ("127.0.0.1", "nothing changed\n\n".to_owned()),
    ];
    for (address, expected) in table {
        assert_eq!(lab.ask(&format!("set server api_nodes/api1 addr {address}")).await, expected);
    }
    assert_eq!(server.place.connection_generation(), epoch, "what changes nothing closes nothing");
    for (address, expected) in [
        ("127.0.0.2", moved("IP changed from '127.0.0.1' to '127.0.0.2'")),
        ("127.0.0.2 port 9", moved(&format!("port changed from '{port}' to '9'"))),
        ("::1 port 8", moved("IP changed from '127.0.0.2' to '::1', port changed from '9' to '8'")),
    ] {
        assert_eq!(lab.ask(&format!("set server api_nodes/api1 addr {address}")).await, expected);
    }
    assert_eq!(server.place.address(), Some("[::1]:8".parse().unwrap()));
    assert_ne!(
        server.place.connection_generation(),
        epoch,
        "connections to the former address are not used again"
    );
    let fqdn = |rest| format!("set server api_nodes/api1 fqdn{rest}");
    assert_eq!(lab.ask(&fqdn("")).await, "set server <b>/<s> fqdn requires a FQDN.\n\n");
    let refused = "set server <b>/<s> fqdn failed because no resolution is configured.\n\n";
    assert_eq!(lab.ask(&fqdn(" example.test")).await, refused);
}

#[tokio::test]
async fn a_finding_is_put_in_force_without_a_check() {
    let lab = lab::open();
    let server = lab.server("api_nodes", "api1");
    assert_eq!(lab.ask("set server api_nodes/api1 health down").await, "\n");
    assert_eq!((server.health.takes_traffic(), server.status().to_string().as_str()), (false, "DOWN"));
    assert_eq!(lab.ask("set server api_nodes/api1 health up").await, "\n");
    assert_eq!((server.health.takes_traffic(), server.status().to_string().as_str()), (true, "UP"));
    assert_eq!(server.health.snapshot().standing.downs(), 1);
    lab.ask("disable server api_nodes/api1;set server api_nodes/api1 health up").await;
    assert_eq!(server.status().to_string(), "MAINT", "a finding does not undo an order");
    // A server without checks keeps the state that was set.
    let plain = lab.server("plain", "p0");
    for (word, takes, status) in [
        ("down", false, "DOWN"),
        ("stopping", false, "NOLB"),
        ("up", true, "no check"),
        ("down", false, "DOWN"),
    ] {
        assert_eq!(lab.ask(&format!("set server plain/p0 health {word}")).await, "\n");
        assert_eq!((plain.health.takes_traffic(), plain.status().to_string().as_str()), (takes, status));
    }
    lab.ask("disable server plain/p0; enable server plain/p0").await;
    assert_eq!(plain.status().to_string(), "no check", "coming back from maintenance is a new start");
}

#[tokio::test]
async fn checks_are_switched_off_and_on() {
    let lab = lab::open();
    let server = lab.server("api_nodes", "api1");
    let columns = async || {
        let row = lab.ask("show stat api_nodes 4 2").await;
        let row = row.lines().nth(1).unwrap();
        [17, 21, 24, 36, 69].map(|at| row.split(',').nth(at).unwrap().to_owned())
    };
    let state = async || {
        let rows = lab.ask("show servers state api_nodes").await;
        let row = rows.lines().find(|row| row.contains(" api1 ")).unwrap();
        row.split(' ').nth(13).unwrap().to_owned()
    };
    assert_eq!(state().await, "6");
    assert_eq!(lab.ask("disable health api_nodes/api1").await, "\n");
    assert_eq!(
        (columns().await, state().await),
        (["no check", "", "", "", ""].map(str::to_owned), "2".into())
    );
    lab.ask("set server api_nodes/api1 health down").await;
    assert_eq!(server.status().to_string(), "DOWN", "what is said of it still counts");
    lab.ask("set server api_nodes/api1 health up").await;
    assert_eq!(lab.ask("enable health api_nodes/api1").await, "\n");
    assert_eq!((columns().await[0].as_str(), state().await.as_str()), ("UP", "6"));
}

#[tokio::test]
async fn unknown_commands_propose_others() {
    let lab = lab::open();
    for (line, word) in [
        ("foo bar", "foo"),
        ("show health", "show"),
        ("disable", "disable"),
        ("# x", "#"),
        ("@1 show info", "@1"),
    ] {
        let answer = lab.ask(line).await;
        let title =
            format!("Unknown command: '{word}', but maybe one of the following ones is a better match:\n  ");
        assert!(answer.starts_with(&title), "{answer}");
        let lines: Vec<_> = answer.lines().collect();
        let closing = ["  help [", "  prompt [", "  quit "];
        for (line, start) in lines[lines.len() - 4..].iter().zip(closing) {
            assert!(line.starts_with(start), "{answer}");
        }
        assert!(answer.ends_with("\n\n") && !answer.trim_end().contains("\n\n"), "{answer}");
    }
    let help = lab.ask("help set server").await;
    let lines: Vec<_> = help.lines().collect();
    assert_eq!(lines[0], "The following commands are valid at this level:");
    assert!(lines[1].starts_with("  set server <bk>/<srv> [opts]            : "), "{help}");
    assert_eq!(lines.len(), 6, "{help}");
}

#[tokio::test]
async fn exchanges_in_flight_are_listed_filtered_and_ended() {
    let lab = lab::open();
    let info = |id, server: &str, age| SessionInfo {
        id,
        peer: "127.0.0.1:53870".parse().unwrap(),
        frontend: Arc::from("fe_api"),
        backend: Some(Arc::from("api_nodes")),
        server: Some(Arc::from(server)),
        age: Duration::from_secs(age),
        requests: 2,
    };
    *lab.sessions.lock().unwrap() = vec![info(10, "api0", 1), info(11, "api1", 65)];
    let line = |id, server, age| {
        format!(
            "0x{id}: proto=tcpv4 src=127.0.0.1:53870 fe=fe_api be=api_nodes srv={server} ts=00 epoch=0 age={age} calls=2 \
             rate=0 cpu=0 lat=0 rq[f=0h,i=0,an=00h,ax=] rp[f=0h,i=0,an=00h,ax=] scf=[8,0h,fd=-1,rex=,wex=] \
             scb=[8,0h,fd=-1,rex=,wex=] exp= rc=0 c_exp=\n"
        )
    };
    let (first, second) = (line("a", "api0", "1s"), line("b", "api1", "1m5s"));
    let all = lab.ask("show sess").await;
    assert!(all.starts_with(&format!("{first}{second}0x")), "{all}");
    assert!(all.contains(": proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> ts=00 "), "{all}");
    for (filter, expected) in [
        ("server api_nodes/api1", format!("{second}\n")),
        ("backend api_nodes", format!("{first}{second}\n")),
        ("backend plain", "\n".to_owned()),
        ("frontend fe_api", format!("{first}{second}\n")),
        ("older 30", format!("{second}\n")),
        ("older 2m", "\n".to_owned()),
        ("server api_nodes/nope", NO_SERVER.to_owned()),
        ("backend fe_api", NO_BACKEND.to_owned()),
        ("frontend api_nodes", "No such frontend.\n\n".to_owned()),
        ("older x", "Invalid age.\n\n".to_owned()),
    ] {
        assert_eq!(lab.ask(&format!("show sess {filter}")).await, expected, "{filter}");
    }
    let long = lab.ask("show sess all older 1 server #3/#1").await;
    let expected = "\n  frontend=fe_api (id=2 mode=http)\n  backend=api_nodes (id=3 mode=http)\n  server=api0 (id=1) addr=127.0.0.1:4000\n  \
        task (calls=2 age=1s)\n\n";
    assert!(
        long.starts_with("0xa: [") && long.contains(" id=10 proto=tcpv4 source=127.0.0.1:53870\n"),
        "{long}"
    );
    assert!(long.ends_with(expected), "{long}");
    assert!(lab.ask("show sess 0xb").await.starts_with("0xb: ["), "one by its number is told at length");
    assert_eq!(lab.ask("shutdown session 0xb;shutdown sessions server api_nodes/api0").await, "\n\n");
    let api0 = lab.server("api_nodes", "api0").id.get();
    // A worker carries out commands in order: its reply comes after the effect of earlier ones.
    lab.ask("show sess").await;
    assert_eq!(*lab.killed.lock().unwrap(), ["session 11".to_owned(), format!("server {api0}")]);
}

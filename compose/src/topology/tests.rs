//! The rewriting of `lb.toml` and the choice of the socket's place.

use std::os::unix::net::UnixListener;

use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn rewritten(text: &str) -> anyhow::Result<String> {
    let nodes =
        [("api0".to_owned(), address("127.0.0.1:4000")), ("api1".to_owned(), address("127.0.0.1:4001"))];
    let mut document: DocumentMut = text.parse().unwrap();
    let addresses = Addresses {
        frontend: address("127.0.0.1:5001"),
        stats: address("127.0.0.1:8405"),
        nodes: &nodes,
        socket: Path::new("/run/x/lb.sock"),
    };
    rewrite(&mut document, &addresses)?;
    Ok(document.to_string())
}

const SMALL: &str = r#"# A comment.
[admin]
socket = "run/lb.sock"  # beside
[stats]
bind = "0.0.0.0:8404"
[timeout]
connect = "300ms"
[frontend.fe_api]
bind = "0.0.0.0:5000"
backend = "api_nodes"
[backend.api_nodes.servers]
api0 = "api0:4000"   # first
api1 = { address = "api1:4000", weight = 10 }
"#;

#[test]
fn only_the_addresses_change() {
    let expected = r#"# A comment.
[admin]
socket = "/run/x/lb.sock"  # beside
[stats]
bind = "127.0.0.1:8405"
[timeout]
connect = "300ms"
[frontend.fe_api]
bind = "127.0.0.1:5001"
backend = "api_nodes"
[backend.api_nodes.servers]
api0 = "127.0.0.1:4000"   # first
api1 = { address = "127.0.0.1:4001", weight = 10 }
"#;
    assert_eq!(rewritten(SMALL).unwrap(), expected);
}

#[test]
fn a_file_without_the_key_is_a_fault_that_names_it() {
    for (without, fault) in [
        ("socket = \"run/lb.sock\"  # beside\n", "no `socket`"),
        ("[stats]\nbind = \"0.0.0.0:8404\"\n", "no [stats]"),
        ("api0 = \"api0:4000\"   # first\n", "no `api0`"),
    ] {
        let text = SMALL.replacen(without, "", 1);
        assert_ne!(text, SMALL);
        let error = format!("{:#}", rewritten(&text).unwrap_err());
        assert!(error.contains(fault), "{without:?}: {error}");
    }
}

#[test]
fn the_file_of_the_repository_has_all_that_is_replaced() {
    let topology = Topology::plan().unwrap();
    let written = std::fs::read_to_string(&topology.config).unwrap();
    let names: Vec<&str> = topology.nodes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["api0", "api1", "api2"]);
    for address in
        topology.nodes.iter().map(|(_, address)| address).chain([&topology.frontend, &topology.stats])
    {
        assert_eq!(written.matches(&format!("\"{address}\"")).count(), 1, "{address} in\n{written}");
    }
    assert!(written.contains(topology.socket.to_str().unwrap()), "{written}");
}

#[test]
fn the_socket_lies_in_the_repository_when_that_is_here_and_free() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    let run = folder.path().join("run");
    assert_eq!(socket_path(&run, &own), own.join("lb.sock"), "no such folder");

    std::fs::create_dir(&run).unwrap();
    let in_run = run.canonicalize().unwrap().join("lb.sock");
    assert_eq!(socket_path(&run, &own), in_run);

    let listener = UnixListener::bind(&in_run).unwrap();
    assert_eq!(socket_path(&run, &own), own.join("lb.sock"), "somebody listens there");
    drop(listener);
    assert_eq!(socket_path(&run, &own), in_run, "a stale socket is nobody's");

    let deep = run.join("x".repeat(100));
    std::fs::create_dir(&deep).unwrap();
    assert_eq!(socket_path(&deep, &own), own.join("lb.sock"), "too long for a socket");
}

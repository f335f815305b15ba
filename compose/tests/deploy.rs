//! `deploy.sh` says what is wrong before it touches anything: with a stand-in for Docker that tells what the test wants.
//!
//! A whole deployment is tried with the real one, by `.ci/run docker`.

#![expect(clippy::unwrap_used, reason = "in tests the place of a panic says what went wrong")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const SERVICES: [&str; 9] =
    ["lb0", "api0", "api1", "api2", "client0", "client1", "client2", "client3", "client4"];

/// `docker compose ps -q` prints the names of services that have a file of states; `docker inspect` prints those files; `docker compose exec` answers
/// runtime commands with the file `stat`, and writes each into the file `commands`.
const DOCKER: &str = r#"#!/bin/sh
states=$(dirname "$0")
case $1 in
  version) ;;
  compose)
    case $2 in
      ps) cd "$states" && ls | grep -E '^(lb|api|client)[0-9]$' ;;
      exec) shift 5; echo "$@" >>"$states/commands"; cat "$states/stat" ;;
    esac ;;
  inspect) shift 3; for id in "$@"; do echo "$id $(cat "$states/$id")"; done ;;
  *) exit 1 ;;
esac
"#;

/// A copy of the script, and a machine where everything runs and is well.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        for made in ["compose/run", "bin"] {
            std::fs::create_dir_all(folder.path().join(made)).unwrap();
        }
        std::fs::copy(here.join("deploy.sh"), folder.path().join("compose/deploy.sh")).unwrap();
        std::fs::copy(here.join("../.env"), folder.path().join(".env")).unwrap();
        let docker = folder.path().join("bin/docker");
        std::fs::write(&docker, DOCKER).unwrap();
        std::fs::set_permissions(&docker, std::fs::Permissions::from_mode(0o755)).unwrap();
        let machine = Self(folder);
        for service in SERVICES {
            machine.state(service, "running healthy");
        }
        machine
    }

    fn state(&self, service: &str, state: &str) {
        std::fs::write(self.0.path().join("bin").join(service), format!("{state}\n")).unwrap();
    }

    fn gone(&self, service: &str) {
        std::fs::remove_file(self.0.path().join("bin").join(service)).unwrap();
    }

    fn deploy(&self, arguments: &[&str]) -> Output {
        let path = std::env::var("PATH").unwrap();
        Command::new("sh")
            .arg(self.0.path().join("compose/deploy.sh"))
            .args(arguments)
            .env("PATH", format!("{}:{path}", self.0.path().join("bin").display()))
            .env_remove("COMPOSE")
            .output()
            .unwrap()
    }

    /// What `show stat` answers: the states of the nodes.
    fn statuses(&self, statuses: [&str; 3]) {
        let rows = statuses.iter().enumerate();
        let rows: String =
            rows.map(|(at, status)| format!("api_nodes,api{at},0,0,{status},5,2,\n")).collect();
        let stat = format!("# pxname,svname,qcur,scur,status,stot,type,\n{rows}\n");
        std::fs::write(self.0.path().join("bin/stat"), stat).unwrap();
    }

    /// Its exit code, and all that it said.
    fn said(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.deploy(arguments);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    }
}

#[test]
fn wrong_usage_is_said_and_nothing_is_done() {
    let machine = Machine::new();
    for help in ["--help", "-h"] {
        let (code, text) = machine.said(&[help]);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.starts_with("Usage: compose/deploy.sh"), "{text}");
    }
    for (arguments, problem) in [
        (&["--nothing"][..], "no option --nothing"),
        (&["v2", "v3"], "one VERSION at a time"),
        (&["v 2"], "a version is made of"),
        (&["v2}"], "a version is made of"),
        (&[""], "VERSION is empty"),
    ] {
        let (code, text) = machine.said(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {text}");
        assert!(text.contains(problem) && text.contains("--help"), "{arguments:?}: {text}");
    }
}

#[test]
fn a_sample_that_cannot_be_deployed_on_is_named_at_once() {
    let machine = Machine::new();
    let refused = |problem: &str, remedy: &str| {
        let (code, text) = machine.said(&["v2"]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(problem) && text.contains(remedy), "{text}");
        assert!(!machine.0.path().join("compose/run/deploy.lock").exists(), "{text}");
    };
    machine.state("client3", "running unhealthy");
    refused("client3 has had a failed request", "--force-recreate client3");
    machine.state("client3", "exited unhealthy");
    refused("client3 is not running", "docker compose up -d");
    machine.gone("client0");
    refused("client0 is not running", "docker compose up -d");
    machine.state("api1", "exited");
    refused("the sample is not running (api1 is not up)", "docker compose up --build -d");
    SERVICES.iter().filter(|service| **service != "client0").for_each(|service| machine.gone(service));
    refused("the sample is not running (lb0 is not up)", "docker compose up --build -d");
}

#[test]
fn a_node_that_is_out_of_service_is_named_before_anything_is_changed() {
    let machine = Machine::new();
    for (status, statuses) in [
        ("MAINT", ["UP", "MAINT", "UP"]),
        ("DRAIN", ["UP", "DRAIN", "UP"]),
        ("MAINT (resolution)", ["UP", "MAINT (resolution)", "UP"]),
    ] {
        machine.statuses(statuses);
        let (code, text) = machine.said(&["--exec", "v2"]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(&format!("api1 is out of service ({status})")), "{text}");
        assert!(text.contains("/lb enable api_nodes/api1"), "{text}");
        let commands = std::fs::read_to_string(machine.0.path().join("bin/commands")).unwrap();
        assert!(commands.lines().all(|line| line == "ctl show stat"), "only looked at: {commands}");
        assert!(!machine.0.path().join("compose/run/deploy.lock").exists(), "{text}");
    }
}

#[test]
fn two_deployments_do_not_run_at_once() {
    let machine = Machine::new();
    let lock = machine.0.path().join("compose/run/deploy.lock");
    std::fs::create_dir(&lock).unwrap();
    std::fs::write(lock.join("pid"), std::process::id().to_string()).unwrap();
    let (code, text) = machine.said(&["v2"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains(&format!("another deployment is running (process {})", std::process::id())),
        "{text}"
    );
    assert!(lock.join("pid").exists(), "the other one's lock stays");
}

//! `lb check`: finds what `lb run` would reject, and warns of what it would accept although it is doubtful. Binds
//! nothing.

use std::io::Write;
use std::net::ToSocketAddrs as _;
use std::path::Path;
use std::process::ExitCode;

use crate::admin;
use crate::config::{Config, LogTarget, RuntimeSocketAddress};

/// Checks a configuration; exit code 1 when `lb run` would reject it.
pub(super) fn check(file: &Path, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    let config = match crate::rules::load(file) {
        Ok(config) => config,
        Err(faults) => {
            let _ = writeln!(err, "{faults}");
            return ExitCode::FAILURE;
        }
    };
    let name = file.display();
    for doubt in config.doubts().into_iter().chain(unresolved(&config)) {
        let _ = writeln!(err, "{name}: warning: {doubt}");
    }
    let problems: Vec<_> = missing_folders(&config).into_iter().chain(socket_faults(&config)).collect();
    for problem in &problems {
        let _ = writeln!(err, "{name}: {problem}");
    }
    if !problems.is_empty() {
        return ExitCode::FAILURE;
    }
    let servers = config.backends.iter().map(|backend| backend.servers.len()).sum();
    let counts = [
        count(config.frontends.len(), "frontend"),
        count(config.backends.len(), "backend"),
        count(servers, "server"),
    ];
    let _ = writeln!(out, "{name}: OK, {}", counts.join(", "));
    ExitCode::SUCCESS
}

fn count(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

/// Folders of logs that do not exist.
fn missing_folders(config: &Config) -> Vec<String> {
    let files = config.logs.iter().filter_map(|log| match &log.target {
        LogTarget::File(path) => Some(path),
        _ => None,
    });
    let folder =
        |path: &Path| path.parent().filter(|folder| !folder.as_os_str().is_empty()).map(Path::to_owned);
    let missing = files.filter_map(|file| folder(file)).filter(|folder| !folder.is_dir());
    missing
        .map(|folder| format!("the log's folder {} is not there: make it, or name another", folder.display()))
        .collect()
}

/// Runtime sockets that cannot be created where the configuration says.
fn socket_faults(config: &Config) -> impl Iterator<Item = String> {
    config.admin.iter().filter_map(|admin| match &admin.socket {
        RuntimeSocketAddress::Unix(path) => admin::check(path).err().map(|error| error.to_string()),
        RuntimeSocketAddress::Tcp(_) => None,
    })
}

/// Servers whose names cannot be resolved now, unless the file has its own name servers.
fn unresolved(config: &Config) -> Vec<String> {
    let backends = config.backends.iter().filter(|backend| backend.resolvers.is_none());
    let mut hosts: Vec<_> =
        backends.flat_map(|backend| &backend.servers).map(|server| server.host.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let without = hosts.into_iter().filter(|host| (*host, 0).to_socket_addrs().is_err());
    without
        .map(|host| {
            format!("the name `{host}` has no address here: its servers take no traffic until it has one")
        })
        .collect()
}

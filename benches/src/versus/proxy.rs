//! The programs that are compared, and how each is started.

mod configuration;

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use tokio::process::Command;

use super::args::Args;
use super::machine::find;

/// What the name of an lb ends with that is observed.
pub(super) const OBSERVED: &str = " observed";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Lb,
    HaProxy,
    Nginx,
    Relay,
}

/// A program that can be compared.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) kind: Kind,
    /// As tables show it.
    pub(super) name: String,
    pub(super) program: PathBuf,
    /// Its name with its version.
    pub(super) version: String,
    /// With its pages, a log, and a scraper.
    pub(super) observed: bool,
}

/// What a proxy has to do.
#[derive(Debug)]
pub(super) struct Orders<'a> {
    /// Where its configuration and its leftovers go.
    pub(super) folder: &'a Path,
    pub(super) listen: SocketAddr,
    pub(super) servers: &'a [SocketAddr],
    /// Most client connections, and most idle ones to a server.
    pub(super) connections: usize,
    /// Seconds between health checks.
    pub(super) checks: u64,
    /// Where its pages shall be, if it is observed.
    pub(super) pages: Option<SocketAddr>,
}

// === impl Proxy ===

impl Proxy {
    /// Those that are here. lb is the one that was built beside this program; where there is none, or it was not built for speed, it is built.
    pub(super) async fn all(args: &Args) -> anyhow::Result<Vec<Self>> {
        let mut builds = args.lb.clone();
        if builds.is_empty() {
            let built = beside("lb").ok().filter(|_| !cfg!(debug_assertions));
            let program = match built {
                Some(program) => program,
                None => build().await?,
            };
            eprintln!("versus: lb is {}", program.display());
            builds.push(("lb".into(), program));
        }
        let mut all = Vec::new();
        for (name, program) in builds {
            // A path without a slash would be looked for on PATH.
            let program = fs::canonicalize(&program).with_context(|| program.display().to_string())?;
            let version = first_line(&program, "--version").await?;
            let version = if name == "lb" { version } else { format!("{name} ({version})") };
            let observed = args.observed.then(|| Self {
                kind: Kind::Lb,
                name: format!("{name}{OBSERVED}"),
                program: program.clone(),
                version: format!("{name}{OBSERVED} (pages, a JSON log to a file, a scrape a second)"),
                observed: true,
            });
            all.push(Self { kind: Kind::Lb, name, program, version, observed: false });
            all.extend(observed);
        }
        if let Some(program) = find("haproxy") {
            // HAProxy version 2.6.12-1 2026/10/17 - https://haproxy.org/
            let line = first_line(&program, "-v").await?;
            let version =
                line.split_whitespace().take(3).collect::<Vec<_>>().join(" ").replace(" version", "");
            all.push(Self { kind: Kind::HaProxy, name: "HAProxy".into(), program, version, observed: false });
        }
        if let Some(program) = find("nginx") {
            let line = first_line(&program, "-v").await?;
            let version = line.trim_start_matches("nginx version: ").replace('/', " ");
            all.push(Self { kind: Kind::Nginx, name: "nginx".into(), program, version, observed: false });
        }
        let (name, version) = ("relay".to_owned(), "a relay that parses nothing".to_owned());
        all.push(Self { kind: Kind::Relay, name, program: beside("relay")?, version, observed: false });
        Ok(all)
    }

    /// Writes its configuration and gives `command`, which runs the program, its arguments.
    pub(super) fn order(&self, command: &mut Command, orders: &Orders<'_>) -> anyhow::Result<()> {
        let write = |name: &str, text: String| -> anyhow::Result<OsString> {
            let file = orders.folder.join(name);
            fs::write(&file, text).with_context(|| file.display().to_string())?;
            Ok(file.into())
        };
        match self.kind {
            Kind::Lb => {
                command.args(["run", "-c"]).arg(write("lb.toml", configuration::lb(orders))?);
            }
            Kind::HaProxy => {
                command.args(["-db", "-f"]).arg(write("haproxy.cfg", configuration::haproxy(orders))?);
            }
            Kind::Nginx => {
                command.arg("-c").arg(write("nginx.conf", configuration::nginx(orders))?);
                command.arg("-p").arg(orders.folder);
            }
            Kind::Relay => {
                command.arg(orders.listen.to_string());
                command.args(orders.servers.iter().map(ToString::to_string));
            }
        }
        Ok(())
    }
}

/// A program that was built together with this one.
pub(super) fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    ensure!(program.is_file(), "{} is not built: start with benches/versus", program.display());
    Ok(program)
}

/// This tree's lb as it is delivered. Cargo does it, so that it is never an old one.
async fn build() -> anyhow::Result<PathBuf> {
    eprintln!("versus: building lb (release)");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--locked", "-p", "lb"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .kill_on_drop(true)
        .status()
        .await
        .context("cargo cannot be started; --lb FILE takes a built lb")?;
    ensure!(status.success(), "lb does not build");
    beside("lb")
}

async fn first_line(program: &Path, argument: &str) -> anyhow::Result<String> {
    let output = Command::new(program).arg(argument).output().await;
    let output = output.with_context(|| program.display().to_string())?;
    ensure!(output.status.success(), "{} {argument} fails", program.display());
    // nginx tells its version on its standard error.
    let text = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned())
}

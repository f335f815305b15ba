//! The command line.
//!
//! Exit codes: 0 done, 1 rejected (by a balancer, by a check, or a wait ran out), 2 wrong usage, 3 no reply, or
//! an incomplete one.

mod check;
mod help;
pub mod manual;

use std::cmp::Reverse;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::admin::time;
use crate::ctl::{self, CommandOutcome, ServerCommand, Terms};
use crate::{app, report, top};

const WRONG_USAGE: u8 = 2;
/// Minimum refresh interval of `lb top`.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(50);
/// The default configuration file.
const CONFIGURATION: &str = "lb.toml";
/// Behind the program's name, which clap prints.
const VERSION: &str = report::NAME_AND_VERSION.split_at(3).1;
/// The default runtime socket.
const SOCKET: &str = "run/lb.sock";

/// An HTTP load balancer with HAProxy's runtime API
#[derive(Debug, Parser)]
#[command(
    name = "lb",
    version = VERSION,
    disable_version_flag = true,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    after_help = help::LB,
)]
pub struct Cli {
    /// The configuration to run (the same as `lb run -c FILE`)
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print version
    #[arg(short = 'v', visible_short_alias = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the balancer in the foreground
    #[command(after_help = help::RUN)]
    Run(File),
    /// Read the configuration and report every fault; start nothing
    #[command(after_help = help::CHECK)]
    Check(File),
    /// Send a runtime command and print the reply
    #[command(after_help = help::CTL)]
    Ctl {
        #[command(flatten)]
        sockets: Sockets,
        /// The command, as in `lb ctl "show stat"`; several are separated by `;`
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
        words: Vec<String>,
    },
    /// Put a server into maintenance: it gets no new requests, those in flight finish
    #[command(after_help = help::OUT)]
    Disable(Out),
    /// Put a server into drain: it gets requests of sticky clients only
    #[command(after_help = help::OUT)]
    Drain(Out),
    /// Put a server back into service; with --wait, until it is up
    #[command(after_help = help::ENABLE)]
    Enable(TargetArgs),
    /// Apply the configuration again and wait for the result
    #[command(after_help = help::RELOAD)]
    Reload(Sockets),
    /// Watch a balancer in the terminal: what is up, draining, down and why; change servers by keys
    #[command(after_help = help::TOP)]
    Top {
        #[command(flatten)]
        sockets: Sockets,
        /// Refresh interval
        #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1s")]
        interval: Duration,
        /// Disable all changes
        #[arg(long)]
        read_only: bool,
    },
    /// Exit with 0 when the balancer is ready, for a container's HEALTHCHECK
    #[command(after_help = help::HEALTHCHECK)]
    Healthcheck(File),
    /// Print completions for a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the man page, or write one for each command into a folder
    #[command(after_help = help::MAN)]
    Man {
        /// Created when it does not exist
        folder: Option<PathBuf>,
    },
    /// Write the generated pages of the manual (for contributors)
    #[command(hide = true)]
    Docs {
        /// The manual's folder: `docs` in the repository
        folder: PathBuf,
    },
    /// Print the version
    #[command(after_help = help::VERSION)]
    Version,
}

#[derive(Debug, Args)]
struct File {
    /// The configuration [default: lb.toml]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The same without -c
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Sockets {
    /// A balancer's runtime socket; repeat it for several. Without it: $LB_SOCKET, else that of -c, else run/lb.sock
    #[arg(short, long = "socket", value_name = "SOCKET")]
    sockets: Vec<PathBuf>,
    /// The configuration that names the socket
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct TargetArgs {
    #[command(flatten)]
    sockets: Sockets,
    /// The server, as in `api_nodes/api1`
    #[arg(value_name = "BACKEND/SERVER", value_parser = server)]
    server: String,
    /// Return when nothing is in flight on it (enable: when it is up), at the latest after this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    wait: Option<Duration>,
}

#[derive(Debug, Args)]
struct Out {
    #[command(flatten)]
    target: TargetArgs,
    /// Also when it is the last usable server of its backend: clients then get 503
    #[arg(long)]
    force: bool,
}

/// Does what the arguments say, the first of which is the program's name.
pub fn main_with(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are "errors", too, with 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(WRONG_USAGE));
        }
    };
    let default_socket = std::env::var_os("LB_SOCKET").filter(|path| !path.is_empty()).map(PathBuf::from);
    let (mut out, mut err) = (io::stdout(), io::stderr());
    match (cli.command, cli.config) {
        (None, Some(config)) => app::run(&config),
        (Some(command), _) => command.run(default_socket, &mut out, &mut err),
        // clap shows its help instead.
        (None, None) => ExitCode::from(WRONG_USAGE),
    }
}

// === impl Command ===

impl Command {
    fn run(self, default_socket: Option<PathBuf>, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
        let (target, order, force) = match self {
            Self::Run(file) => return app::run(file.path()),
            Self::Check(file) => return check::check(file.path(), out, err),
            Self::Healthcheck(file) => return healthcheck(file.path(), err),
            Self::Version => {
                let _ = writeln!(out, "{}", report::NAME_AND_VERSION);
                return ExitCode::SUCCESS;
            }
            Self::Completions { shell } => return written(manual::write_completions(shell, out), err),
            Self::Man { folder: None } => return written(manual::write_man_page(out), err),
            Self::Man { folder: Some(folder) } => return written(manual::write_man_pages(&folder), err),
            Self::Docs { folder } => return written(manual::write_pages(&folder), err),
            Self::Ctl { sockets, words } => {
                let command = words.join(" ");
                if let Some(problem) = ctl::ambiguous(&command) {
                    return wrong_usage(&problem, err);
                }
                return match sockets.find(default_socket) {
                    Ok(sockets) => exit(ctl::run(&sockets, &command, out, err)),
                    Err(problem) => wrong_usage(&problem, err),
                };
            }
            Self::Top { sockets, interval, read_only } => {
                return match sockets.find(default_socket) {
                    Ok(sockets) => watch(sockets, interval, read_only, err),
                    Err(problem) => wrong_usage(&problem, err),
                };
            }
            Self::Reload(sockets) => {
                return match sockets.find(default_socket) {
                    Ok(sockets) => exit(ctl::reload(&sockets, out, err)),
                    Err(problem) => wrong_usage(&problem, err),
                };
            }
            Self::Disable(out) => (out.target, ServerCommand::Disable, out.force),
            Self::Drain(out) => (out.target, ServerCommand::Drain, out.force),
            Self::Enable(target) => (target, ServerCommand::Enable, false),
        };
        let terms = Terms { wait: target.wait, force };
        match target.sockets.find(default_socket) {
            Ok(sockets) => exit(ctl::order(&sockets, order, &target.server, terms, out, err)),
            Err(problem) => wrong_usage(&problem, err),
        }
    }
}

// === impl File ===

impl File {
    fn path(&self) -> &Path {
        self.config.as_deref().or(self.file.as_deref()).unwrap_or(Path::new(CONFIGURATION))
    }
}

// === impl Sockets ===

impl Sockets {
    fn find(self, default: Option<PathBuf>) -> Result<Vec<PathBuf>, String> {
        if !self.sockets.is_empty() {
            return Ok(self.sockets);
        }
        match (default, self.config) {
            (Some(socket), _) => Ok(vec![socket]),
            (None, Some(file)) => {
                let config = crate::rules::load(&file).map_err(|faults| faults.to_string())?;
                // The first of those that may do most.
                let socket = config.admin.into_iter().min_by_key(|admin| Reverse(admin.level));
                let socket = socket.map(|admin| admin.socket.written());
                let nowhere =
                    || format!("{}: it has no [admin] section: name a socket with -s", file.display());
                Ok(vec![socket.ok_or_else(nowhere)?])
            }
            (None, None) => Ok(vec![SOCKET.into()]),
        }
    }
}

fn watch(sockets: Vec<PathBuf>, interval: Duration, read_only: bool, err: &mut dyn Write) -> ExitCode {
    // https://no-color.org: set and not empty.
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let interval = interval.max(SHORTEST_INTERVAL);
    match top::run(&top::Options { sockets, interval, read_only, plain }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => wrong_usage(&format!("lb top needs a terminal: {error}"), err),
    }
}

fn healthcheck(file: &Path, err: &mut dyn Write) -> ExitCode {
    match crate::rules::load(file) {
        Ok(config) => match config.stats.bind.first() {
            Some(bind) => exit(ctl::healthcheck(*bind, err)),
            None => wrong_usage(&format!("{}: [stats] has no bind", file.display()), err),
        },
        Err(faults) => wrong_usage(&faults.to_string(), err),
    }
}

/// The exit code after writing something: 0 also when the reader of a pipe has left.
fn written(result: io::Result<()>, err: &mut dyn Write) -> ExitCode {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(err, "lb: cannot write: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn wrong_usage(problem: &str, err: &mut dyn Write) -> ExitCode {
    let _ = writeln!(err, "lb: {problem}");
    ExitCode::from(WRONG_USAGE)
}

fn exit(outcome: CommandOutcome) -> ExitCode {
    ExitCode::from(match outcome {
        CommandOutcome::Done => 0,
        CommandOutcome::Refused => 1,
        CommandOutcome::Silent => 3,
    })
}

/// A server's name as one word of a runtime command.
fn server(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '#');
    match text.split_once('/') {
        Some((backend, server))
            if !backend.is_empty()
                && !server.is_empty()
                && (backend.to_owned() + server).chars().all(plain) =>
        {
            Ok(text.to_owned())
        }
        _ => Err("name the server as BACKEND/SERVER, as in api_nodes/api1".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    time::parse(text, "s").ok_or_else(|| "write it as 500ms, 30s or 5m".to_owned())
}

#[cfg(test)]
mod tests;

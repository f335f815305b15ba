//! The texts below the options in `--help`: examples and exit codes.

/// For `lb` itself.
pub(super) const LB: &str = "\
Examples:
  lb run -c lb.toml                         run in the foreground
  lb check lb.toml                          every fault of a configuration at once
  lb disable api_nodes/api1 --wait 30s      take a server out, return when nothing is in flight on it
  lb enable api_nodes/api1 --wait 30s       put it back, return when it is up
  lb top                                    watch it in the terminal
  lb ctl \"show stat\"                        any command of HAProxy's runtime API

Exit codes: 0 done; 1 rejected, a fault, or a wait ran out; 2 wrong usage; 3 no reply, or an incomplete one.
`lb COMMAND --help` describes each command.";

pub(super) const RUN: &str = "\
SIGTERM, SIGINT and SIGUSR1 stop gracefully, a second one at once; SIGHUP and SIGUSR2 apply the configuration again, whole or not
at all (see `lb reload`).
On a terminal the log is text for people, elsewhere JSON, unless [log] `format` is set.

Examples:
  lb run -c lb.toml
  lb run /etc/lb/lb.toml

Exit codes: 0 stopped, everything in flight was finished; 1 it could not start, or had to abort requests at the stop; 2 wrong usage.";

pub(super) const CHECK: &str = "\
Examples:
  lb check lb.toml
  lb check -c /etc/lb/lb.toml && lb reload

Exit codes: 0 no fault; 1 faults, each with its line; 2 wrong usage.";

pub(super) const CTL: &str = "\
Examples:
  lb ctl \"show stat\"
  lb ctl -s a/lb.sock -s b/lb.sock \"show info\"
  lb ctl \"set server api_nodes/api1 weight 50%; show servers state\"
  lb ctl help                               all commands

Exit codes: 0 done; 1 a command was rejected; 2 wrong usage; 3 no reply, or an incomplete one: whether it was done is unknown.";

pub(super) const OUT: &str = "\
Without --force the last usable server of a backend stays in service. This is checked just before the order, for each balancer
separately: two orders at the same moment can still take out the last two servers.

Examples:
  lb disable api_nodes/api1 --wait 30s      maintenance: no request at all
  lb drain api_nodes/api1 --wait 5m         drain: only requests of clients that stick to it
  lb disable -s a/lb.sock -s b/lb.sock api_nodes/api1 --wait 30s

Exit codes: 0 done, with --wait: and nothing is in flight on it; 1 rejected, or the wait ran out (the server stays out);
2 wrong usage; 3 no reply, or lb went away while waiting.";

pub(super) const ENABLE: &str = "\
Examples:
  lb enable api_nodes/api1                  returns at once
  lb enable api_nodes/api1 --wait 30s       returns when its checks pass

Exit codes: 0 done, with --wait: and it is up; 1 rejected, or the wait ran out; 2 wrong usage;
3 no reply, or lb went away while waiting.";

pub(super) const RELOAD: &str = "\
Examples:
  lb reload
  lb check lb.toml && lb reload -s a/lb.sock -s b/lb.sock

Exit codes: 0 applied, what changed is printed; 1 rejected: the faults are printed, and nothing has changed; 2 wrong usage;
3 no reply, or an incomplete one.";

pub(super) const TOP: &str = "\
Keys: ? lists them. For the selected server: d drain, m maintenance, r ready, w weight. Each asks for confirmation.

Examples:
  lb top
  lb top -s a/lb.sock -s b/lb.sock          several balancers at once
  lb top --interval 5s --read-only

Exit codes: 0 left with q; 2 there is no terminal, or wrong usage.";

pub(super) const HEALTHCHECK: &str = "\
It requests `GET /readyz` from the first [stats] address.

Examples:
  HEALTHCHECK CMD [\"/lb\", \"healthcheck\", \"-c\", \"/etc/lb/lb.toml\"]

Exit codes: 0 ready; 1 not ready; 2 wrong usage, or no [stats] address; 3 no reply.";

pub(super) const COMPLETIONS: &str = "\
Examples:
  lb completions bash > /etc/bash_completion.d/lb
  lb completions zsh > \"${fpath[1]}/_lb\"
  lb completions fish > ~/.config/fish/completions/lb.fish

Exit codes: 0 written; 1 it could not be written; 2 wrong usage.";

pub(super) const MAN: &str = "\
Examples:
  lb man | man -l -
  lb man /usr/local/share/man/man1          lb.1, lb-run.1 and so on

Exit codes: 0 written; 1 it could not be written; 2 wrong usage.";

pub(super) const VERSION: &str = "Exit codes: 0 printed.";

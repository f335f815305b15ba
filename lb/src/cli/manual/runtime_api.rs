//! The page about the runtime commands.

use std::fmt::Write as _;

use super::{cell, code, sentence};
use crate::admin::{self, CommandReference};
use crate::config::Level;

const HEAD: &str = "\
# Runtime API

The commands of the runtime socket (`[admin] socket`, `run/lb.sock` beside the configuration by default). They are HAProxy's, with its answers, unless
the table says *lb only*. Several commands on a line are separated by `;`.

```sh
lb ctl \"show stat\"
echo \"show stat\" | socat stdio UNIX-CONNECT:run/lb.sock
```

A socket has a level (`[admin] level`): `user` may look at most things, `operator` may also look at what is confidential and change counters and stick tables,
`admin` may do everything. `help` lists what the level of the connection allows. `lb ctl \"wait -h\"` lists the conditions that `wait` knows, `lb ctl
\"add server api_nodes/new help\"` the keywords of `add server`.

| command | level | origin | meaning |
|---|---|---|---|
";

const INERT: &str = "
## Without effect

`lb` has nothing that these could act on (ACLs, maps, caches, certificates). They answer as HAProxy does where there is none, since programs send them.

| command | level |
|---|---|
";

/// The marks of a command that HAProxy does not have.
const OURS: [&str; 2] = [" (lb only)", "(lb only)"];

pub(super) fn page() -> String {
    let (inert, working): (Vec<_>, Vec<_>) = admin::reference().partition(|command| command.is_inert);
    let mut out = HEAD.to_owned();
    for command in working {
        let CommandReference { syntax, level, about, .. } = command;
        let (about, origin) = match OURS.iter().find_map(|mark| about.strip_suffix(mark)) {
            Some(about) => (about, "lb only"),
            None => (about, "HAProxy"),
        };
        let about = cell(&sentence(about));
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| {} | {} | {origin} | {about} |", code(syntax), name(level));
    }
    out.push_str(INERT);
    for command in inert {
        let _ = writeln!(out, "| {} | {} |", code(command.syntax), name(command.level));
    }
    out
}

fn name(level: Level) -> &'static str {
    match level {
        Level::User => "user",
        Level::Operator => "operator",
        Level::Admin => "admin",
    }
}

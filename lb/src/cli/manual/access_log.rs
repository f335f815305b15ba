//! The page about the access log.

use std::fmt::Write as _;

use super::{cell, code, sentence};
use crate::proxy::access::reference::{FIELDS, TERMINATIONS};

const HEAD: &str = "\
# Access log

One line for each exchange. [Logging](../guides/logging.md) tells where lines go and in which format.

`format = \"json\"` writes an object with the keys below. `format = \"http\"` writes HAProxy's httplog line, which its tools parse:

```text
%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc 0/%bq {%hr} {%hs} \"%HM %HU %HV\"
```

The client's address, as [`forwarded`](configuration.md) passes it on, is that of the connection. Control characters in values are escaped, so that no client can forge a field or a line.

## Fields

| JSON | httplog | meaning |
|---|---|---|
";

const ENDS: &str = "
## Termination letters

Two letters that tell who ended the exchange and in which phase (HAProxy's termination state). First: `-` normal end, `C` client, `c` the client's time ran
out, `S` server, `s` the server's time ran out, `P` `lb` itself (a request that HTTP or a rule forbids), `L` a rule that responded in a server's place, `D` the server was marked down, `K` the operator, `I` a fault inside
`lb`. Second: `R` request head, `Q` queue, `C` connection, `H` response head, `D` data.

*Status* is that of the response that `lb` sends in that case; without one, there was none to send, or the server's had begun.

| letters | status | meaning |
|---|---|---|
";

const COOKIES: &str = "
## Cookie letters

What happened to the persistence cookie (`[backend.NAME] cookie`); `--` without one. First letter, the cookie of the request: `N` none, `I` not that of a server, `D`
that of a server that cannot take requests, `V` that of a usable server, `E` the client was away for longer than `max_idle`, `O` the binding is older than `max_life`.
Second letter, the cookie of the response: `N` none, `I` inserted, `U` inserted again to renew its date, `P` the server's was passed on, `R` the server's was rewritten, `D` the
server's was removed.
";

pub(super) fn page() -> String {
    let mut out = HEAD.to_owned();
    for field in FIELDS {
        let http = if field.http.is_empty() { String::new() } else { code(field.http) };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| {} | {http} | {} |", code(field.json), escape(field.about));
    }
    out.push_str(ENDS);
    for end in TERMINATIONS {
        let status = if end.status == 0 { String::new() } else { end.status.to_string() };
        let _ = writeln!(out, "| {} | {status} | {} |", code(end.code), escape(end.about));
    }
    out.push_str(COOKIES);
    out
}

/// These texts have code in them, where `<` is no markup.
fn escape(text: &str) -> String {
    let text = sentence(text);
    if text.contains('`') { text.replace('|', "\\|") } else { cell(&text) }
}

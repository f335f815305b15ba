//! Wrong files: each fault's line, key and suggestion.

mod stats;
mod values;
mod watch;

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use crate::config::log::Terminals;
use crate::config::toml::parse_at;
use crate::config::{Config, ConfigFault, Faults};

/// What every table below stands on: lines 1 to 4. Sections added after it start on line 5.
const SOUND: &str = r#"frontend.fe = { bind = "0.0.0.0:5000", backend = "be" }
backend.be.servers = { s = "api0:4000" }
backend.be2.servers = {}

"#;

fn faults(text: &str) -> Faults {
    Config::parse(text, Path::new("lb.toml")).expect_err(text)
}

/// The only fault of `SOUND` with `text` after it.
fn fault(text: &str) -> ConfigFault {
    let mut faults = faults(&format!("{SOUND}{text}"));
    assert_eq!(faults.faults.len(), 1, "{faults}");
    faults.faults.remove(0)
}

/// Each case: what is added on line 5 and on, line, key, what the suggestion contains ("" = there is none).
fn check(cases: &[(&str, usize, &str, &str)]) {
    for (text, line, key, suggestion) in cases {
        let fault = fault(text);
        assert_eq!((fault.line, fault.key.as_str()), (*line, *key), "{text}: {fault:?}");
        match suggestion.is_empty() {
            true => assert_eq!(fault.suggestion, None, "{text}"),
            false => assert!(fault.suggestion.iter().any(|it| it.contains(suggestion)), "{text}: {fault:?}"),
        }
    }
}

#[test]
fn unknown_keys() {
    check(&[
        ("[proces]", 5, "proces", "`process`"),
        ("[haproxy]", 5, "haproxy", "process, admin, stats, log, timeout, frontend, backend"),
        ("[process]\n\nthread = 2", 7, "process.thread", "`threads`"),
        ("[admin]\nsokcet = 'a'", 6, "admin.sokcet", "`socket`"),
        ("[[admin]]\nsocket = 'a'\n[[admin]]\nlevl = 'user'", 8, "admin.levl", "`level`"),
        ("[stats]\nbnd = '127.0.0.1:1'", 6, "stats.bnd", "`bind`"),
        ("[log]\nfile = 'x'", 6, "log.file", "format, target"),
        ("[timeout]\nhttp-request = '1s'", 6, "timeout.http-request", "`http_request`"),
        (
            "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\nforward = true",
            8,
            "frontend.f.forward",
            "`forwarded`",
        ),
        (
            "[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'be'\nh2_max_stream = 1",
            8,
            "frontend.f.h2_max_stream",
            "`h2_max_streams`",
        ),
        ("[backend.b]\nblance = 'random'", 6, "backend.b.blance", "did you mean `balance`?"),
        ("[backend.b]\nhealth = { pth = '/' }", 6, "backend.b.health.pth", "`path`"),
        ("[backend.b]\ncookie = { nam = 'S', name = 'S' }", 6, "backend.b.cookie.nam", "`name`"),
        ("[backend.b.health]\nraise = 1", 6, "backend.b.health.raise", "`rise`"),
        ("[backend.b.servers.s]\naddress = 'a:1'\nwieght = 1", 7, "backend.b.servers.s.wieght", "`weight`"),
    ]);
}

#[test]
fn a_section_that_is_none_is_one_fault() {
    let faults = faults("backend.b = true\nfrontend.f = 'b'\n");
    let found: Vec<_> = faults.faults.iter().map(|fault| (fault.line, fault.key.as_str())).collect();
    assert_eq!(found, [(1, "backend.b"), (2, "frontend.f")], "{faults}");
}

#[test]
fn what_is_missing() {
    check(&[
        ("[frontend.f]\nbackend = 'be'", 5, "frontend.f.bind", "`bind = \"0.0.0.0:5000\"`"),
        ("[frontend.f]\nbackend = 'be'\nbind = []", 5, "frontend.f.bind", "for example"),
        ("\n[frontend.f]\nbind = '1.2.3.4:1'", 6, "frontend.f.backend", "`backend = \"api_nodes\"`"),
        ("[resolvers.r]", 5, "resolvers.r.nameservers", "for example"),
        ("[resolvers.r]\nnameservers = ['dns']", 6, "resolvers.r.nameservers", ""),
        ("[backend.b]\nresolvers = 'r'", 6, "backend.b.resolvers", "[resolvers.r]"),
        ("[backend.b]\nstick = { on = 'src' }", 6, "backend.b.stick.table", "`table = \"clients\"`"),
        ("[backend.b]\nstick = { on = 'src', table = 'b' }", 6, "backend.b.stick.table", "[backend.b.table]"),
        ("[backend.b]\ntable = { length = 9 }", 6, "backend.b.table.length", "`type = \"string\"`"),
        (
            "[backend.b]\ntable = { store = ['con_rate(1s)'] }",
            6,
            "backend.b.table.store",
            "`\"conn_rate(10s)\"`",
        ),
        (
            "[backend.b]\ntable = { store = ['conn_rate'] }",
            6,
            "backend.b.table.store",
            "`\"conn_rate(10s)\"`",
        ),
        ("[backend.b]\ncookie = {}", 6, "backend.b.cookie.name", "`name = \"SRV\"`"),
        (
            "[backend.b]\ncookie = { name = 'S', mode = 'prefix', indirect = true }",
            6,
            "backend.b.cookie.indirect",
            "`mode = \"insert\"`",
        ),
        ("[backend.b.servers.s]\nweight = 1", 5, "backend.b.servers.s.address", "`address = \"api0:4000\"`"),
    ]);
    let faults = faults("[backend.b.servers]\ns = 'a:1'");
    assert_eq!((faults.faults[0].line, faults.faults.len()), (0, 1), "{faults}");
    assert_eq!(faults.faults[0].message, "there is no frontend");
}

#[test]
fn sections_that_do_not_fit_together() {
    check(&[
        ("[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'bee'", 7, "frontend.f.backend", "`\"be\"`"),
        ("[frontend.f]\nbind = '1.2.3.4:1'\nbackend = 'nodes'", 7, "frontend.f.backend", "there is be, be2"),
        (
            "[frontend.f]\nbind = '0.0.0.0:5000'\nbackend = 'be'",
            6,
            "frontend.f.bind",
            "`frontend.fe.bind` has it on line 1",
        ),
        (
            "[frontend.f]\nbind = '127.0.0.1:8404'\nbackend = 'be'",
            6,
            "frontend.f.bind",
            "`stats.bind` has it by default",
        ),
        ("[stats]\nbind = '0.0.0.0:5000'", 6, "stats.bind", "on line 1"),
        ("[stats]\nbind = ['1.2.3.4:1', '1.2.3.4:1']", 6, "stats.bind", "on line 6"),
        (
            "[[admin]]\n[[admin]]\nsocket = './run/lb.sock'",
            7,
            "admin.socket",
            "`admin.socket` has it by default",
        ),
        ("[[admin]]\nsocket = 'a'\n[[admin]]\nsocket = 'a'", 8, "admin.socket", "on line 6"),
        ("[backend.fe]", 5, "backend.fe", "`frontend.fe` has it on line 1"),
        ("[listen.fe]\nbind = '1.2.3.4:1'", 5, "listen.fe", "`frontend.fe` has it on line 1"),
        ("[listen.l]\nbind = '0.0.0.0:5000'", 6, "listen.l.bind", "`frontend.fe.bind` has it on line 1"),
        ("[listen.l]\nbind = '1.2.3.4:1'\nbackend = 'be'", 7, "listen.l.backend", "known here"),
        (
            "[frontend.f]\nbind = { adress = '1.2.3.4:1', address = '1.2.3.4:1' }\nbackend = 'be'",
            6,
            "frontend.f.bind.adress",
            "`address`",
        ),
        (
            "[frontend.f]\nbind = [{ address = '1.2.3.4:1', name = 'a b' }]\nbackend = 'be'",
            6,
            "frontend.f.bind.name",
            "`\"a_b\"`",
        ),
        ("[backend.'a b']", 5, "backend.a b", "`a_b`"),
        ("[backend.'']", 5, "backend.", ""),
        ("[backend.b]\nservers.'a/0' = 'a:1'", 6, "backend.b.servers.a/0", "`a_0`"),
    ]);
}

#[test]
fn broken_toml() {
    check(&[
        ("[log]\nformat = 'off'\nformat = 'json'", 7, "format", "remove one"),
        ("[log]\n[stats]\n[log]", 7, "log", "remove one"),
        ("[log", 5, "", ""),
        ("[log]\nformat = off", 6, "", ""),
        ("[log]\nformat = 'off", 6, "", ""),
        ("[log]\nformat", 6, "", ""),
    ]);
    let two = faults("[log]\nformat = off off\n[process]\nthreads = 08\n");
    assert_eq!(two.faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 4], "{two}");
}

#[test]
fn all_faults_come_in_one_go_in_the_order_of_the_lines() {
    let text = r#"[backend.api_nodes]
blance = "leastconn"
health = { path = "health", rise = 0 }

[backend.api_nodes.servers]
api0 = { adress = "api0:4000" }

[frontend.fe_api]
bind = "0.0.0.0"
backend = "api_node"

[process]
threads = "all"
"#;
    let faults = faults(text);
    let found: Vec<_> =
        faults.faults.iter().map(|fault| (fault.line, fault.column, fault.key.as_str())).collect();
    let expected = [
        (2, 1, "backend.api_nodes.blance"),
        (3, 19, "backend.api_nodes.health.path"),
        (3, 36, "backend.api_nodes.health.rise"),
        (6, 1, "backend.api_nodes.servers.api0.address"),
        (6, 10, "backend.api_nodes.servers.api0.adress"),
        (9, 8, "frontend.fe_api.bind"),
        (10, 11, "frontend.fe_api.backend"),
        (13, 11, "process.threads"),
    ];
    assert_eq!(found, expected, "{faults}");
    assert!(faults.to_string().ends_with("\n8 faults in lb.toml"), "{faults}");
}

#[test]
fn how_a_fault_is_printed() {
    let text = format!("{SOUND}\n\n\n\n\n\n[backend.api_nodes]\nblance = \"leastconn\"\n");
    let expected = r#"lb.toml:12: unknown key `blance` in [backend.api_nodes]
   |
12 | blance = "leastconn"
   | ^^^^^^ did you mean `balance`?

1 fault in lb.toml"#;
    assert_eq!(faults(&text).to_string(), expected);

    let tabs_and_wide = format!("{SOUND}[log]\r\n\tformat = 'é'\r\n");
    let expected = r#"lb.toml:6: `format` in [log] must be one of `"json"`, `"text"`, `"http"`, `"off"`, not `'é'`
  |
6 |  format = 'é'
  |           ^^^

1 fault in lb.toml"#;
    assert_eq!(faults(&tabs_and_wide).to_string(), expected);

    let expected = "lb.toml: there is no frontend\n  = add a section such as `[frontend.fe_api]` \
        with `bind` and `backend`\n\n1 fault in lb.toml";
    assert_eq!(faults("").to_string(), expected);
}

#[test]
fn loads_a_file_and_resolves_paths_against_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lb.toml");
    fs::write(&file, SOUND).unwrap();
    let config = Config::load(&file).unwrap();
    assert_eq!(config.admin[0].socket.written(), folder.path().join("run/lb.sock"));
    assert_eq!(config.file, file);
    assert_eq!(
        Config::parse(SOUND, Path::new("lb.toml")).unwrap().admin[0].socket.written(),
        Path::new("run/lb.sock")
    );
}

#[test]
fn a_file_that_cannot_be_read_is_one_fault() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.toml");
    let binary = folder.path().join("binary.toml");
    fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    let cases =
        [(missing.as_path(), "with `-c FILE`"), (&binary, "UTF-8"), (folder.path(), "not its folder")];
    for (file, advice) in cases {
        let faults = Config::load(file).unwrap_err();
        assert_eq!(faults.faults.len(), 1, "{faults}");
        assert_eq!(faults.faults[0].line, 0);
        let printed = faults.to_string();
        assert!(
            printed.starts_with(&format!("{}: cannot read the configuration: ", file.display())),
            "{printed}"
        );
        assert!(printed.contains(advice), "{printed}");
    }
}

proptest! {
    /// Whatever a file holds, the answer is a configuration or printable faults.
    #[test]
    fn no_text_is_too_strange(text in "(\\PC|\n|\t|[\\[\\]{}='\".,#0-9a-z]){0,80}") {
        answer(&text);
    }

    /// The same from pieces that make it further than random characters do.
    #[test]
    fn no_mix_of_pieces_is_too_strange(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        answer(&pieces.concat());
    }

    /// A file cut anywhere, with anything put there.
    #[test]
    fn no_edit_is_too_strange(at in 0..SOUND.len(), text in "\\PC{0,5}") {
        let (before, after) = SOUND.split_at(at);
        answer(&format!("{before}{text}{after}"));
    }
}

const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    " = ",
    ",",
    ".",
    "\n",
    "\n\n",
    "'",
    "\"",
    "'''",
    "#",
    "é",
    "\u{feff}",
    "\r\n",
    "process",
    "admin",
    "stats",
    "bind",
    "log",
    "timeout",
    "frontend",
    "backend",
    "servers",
    "health",
    "\nbind = ':80'",
    "\nbackend = 'x'",
    "\n[frontend.x]\n",
    "\n[backend.x]\n",
    "\n[[admin]]\n",
    "'1s'",
    "-1",
    "0x10",
    "1.5",
    "true",
    "1979-05-27",
];

fn answer(text: &str) {
    if let Err(faults) = Config::parse(text, Path::new("lb.toml")) {
        assert!(!faults.faults.is_empty());
        assert!(faults.faults.iter().all(|fault| fault.line <= text.matches('\n').count() + 1));
        assert!(faults.to_string().ends_with("in lb.toml"));
    }
}

/// Nobody's choice depends on where lb was started; what nobody has chosen does.
#[test]
fn the_usual_format_of_a_log_is_for_who_reads_it() {
    use crate::config::LogFormat;
    let both = Terminals { stdout: true, stderr: true };
    let table = [
        ("", Terminals::default(), LogFormat::Json),
        ("", both, LogFormat::Text),
        ("", Terminals { stderr: false, ..both }, LogFormat::Json),
        ("target = 'stdout'", Terminals { stderr: false, ..both }, LogFormat::Text),
        ("target = 'stdout'", Terminals { stdout: false, ..both }, LogFormat::Json),
        ("target = 'a.log'", both, LogFormat::Json),
        ("format = 'json'", both, LogFormat::Json),
        ("format = 'text'", Terminals::default(), LogFormat::Text),
    ];
    for (keys, terminals, format) in table {
        let text = format!(
            "[log]\n{keys}\n[frontend.f]\nbind = \"127.0.0.1:0\"\nbackend = \"b\"\n[backend.b.servers]\ns = \"127.0.0.1:1\"\n"
        );
        let config = parse_at(&text, Path::new("lb.toml"), terminals).unwrap();
        assert_eq!(config.logs[0].format, format, "{keys} {terminals:?}");
    }
}

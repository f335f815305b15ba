//! Parsing of arguments.

use super::*;

const GOOD: &str = "[frontend.f]\nbind = \"127.0.0.1:5000\"\nbackend = \"b\"\n[backend.b.servers]\ns0 = \"s0:1\"\ns1 = \"s1:1\"\n";

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[test]
fn the_command_line_is_sound() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

#[test]
fn a_file_alone_means_run() {
    let cli = parse("lb -c a.toml").unwrap();
    assert!(cli.command.is_none() && cli.config == Some("a.toml".into()));
    let cli = parse("lb run -c a.toml").unwrap();
    assert!(matches!(cli.command, Some(Command::Run(file)) if file.path() == Path::new("a.toml")));
    for (line, file) in
        [("lb check", "lb.toml"), ("lb check -c a.toml", "a.toml"), ("lb check a.toml", "a.toml")]
    {
        let cli = parse(line).unwrap();
        assert!(
            matches!(cli.command, Some(Command::Check(found)) if found.path() == Path::new(file)),
            "{line}"
        );
    }
    assert_eq!(parse("lb check a.toml -c b.toml").unwrap_err().exit_code(), 2);
}

#[test]
fn the_version_is_told_in_every_usual_way() {
    let wanted = format!("lb {} (HAProxy 3.4 API)\n", env!("CARGO_PKG_VERSION"));
    for line in ["lb -v", "lb -V", "lb --version"] {
        let told = parse(line).unwrap_err();
        assert_eq!((told.exit_code(), told.to_string()), (0, wanted.clone()), "{line}");
    }
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let command = parse("lb version").unwrap().command.unwrap();
    assert_eq!(command.run(None, &mut out, &mut err), ExitCode::SUCCESS);
    assert_eq!(String::from_utf8(out).unwrap(), wanted);
}

#[test]
fn help_has_examples_and_exit_codes() {
    for command in ["run", "check", "ctl", "disable", "drain", "enable", "reload", "top", "healthcheck"] {
        for flag in ["-h", "--help"] {
            let told = parse(&format!("lb {command} {flag}")).unwrap_err();
            let text = told.to_string();
            assert_eq!(told.exit_code(), 0);
            assert!(text.contains("Examples:") && text.contains("Exit codes: 0"), "{command}: {text}");
        }
    }
    let text = parse("lb --help").unwrap_err().to_string();
    assert!(text.contains("Examples:") && text.contains("Exit codes: 0"), "{text}");
}

#[test]
fn a_runtime_command_may_be_one_word_or_several() {
    let Some(Command::Ctl { sockets, words }) =
        parse("lb ctl -s a.sock -s b.sock show stat -1 4 -1").unwrap().command
    else {
        panic!("not ctl");
    };
    assert_eq!(sockets.sockets, [PathBuf::from("a.sock"), PathBuf::from("b.sock")]);
    assert_eq!(words.join(" "), "show stat -1 4 -1");
}

#[test]
fn wrong_usage_is_two() {
    for line in [
        "lb",
        "lb nope",
        "lb ctl",
        "lb disable",
        "lb disable api1",
        "lb disable a/",
        "lb disable /b",
        "lb disable a/b;c",
        "lb enable a/b --wait soon",
        "lb enable a/b --wait",
    ] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
    let Some(Command::Drain(Out { target, force: false })) =
        parse("lb drain a/b --wait 500ms").unwrap().command
    else {
        panic!("not drain");
    };
    assert_eq!((target.server.as_str(), target.wait), ("a/b", Some(Duration::from_millis(500))));
    assert!(matches!(
        parse("lb disable --force a/b").unwrap().command,
        Some(Command::Disable(Out { force: true, .. }))
    ));
    assert_eq!(parse("lb enable --force a/b").unwrap_err().exit_code(), 2, "nothing is lost by it");
    assert_eq!(parse("lb --version").unwrap_err().exit_code(), 0);
}

#[test]
fn the_socket_is_s_then_the_environment_then_the_file_then_the_usual_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lb.toml");
    std::fs::write(
        &file,
        format!("[[admin]]\nsocket = \"u.sock\"\nlevel = \"user\"\n[[admin]]\nsocket = \"x.sock\"\n{GOOD}"),
    )
    .unwrap();
    let find = |sockets: &[&str], config: Option<&Path>, environment: Option<&str>| {
        let sockets = sockets.iter().map(PathBuf::from).collect();
        Sockets { sockets, config: config.map(Path::to_owned) }.find(environment.map(PathBuf::from))
    };
    assert_eq!(find(&["a", "b"], Some(&file), Some("e")).unwrap(), [PathBuf::from("a"), PathBuf::from("b")]);
    assert_eq!(find(&[], Some(&file), Some("e")).unwrap(), [PathBuf::from("e")]);
    assert_eq!(find(&[], Some(&file), None).unwrap(), [folder.path().join("x.sock")]);
    assert_eq!(find(&[], None, None).unwrap(), [PathBuf::from("run/lb.sock")]);
    assert!(find(&[], Some(&folder.path().join("nope.toml")), None).unwrap_err().contains("nope.toml"));
}

#[test]
fn check_reports_every_fault_or_counts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lb.toml");
    let run = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = check::check(&file, &mut out, &mut err);
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    };
    // Names would be looked up.
    let good = GOOD.replace("s0:1", "127.0.0.1:1").replace("s1:1", "127.0.0.1:2");
    let (code, out, err) = run(&good);
    assert_eq!((code, err.as_str()), (ExitCode::SUCCESS, ""));
    assert!(out.ends_with("lb.toml: OK, 1 frontend, 1 backend, 2 servers\n"), "{out}");
    let (code, out, err) = run(&good.replace("127.0.0.1:2", "127.0.0.1:5000"));
    assert_eq!(code, ExitCode::SUCCESS);
    assert!(
        out.contains("OK") && err.contains("warning: server `b/s1`: it is the address of frontend `f`"),
        "{err}"
    );
    let (code, out, err) = run(&format!("[log]\ntarget = \"nowhere/lb.log\"\n{good}"));
    assert_eq!((code, out.as_str()), (ExitCode::FAILURE, ""));
    assert!(err.contains("nowhere is not there"), "{err}");
    let (code, _, err) = run("global\n  daemon\nfrontend f\n  bind :80\n");
    assert_eq!(code, ExitCode::FAILURE);
    assert!(err.contains("this is HAProxy's configuration"), "{err}");
    let (code, out, err) = run(&GOOD.replace("bind", "bimd").replace("s1:1", "s1"));
    assert_eq!((code, out.as_str()), (ExitCode::FAILURE, ""));
    assert!(err.contains("bimd") && err.contains("s1"), "{err}");
}

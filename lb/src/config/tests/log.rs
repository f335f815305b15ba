//! `[log]` and `[[log]]`.

use super::*;

#[test]
fn targets_of_the_log() {
    let udp = |host: &str, port| LogTarget::Udp { host: host.into(), port };
    for (text, target) in [
        ("stdout", LogTarget::Stdout),
        ("access.log", LogTarget::File("etc/access.log".into())),
        ("/var/log/lb.log", LogTarget::File("/var/log/lb.log".into())),
        ("udp://127.0.0.1:5514", udp("127.0.0.1", 5514)),
        ("udp://[::1]:5514", udp("::1", 5514)),
        ("syslog://collector", udp("collector", 514)),
        ("unix:///dev/log", LogTarget::Unix("/dev/log".into())),
        ("unix://run/log", LogTarget::Unix("etc/run/log".into())),
        ("/dev/log", LogTarget::Unix("/dev/log".into())),
    ] {
        let config = parse(&format!("{SMALLEST}\n[log]\ntarget = {text:?}\n"));
        assert_eq!(config.logs[0].target, target, "{text}");
    }
}

/// Breaks when syslog is meant and a file is written.
#[test]
fn what_can_only_mean_a_daemon_is_no_files_name() {
    for (text, meant) in [
        ("127.0.0.1:514", "udp://127.0.0.1:514"),
        ("127.0.0.1", "udp://127.0.0.1:514"),
        ("::1", "udp://[::1]:514"),
        ("[::1]:514", "udp://[::1]:514"),
        ("localhost:514", "udp://localhost:514"),
        ("syslog", "unix:///dev/log"),
    ] {
        let faults = Config::parse(&format!("{SMALLEST}\n[log]\ntarget = {text:?}\n"), "lb.toml".as_ref())
            .unwrap_err();
        assert!(faults.to_string().contains(&format!("\"{meant}\"")), "{text}: {faults}");
    }
}

/// HAProxy's `log /dev/log local0` beside `log /dev/log local1 notice`.
#[test]
fn several_logs_have_keys_of_their_own() {
    let config = parse(&format!(
        "{SMALLEST}\n[[log]]\ntarget = \"/dev/log\"\n[[log]]\ntarget = \"/dev/log\"\nlevel = \"notice\"\nformat = \"http\"\n"
    ));
    let usual = LogConfig { target: LogTarget::Unix("/dev/log".into()), ..LogConfig::default() };
    assert_eq!(config.logs[0], usual);
    assert_eq!(config.logs[1], LogConfig { level: LogLevel::Notice, format: LogFormat::Http, ..usual });
    assert_eq!(config.logs.len(), 2);
}

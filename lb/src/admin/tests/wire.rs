//! Lines, replies and ends of connections.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::lab::{self, rest};
use crate::admin::input::LONGEST_LINE;
use crate::report::VERSION;

/// Input, and everything that comes back until the balancer closes; the client never closes first.
#[tokio::test]
async fn answers_and_ends() {
    let lab = lab::open();
    let words = |count: usize| format!("echo{}", " x".repeat(count - 1));
    let table: &[(&str, String)] = &[
        ("disable server api_nodes/api0\n", "\n".into()),
        ("disable server api_nodes/api0;enable server api_nodes/api0\n", "\n\n".into()),
        ("show version\n", format!("{VERSION}\n\n")),
        ("show version\r\n", format!("{VERSION}\n\n")),
        ("show version;show cli level\n", format!("{VERSION}\n\nadmin\n\n")),
        ("disable server api_nodes/nope;show version\n", format!("No such server.\n\n{VERSION}\n\n")),
        ("show version;\n", format!("{VERSION}\n\n\n")),
        (";show version\n", format!("\n{VERSION}\n\n")),
        ("show version;;show version\n", format!("{VERSION}\n\n\n{VERSION}\n\n")),
        ("\n", "\n".into()),
        ("  \t \n", "\n".into()),
        ("show version\nshow backend\n", format!("{VERSION}\n\n")),
        ("show version extra words\n", format!("{VERSION}\n\n")),
        ("quit\n", String::new()),
        ("show version;quit;show version\n", format!("{VERSION}\n\n")),
        ("echo a\\;b c\\ d \\\\\n", "a;b c d \\\n\n".into()),
        ("echo hi <<\nline1\n\n", "hi\n\n".into()),
        ("echo hi <<EOF\nline1\n\nshow version\nEOF\n", "hi\n\n".into()),
        (
            "prompt\nshow version;get weight api_nodes/api0\nquit\n",
            format!("\n> {VERSION}\n\n1 (initial 1)\n\n> "),
        ),
        ("prompt;show version\nquit\n", format!("\n{VERSION}\n\n> ")),
        (
            "prompt\nset weight api_nodes/api0 1\n\nget weight x\nquit\n",
            "\n> \n> \n> Require 'backend/server'.\n\n> ".into(),
        ),
        ("prompt\nprompt\n", "\n> \n".into()),
        ("prompt p\nprompt n\n", "\n> \n".into()),
        (
            "prompt i\nshow version\nget weight api_nodes/api0\nquit\n",
            format!("\n{VERSION}\n\n1 (initial 1)\n\n"),
        ),
        ("prompt timed\nquit\n", "\n[0:00:00:00]> ".into()),
        ("prompt\necho hi <<\nline1\n\nquit\n", "\n> + + hi\n\n> ".into()),
        (
            "set severity-output number;get weight api_nodes/nope;set weight api_nodes/api0 1;show version;get weight api_nodes/api0\n",
            format!("\n[3]: No such server.\n\n\n[6]: {VERSION}\n\n1 (initial 1)\n\n"),
        ),
        (
            "set severity-output string;get weight api_nodes/nope;show version\n",
            format!("\n[err]: No such server.\n\n[info]: {VERSION}\n\n"),
        ),
    ];
    for (sent, expected) in table {
        assert_eq!(lab.send("admin", sent).await, *expected, "{sent:?}");
    }
    let longest = format!("{}\n\n", "x ".repeat(63).trim_end());
    assert_eq!(lab.ask(&words(64)).await, longest);
    assert_eq!(lab.ask(&words(65)).await, "Too many arguments. Commands must have at most 64 arguments.\n\n");
}

#[tokio::test]
async fn a_client_that_half_closes_gets_its_whole_answer() {
    let lab = lab::open();
    let mut stream = lab.connect("admin").await;
    stream.write_all(b"prompt\nshow version\nshow cli level\n").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(rest(&mut stream).await, format!("\n> {VERSION}\n\n> admin\n\n> "));
}

#[tokio::test]
async fn a_line_without_its_end_runs_nothing() {
    let lab = lab::open();
    for sent in [
        "disable server api_nodes/api0",
        "disable server api_nodes/api0;",
        "disable server api_nodes/api0 <<\nx\n",
    ] {
        let mut stream = lab.connect("admin").await;
        stream.write_all(sent.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(rest(&mut stream).await, "");
        assert_eq!(lab.server("api_nodes", "api0").admin(), crate::server::AdminState::Ready, "{sent:?}");
    }
}

#[tokio::test]
async fn a_line_that_is_too_long_is_refused_and_the_longest_is_not() {
    let lab = lab::open();
    let line = |length: usize| format!("echo {}\n", "x".repeat(length - "echo \n".len()));
    let longest = line(LONGEST_LINE);
    assert_eq!(lab.send("admin", &longest).await, format!("{}\n", &longest["echo ".len()..]));
    let refusal = "The command line is too big for the buffer size. Please change 'tune.bufsize' in the configuration to use a bigger command.\n";
    assert_eq!(lab.send("admin", &line(LONGEST_LINE + 1)).await, refusal);
    assert_eq!(lab.send("admin", &line(5 * LONGEST_LINE)).await, refusal);
}

#[tokio::test]
async fn a_payload_has_its_limits() {
    let lab = lab::open();
    let mark = format!("echo <<{}\n", "m".repeat(65));
    assert!(lab.send("admin", &mark).await.contains("at most 64 characters"));
    let payload = format!("echo <<END\n{}END\n", format!("{}\n", "x".repeat(1023)).repeat(129));
    assert_eq!(lab.send("admin", &payload).await, "The payload is larger than 128 kB.\n\n");
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_connection_after_ten_seconds_or_what_it_asked_for() {
    let lab = lab::open();
    for (sent, answered, seconds) in
        [("", "", 10), ("show version", "", 10), ("prompt\nset timeout cli 60\n", "\n> \n> ", 60)]
    {
        let begun = Instant::now();
        assert_eq!(lab.send("admin", sent).await, answered);
        let silent = begun.elapsed();
        assert!((seconds..seconds + 3).contains(&silent.as_secs()), "{sent:?} ended after {silent:?}");
    }
}

/// Breaks when silent clients lock others out.
#[tokio::test]
async fn silent_clients_make_room() {
    let lab = lab::open();
    let mut silent = Vec::new();
    for _ in 0..crate::admin::CONNECTIONS + 8 {
        silent.push(lab.connect("admin").await);
    }
    assert_eq!(lab.ask("show cli level").await, "admin\n\n");
    assert_eq!(rest(&mut silent[0]).await, "", "it has made room");
}

/// Breaks when a running command is interrupted for a new client.
#[tokio::test]
async fn clients_whose_command_is_in_progress_make_no_room() {
    let lab = lab::open();
    let mut held = Vec::new();
    for _ in 0..crate::admin::CONNECTIONS {
        let mut stream = lab.connect("admin").await;
        stream.write_all(b"echo on;wait 1h\n").await.unwrap();
        let mut said = [0; 4];
        stream.read_exact(&mut said).await.unwrap();
        assert_eq!(said, *b"on\n\n");
        held.push(stream);
    }
    let mut late = lab.connect("admin").await;
    late.write_all(b"show cli level\n").await.unwrap();
    // One thread serves all: while it replies at another socket repeatedly, it would have replied here, too.
    for _ in 0..10 {
        assert_eq!(lab.send("user", "show cli level\n").await, "user\n\n");
        let early = late.try_read(&mut [0]).unwrap_err();
        assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock, "served beyond the limit");
    }
    held.pop();
    assert_eq!(rest(&mut late).await, "admin\n\n");
    for stream in &mut held {
        stream.shutdown().await.unwrap();
        assert_eq!(rest(stream).await, "Interrupted. (null)\n\n");
    }
}

#[tokio::test]
async fn an_address_is_a_runtime_socket_as_well() {
    let lab = lab::open();
    let place = crate::config::RuntimeSocketAddress::parse("tcp://127.0.0.1:0").unwrap();
    let config =
        crate::config::RuntimeSocket { socket: place, mode: 0, level: crate::config::Level::Operator };
    let listener = crate::admin::bind(&config).unwrap();
    let crate::admin::BoundSocket::Tcp(socket) = &listener.bound else { panic!("it is an address") };
    let address = socket.local_addr().unwrap();
    tokio::spawn(crate::admin::serve(listener, std::sync::Arc::clone(&lab.control)));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"show cli level;disable server api_nodes/api0;show sess\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (before, own) = answer.split_once("0x").unwrap();
    assert_eq!(before, "operator\n\nPermission denied\n\n");
    let peer = stream.local_addr().unwrap();
    assert!(own.contains(&format!(": proto=tcpv4 src={peer} fe=GLOBAL ")), "who asks is told: {own}");
}

/// Breaks when a page of another site can make a browser run commands, or a name can write to a terminal or a
/// log.
#[tokio::test]
async fn http_and_control_characters_are_obeyed_by_nobody() {
    let lab = lab::open();
    let order = "disable server api_nodes/api0\n";
    for head in
        ["POST /;prompt; HTTP/1.1\r\n", "prompt\nHost: 127.0.0.1:9999\r\n", "prompt i\nGET /x HTTP/1.0\n\n"]
    {
        let answer = lab.send("admin", &format!("{head}{order}")).await;
        assert!(answer.contains("does not speak HTTP"), "{head}: {answer:?}");
    }
    for line in [
        "disable server api_nodes/api0\u{7}",
        "add server api_nodes/x\u{1b}[2J 127.0.0.1:1",
        "add server api_nodes/x 127.0.0.1:1 cookie a\\\tb",
        "set dynamic-cookie-key backend api_nodes a\u{85}b",
    ] {
        assert_eq!(lab.ask(line).await, "Control characters are not permitted in commands.\n\n", "{line:?}");
    }
    let refused = "character '%' is not permitted in server name 'x%y'.\n\n";
    assert_eq!(lab.ask("add server api_nodes/x%y 127.0.0.1:1").await, refused);
    let answer = lab.ask("add server api_nodes/x 127.0.0.1:1 cookie a;b").await;
    assert!(answer.starts_with("New server registered."), "the command ends at the semicolon: {answer}");
    let answer = lab.ask("add server api_nodes/y 127.0.0.1:1 cookie a\\;b").await;
    assert!(answer.starts_with("'cookie' expects visible ASCII characters"), "{answer}");
    let server = lab.server("api_nodes", "api0");
    assert_eq!(server.admin(), crate::server::AdminState::Ready);
}

//! Heads that lead to another backend after they were written: what stays, what goes, and what is read of them.

use std::sync::Arc;

use super::*;
use crate::balance::hash;
use crate::config::{self, Balance, Config, Forwarded, HealthStart};
use crate::ids::ServerId;
use crate::server::{Queue, Server};
use crate::stick::PersistenceCookie;

const HEAD: &str = "POST /a?b HTTP/1.1\r\nHost: x\r\nCookie: u=1; SRV=c2; v=2\r\nX-Forwarded-For: 192.0.2.1\r\nCOOKIE: SRV=c1\r\n\
     Content-Length: 4\r\n\r\nbody";

/// A jar of two servers with the cookies `c1` and `c2`, of which servers see nothing; and the server of `c2`.
fn jar() -> (PersistenceCookie, ServerId) {
    let text = "[backend.be]\ncookie = { name = \"SRV\", indirect = true }\n[frontend.fe]\nbind = \"127.0.0.1:0\"\nbackend = \"be\"\n";
    let config =
        Config::parse(text, std::path::Path::new("lb.toml")).unwrap_or_else(|faults| panic!("{faults}"));
    let server = |name: &str| {
        let spec = config::ServerConfig::new(name, "127.0.0.1", 1);
        Server::new(&"be".into(), 1, &spec, HealthStart::Up, &Arc::new(Queue::default()), 1)
    };
    let servers = ["c1", "c2"].map(|cookie| (Some(Arc::from(cookie)), server(cookie)));
    let second = servers[1].1.id;
    (PersistenceCookie::new(config.backends[0].cookie.as_ref().unwrap(), servers.into_iter()), second)
}

fn towards<'a>(balance: &'a Balance, jar: Option<&'a PersistenceCookie>) -> RewriteContext<'a> {
    RewriteContext {
        forwarded: Forwarded::Off,
        balance,
        peer: b"192.0.2.1",
        jar: jar.map(|jar| (jar, 0)),
        keys: [None; 2],
    }
}

#[test]
fn what_the_backend_reads_is_read_and_the_rest_stays() {
    let header = Balance::Header("x-forwarded-for".into());
    for (balance, key) in
        [(Balance::Uri, &b"/a"[..]), (header, b"192.0.2.1"), (Balance::Source, b"192.0.2.1")]
    {
        let mut text = HEAD.as_bytes().to_vec();
        let (read, ties) = write_again(&mut text, towards(&balance, None)).unwrap();
        assert_eq!((read, ties), (hash(key), None), "{balance:?}");
        assert_eq!(str::from_utf8(&text).unwrap(), HEAD);
    }
}

#[test]
fn the_cookie_binds_and_is_taken_out_as_the_new_backend_does_it() {
    let (jar, second) = jar();
    let mut text = HEAD.as_bytes().to_vec();
    let (_, ties) = write_again(&mut text, towards(&Balance::RoundRobin, Some(&jar))).unwrap();
    assert_eq!(ties.unwrap().asked.unwrap().server, Some(second));
    let written = HEAD.replace("u=1; SRV=c2; v=2", "u=1; v=2").replace("COOKIE: SRV=c1\r\n", "");
    assert_eq!(String::from_utf8(text).unwrap(), written);
}

#[test]
fn without_a_head_nothing_is_read() {
    assert_eq!(write_again(&mut b"half of a bo".to_vec(), towards(&Balance::Uri, None)), None);
}

//! Before anything is measured: that a proxy does the same work as the others, and does it right.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};

use super::proxy::Kind;
use super::stage::{SERVERS, Stage, Started, blocking};
use crate::client::{Buffer, Client, fields};
use crate::origin;

/// How often each thing is asked for: every server gets its turn twice.
const TIMES: usize = 2 * SERVERS;

/// Checks that each server gets the fields that it should get, that answers are whole, and that connections are kept on both sides.
pub(super) async fn verify(stage: &Stage, started: &Started, sizes: &[usize]) -> anyhow::Result<()> {
    let (kind, address, sizes) = (started.kind, started.address, sizes.to_vec());
    let before = stage.opened().await?;
    blocking(move || on_one_connection(kind, address, &sizes)).await?;
    let opened = stage.opened().await? - before;
    ensure!(
        opened <= SERVERS as u64,
        "one client connection made it open {opened} connections to {SERVERS} servers: it does not keep them"
    );
    Ok(())
}

fn on_one_connection(kind: Kind, address: SocketAddr, sizes: &[usize]) -> anyhow::Result<()> {
    let mut client = Client::connect(address)?;
    let mut buffer = Buffer::default();
    for _ in 0..TIMES {
        let mut seen = Vec::new();
        let answer = client.get("/seen", &mut buffer, |piece| seen.extend_from_slice(piece))?;
        ensure!(answer.status == 200, "/seen is answered with {}", answer.status);
        let seen = String::from_utf8(seen)?;
        head(kind, address, &client.request("/seen"), &seen)
            .with_context(|| format!("what the server got:\n{seen}"))?;
    }
    for &size in sizes {
        let expected = origin::body(size);
        for _ in 0..TIMES {
            let mut body = Vec::with_capacity(size);
            let answer =
                client.get(&format!("/{size}"), &mut buffer, |piece| body.extend_from_slice(piece))?;
            ensure!(answer.status == 200, "/{size} is answered with {}", answer.status);
            ensure!(answer.length == size, "/{size} is answered with {} bytes", answer.length);
            ensure!(body == expected, "/{size} is answered with other bytes than the server's");
        }
    }
    Ok(())
}

/// Checks the head that a server got for `sent`.
fn head(kind: Kind, address: SocketAddr, sent: &str, seen: &str) -> anyhow::Result<()> {
    if kind == Kind::Relay {
        ensure!(seen == sent, "the relay has changed the head");
        return Ok(());
    }
    let host = address.to_string();
    let expected = [
        ("host", host.as_str()),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", host.as_str()),
    ];
    for (name, value) in expected {
        let got: Vec<_> = fields(seen, name).collect();
        if got != [value] {
            bail!("{name} should be {value:?} once and is {got:?}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_with_a_field_missing_doubled_or_wrong_is_refused() {
        let address: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let sent = "GET / HTTP/1.1\r\nhost: 127.0.0.1:80\r\n\r\n";
        let whole = "GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n\
                     X-Forwarded-Host: 127.0.0.1:80\r\n\r\n";
        assert!(head(Kind::Lb, address, sent, whole).is_ok());
        assert!(head(Kind::Relay, address, sent, sent).is_ok());
        assert!(head(Kind::Relay, address, sent, whole).is_err());
        assert!(head(Kind::HaProxy, address, sent, sent).is_err());
        let proto = "X-Forwarded-Proto: http\r\n";
        for other in
            ["", "X-Forwarded-Proto: https\r\n", "X-Forwarded-Proto: http\r\nX-Forwarded-Proto: http\r\n"]
        {
            assert!(head(Kind::Nginx, address, sent, &whole.replace(proto, other)).is_err(), "{other:?}");
        }
    }
}

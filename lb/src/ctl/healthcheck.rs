//! `lb healthcheck`: tells by exit code whether the balancer is ready, for images without a shell or curl.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::CommandOutcome;

/// Limit for connecting, and for the response.
const PATIENCE: Duration = Duration::from_secs(3);
/// Maximum bytes read of the response; only its first line matters.
const LONGEST_HEAD: u64 = 1024;

/// Requests `GET /readyz` from the pages at `bind`; writes what is wrong to `err`.
pub fn healthcheck(bind: SocketAddr, err: &mut dyn Write) -> CommandOutcome {
    let address = reachable(bind);
    let (outcome, problem) = match ready(address) {
        Ok(200) => return CommandOutcome::Done,
        Ok(status) => (CommandOutcome::Refused, format!("it is not ready (status {status})")),
        Err(error) => (CommandOutcome::Silent, format!("{error} (is lb running, with this [stats] bind?)")),
    };
    // If stderr is closed, the exit code remains.
    let _ = writeln!(err, "lb: http://{address}/readyz: {problem}");
    outcome
}

/// The address to connect to where `bind` is a wildcard address.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

fn ready(address: SocketAddr) -> io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    let mut limited = stream.take(LONGEST_HEAD);
    let mut chunk = [0; 256];
    while !head.contains(&b'\n') {
        match limited.read(&mut chunk)? {
            0 => break,
            read => head.extend_from_slice(&chunk[..read]),
        }
    }
    let status = String::from_utf8_lossy(&head).split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| io::Error::other("the answer is not HTTP"))
}

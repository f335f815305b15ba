//! What one end of a connection on this machine has sent and the other has not read yet, as the kernel tells it. It is of IPv4 and of Linux only.

use std::fs;
use std::net::SocketAddr;

/// Bytes that wait at `to` for whoever has the other end of `from`'s connection; nothing when there is no such connection any more.
pub(super) fn unread(from: SocketAddr, to: SocketAddr) -> Option<u64> {
    let (from, to) = (written(from), written(to));
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux tells its connections");
    // Number, own address, the other's, state, bytes to send and to read, and more.
    let mut rows = table.lines().map(|line| line.split_whitespace().skip(1));
    rows.find_map(|mut row| {
        let is_it = row.next() == Some(&to) && row.next() == Some(&from);
        let (_, queues) = (row.next()?, row.next()?);
        is_it.then(|| u64::from_str_radix(queues.split(':').nth(1)?, 16).ok())?
    })
}

/// An address as it stands there: in hexadecimal digits, the bytes of the IP in the machine's order.
fn written(address: SocketAddr) -> String {
    let SocketAddr::V4(address) = address else { panic!("{address} is not one of IPv4") };
    format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
}

//! Listening TCP sockets: opened, also beside one of our own on an overlapping address, and closed so that no connection is lost that the
//! kernel has accepted; and sockets for datagrams. It refuses to fall back: an address that cannot be bound is an error that names it.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Connections that the kernel holds for us before they are accepted.
const BACKLOG: i32 = 4096;

/// How long a handshake that has begun gets for its end before a socket closes; on one machine it takes microseconds.
const HANDSHAKE: Duration = Duration::from_millis(1);

/// Connections that are taken of a socket that closes.
const MOST: usize = 16 * 1024;

/// Binds and listens, non-blocking.
///
/// # Errors
/// The system's error, with the address and what to do about it.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    try_listen(address, false).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => "another process listens there: stop it or choose another port",
            io::ErrorKind::PermissionDenied => "ports below 1024 need the capability CAP_NET_BIND_SERVICE",
            io::ErrorKind::AddrNotAvailable => "no interface of this machine has that address",
            _ => "check the address",
        };
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error} ({hint})"))
    })
}

/// The same beside sockets of our own on overlapping addresses, as 0.0.0.0 is beside 127.0.0.1. The kernel allows that only while all of them
/// say so; they stop saying it at once, so that a second lb cannot listen there by mistake.
///
/// # Errors
/// As [`listen`]'s.
pub fn listen_beside(address: SocketAddr, others: &[&TcpListener]) -> io::Result<TcpListener> {
    let say = |yes: bool| {
        for other in others {
            // Where it fails, binding fails, and says so.
            let _ = share_port(&SockRef::from(*other), yes);
        }
    };
    say(true);
    let listener = try_listen(address, true);
    say(false);
    let Ok(listener) = listener else { return listen(address) };
    share_port(&SockRef::from(&listener), false)?;
    Ok(listener)
}

/// Closes listening sockets, whoever else still has them open. Returns the connections that the kernel has accepted for each: from now on
/// others are refused, or reach the socket that has the address next.
pub fn close(listeners: &[TcpListener]) -> Vec<Vec<(TcpStream, SocketAddr)>> {
    if listeners.is_empty() {
        return Vec::new();
    }
    listeners.iter().for_each(ignore_newcomers);
    pause();
    listeners
        .iter()
        .map(|listener| {
            let accepted = take_accepted(listener);
            // Where the system cannot do this, connections are refused as soon as the last one has closed it.
            let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Read);
            accepted
        })
        .collect()
}

/// Lets handshakes that have begun come to their end.
#[expect(clippy::disallowed_methods, reason = "nothing tells when the last handshake is at its end")]
fn pause() {
    std::thread::sleep(HANDSHAKE);
}

fn take_accepted(listener: &TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let mut accepted = Vec::new();
    // Where newcomers are not ignored they could come as fast as they are taken.
    while accepted.len() < MOST {
        match listener.accept() {
            Ok((stream, peer)) => {
                if stream.set_nonblocking(true).is_ok() {
                    accepted.push((stream, peer));
                }
            }
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {}
                _ => break,
            },
        }
    }
    accepted
}

/// A socket for datagrams to `peer`, from whatever address and port the system likes, non-blocking.
///
/// # Errors
/// The system's.
pub fn datagrams_to(peer: SocketAddr) -> io::Result<UdpSocket> {
    let socket = match peer {
        SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)),
    }?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn try_listen(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for connections of the process before it to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    if shared {
        share_port(&SockRef::from(&socket), true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(unix)]
fn share_port(socket: &SockRef<'_>, yes: bool) -> io::Result<()> {
    socket.set_reuse_port(yes)
}

#[cfg(not(unix))]
fn share_port(_socket: &SockRef<'_>, _yes: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Lets the kernel drop what opens a connection: its client says it again after a second, when another socket may have the address. Connections
/// that are being opened are not concerned, so that everything accepted so far can be taken and nothing comes after it.
#[cfg(target_os = "linux")]
fn ignore_newcomers(listener: &TcpListener) {
    use socket2::SockFilter;
    // In terms of the kernel's packet filter (BPF): of the flags of TCP, SYN is set and ACK is not.
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const SKIP_UNLESS_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const FLAGS: u32 = 13;
    let filter = [
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(AND, 0, 0, 0x12),
        SockFilter::new(SKIP_UNLESS_EQUAL, 0, 1, 0x02),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ];
    // Without it a connection that comes in the next microseconds may be reset.
    let _ = SockRef::from(listener).attach_filter(&filter);
}

#[cfg(not(target_os = "linux"))]
fn ignore_newcomers(_listener: &TcpListener) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_address_is_named_in_the_error() {
        let first = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap();
        let error = listen(address).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }

    #[test]
    fn what_the_kernel_has_accepted_is_not_lost_when_a_socket_closes() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let (address, twin) = (listener.local_addr().unwrap(), listener.try_clone().unwrap());
        let clients: Vec<_> = (0..5).map(|_| TcpStream::connect(address).unwrap()).collect();
        let accepted = close(&[listener]).remove(0);
        let (theirs, ours): (Vec<_>, Vec<_>) = (
            clients.iter().map(|client| client.local_addr().unwrap()).collect(),
            accepted.iter().map(|(_, peer)| *peer).collect(),
        );
        assert_eq!(theirs, ours);
        assert!(TcpStream::connect(address).is_err(), "refused although {twin:?} is open");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn one_listens_beside_ones_own_socket_but_nobody_else_does() {
        let narrow = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = narrow.local_addr().unwrap().port();
        let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        assert!(listen(everywhere).is_err());
        let wide = listen_beside(everywhere, &[&narrow]).unwrap();
        for other in [everywhere, narrow.local_addr().unwrap()] {
            assert!(listen(other).is_err(), "{other}");
        }
        // The narrow one gets what comes to its address, for as long as it is there.
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let accepted = close(&[narrow]).remove(0);
        assert_eq!((accepted.len(), wide.accept().is_err()), (1, true));
        drop((client, accepted));
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert_eq!(wide.accept().unwrap().1, client.local_addr().unwrap());
    }
}

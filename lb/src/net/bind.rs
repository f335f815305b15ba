//! Opens and closes sockets. Listening TCP sockets can overlap with one of this process (0.0.0.0 beside
//! 127.0.0.1), and are closed without losing a connection that the kernel has accepted. An address that cannot be
//! bound is an error that names it; there is no fallback.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Connections that the kernel queues before they are accepted.
const BACKLOG: i32 = 4096;

/// Time for TCP handshakes in progress to complete before a socket is closed. On one machine a handshake takes
/// microseconds.
const HANDSHAKE: Duration = Duration::from_millis(1);

/// Maximum number of connections accepted from a socket that is being closed.
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

/// Like [`listen`], beside sockets of this process on overlapping addresses, such as 0.0.0.0 beside 127.0.0.1.
/// The kernel allows that only while all of them have SO_REUSEPORT set. It is cleared again at once, so that a
/// second lb cannot listen there by mistake.
///
/// # Errors
/// As [`listen`].
pub fn listen_beside(address: SocketAddr, others: &[&TcpListener]) -> io::Result<TcpListener> {
    let say = |yes: bool| {
        for other in others {
            // If this fails, binding fails below and reports the error.
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

/// Closes listening sockets, even where other threads hold duplicates of them. Returns the connections that the
/// kernel had already accepted for each. Later connections are refused, or reach the next socket on that address.
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
            // Systems without this refuse connections once the last duplicate is closed.
            let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Read);
            accepted
        })
        .collect()
}

/// Waits for TCP handshakes in progress to complete.
#[expect(clippy::disallowed_methods, reason = "nothing tells when the last handshake is at its end")]
fn pause() {
    std::thread::sleep(HANDSHAKE);
}

fn take_accepted(listener: &TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let mut accepted = Vec::new();
    // Without the packet filter, new connections could arrive as fast as they are taken.
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

/// A non-blocking UDP socket connected to `peer`; the system chooses the local address and port.
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
    // Do not wait until connections of the previous process have left TIME_WAIT.
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

/// Makes the kernel drop new SYN packets: the client retransmits after a second, when another socket may have the
/// address. Handshakes in progress are not affected, so everything accepted so far can be taken and nothing
/// follows it.
#[cfg(target_os = "linux")]
fn ignore_newcomers(listener: &TcpListener) {
    use socket2::SockFilter;
    // A classic BPF program: matches TCP packets with SYN set and ACK clear.
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
    // If this fails, a connection that arrives in the next microseconds may be reset.
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
        // The more specific address gets its connections for as long as its socket exists.
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let accepted = close(&[narrow]).remove(0);
        assert_eq!((accepted.len(), wide.accept().is_err()), (1, true));
        drop((client, accepted));
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert_eq!(wide.accept().unwrap().1, client.local_addr().unwrap());
    }
}

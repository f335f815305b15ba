//! Asking name servers directly, in place of the system's resolver (HAProxy's `resolvers`): over UDP, and where an answer does not fit once
//! more over TCP (RFC 7766).
//!
//! All servers of a section are asked at once and the first good answer counts. Names are taken as they are: there are no search domains
//! and no hosts file. It refuses to remember answers.

mod message;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::names::Names;
use crate::net::bind;
use crate::topology::{Outcome, Resolvers};
use message::{Addresses, Fault, Kind};

/// Most bytes of an answer over UDP that was not asked for with extensions (RFC 1035 section 4.2.1).
const LONGEST: usize = 512;

/// Where names are looked up: in the system, or by a section of name servers.
pub(super) enum Source<N> {
    System(Arc<N>),
    Section(Arc<Resolvers>),
}

// === impl Source ===

impl<N: Names> Names for Source<N> {
    async fn addresses(&self, host: String) -> io::Result<Vec<IpAddr>> {
        match self {
            Self::System(names) => names.addresses(host).await,
            Self::Section(section) => look_up(section, &host).await,
        }
    }
}

/// All IPv4 addresses of a name, or if it has none its IPv6 ones.
async fn look_up(section: &Arc<Resolvers>, host: &str) -> io::Result<Vec<IpAddr>> {
    for kind in [Kind::A, Kind::Aaaa] {
        let found = ask(section, host, kind).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// Asks as often as it takes; an empty answer is one, too.
async fn ask(section: &Arc<Resolvers>, host: &str, kind: Kind) -> io::Result<Vec<IpAddr>> {
    let mut last = Outcome::Timeout;
    for _ in 0..section.config.attempts {
        let question = message::question(fastrand::u16(..), host, kind);
        let question: Arc<[u8]> = question
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is no name for DNS"))?
            .into();
        let mut asked = JoinSet::new();
        for (place, server) in section.config.nameservers.iter().enumerate() {
            section.count(place, Outcome::Sent);
            let (question, limit) = (Arc::clone(&question), section.config.timeout);
            let address = server.address;
            asked.spawn(async move { (place, exchange(address, &question, limit).await) });
        }
        let mut all_nx = true;
        while let Some(answer) = asked.join_next().await {
            let (place, answer) = answer.map_err(io::Error::other)?;
            match answer {
                Ok(Addresses { all, is_alias }) => {
                    section.count(place, if all.is_empty() { Outcome::AnyErr } else { Outcome::Valid });
                    if is_alias {
                        section.count(place, Outcome::Cname);
                    }
                    return Ok(all);
                }
                Err(outcome) => {
                    section.count(place, outcome);
                    all_nx &= outcome == Outcome::Nx;
                    last = outcome;
                }
            }
        }
        if all_nx {
            break;
        }
    }
    Err(io::Error::other(match last {
        Outcome::Nx => "there is no such name".to_owned(),
        Outcome::Timeout => "no name server answered in time".to_owned(),
        other => format!("the name servers of `{}` have no answer ({})", section.config.name, other.name()),
    }))
}

/// One question to one server.
async fn exchange(server: SocketAddr, question: &[u8], limit: Duration) -> Result<Addresses, Outcome> {
    let end = Instant::now() + limit;
    let received = match timeout_at(end, over_udp(server, question)).await {
        Err(_) => return Err(Outcome::Timeout),
        // Nobody listens there.
        Ok(Err(_)) => return Err(Outcome::SendError),
        Ok(Ok(received)) => received,
    };
    if received.len() > LONGEST {
        return Err(Outcome::TooBig);
    }
    let mut answer = message::answer(question, &received);
    if answer == Err(Fault::Truncated)
        && let Ok(Ok(whole)) = timeout_at(end, over_tcp(server, question)).await
    {
        answer = message::answer(question, &whole);
    }
    answer.map_err(|fault| match fault {
        Fault::Invalid => Outcome::Invalid,
        Fault::Nx => Outcome::Nx,
        Fault::Refused => Outcome::Refused,
        Fault::Other => Outcome::Other,
        Fault::Truncated => Outcome::Truncated,
        Fault::CnameError => Outcome::CnameError,
    })
}

/// An answer, or more than [`LONGEST`] bytes of one.
async fn over_udp(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let socket = UdpSocket::from_std(bind::datagrams_to(server)?)?;
    // Only what comes from there is taken.
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut answer = Vec::with_capacity(LONGEST + 1);
    socket.recv_buf(&mut answer).await?;
    Ok(answer)
}

/// An answer of any length; messages have their lengths in front (RFC 1035 section 4.2.2).
async fn over_tcp(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    // In one piece: some servers read no more than that.
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let mut answer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

//! Asking name servers directly, in place of the system's resolver (HAProxy's `resolvers`): over UDP, and where an answer does not fit once
//! more over TCP (RFC 7766).
//!
//! All servers of a section are asked at once, for IPv4 and IPv6 addresses. The first answer with addresses counts; an empty one waits for the
//! other servers. Names are taken as they are: there are no search domains and no hosts file. It refuses to remember answers.

mod message;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::names::{Families, Found, Names};
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

/// What the servers of a section said to one question, asked once.
#[derive(Debug, PartialEq, Eq)]
enum Round {
    Found(Vec<IpAddr>),
    /// There are no addresses of this kind.
    Empty,
    /// There is no such name: all servers said so, or one did and the others did not answer.
    Nx {
        by_all: bool,
    },
    Failed(Outcome),
}

// === impl Source ===

impl<N: Names> Names for Source<N> {
    async fn addresses(&self, host: String, held: Families) -> io::Result<Found> {
        match self {
            Self::System(names) => names.addresses(host, held).await,
            Self::Section(section) => look_up(section, &host, held).await,
        }
    }
}

/// All addresses of a name. Both kinds are asked for at once; where there are IPv4 addresses nobody waits for IPv6 ones, unless a server
/// has one that must be confirmed.
async fn look_up(section: &Arc<Resolvers>, host: &str, held: Families) -> io::Result<Found> {
    let v4 = ask(section, host, Kind::A);
    let v6 = ask(section, host, Kind::Aaaa);
    tokio::pin!(v4, v6);
    let (v4, v6) = tokio::select! {
        biased;
        v4 = &mut v4 => match v4 {
            Ok(addresses) if !addresses.is_empty() && !held.v6 => {
                return Ok(Found { addresses, unknown: Families { v6: true, v4: false } });
            }
            v4 => (v4, v6.await),
        },
        v6 = &mut v6 => (v4.await, v6),
    };
    merge(v4, v6).map_err(|outcome| {
        io::Error::other(match outcome {
            Outcome::Nx => "there is no such name".to_owned(),
            Outcome::Timeout => "no name server answered in time".to_owned(),
            Outcome::AnyErr => "it is no name for DNS".to_owned(),
            other => {
                format!("the name servers of `{}` have no answer ({})", section.config.name, other.name())
            }
        })
    })
}

/// One answer out of two. A kind whose question failed is unknown: addresses of it may still be good.
fn merge(v4: Result<Vec<IpAddr>, Outcome>, v6: Result<Vec<IpAddr>, Outcome>) -> Result<Found, Outcome> {
    let failed = |answer: &Result<_, Outcome>| answer.as_ref().is_err_and(|outcome| *outcome != Outcome::Nx);
    let unknown = Families { v4: failed(&v4), v6: failed(&v6) };
    let addresses: Vec<IpAddr> = [&v4, &v6].into_iter().flatten().flatten().copied().collect();
    if !addresses.is_empty() {
        return Ok(Found { addresses, unknown });
    }
    match (v4, v6) {
        (Err(outcome), _) if unknown.v4 => Err(outcome),
        (_, Err(outcome)) if unknown.v6 => Err(outcome),
        (Err(Outcome::Nx), Err(Outcome::Nx)) => Err(Outcome::Nx),
        _ => Ok(Found::default()),
    }
}

/// Asks for addresses of one kind as often as it takes. That there are none is an answer, too.
async fn ask(section: &Arc<Resolvers>, host: &str, kind: Kind) -> Result<Vec<IpAddr>, Outcome> {
    let mut last = Outcome::Timeout;
    for _ in 0..section.config.attempts {
        let question = message::question(fastrand::u16(..), host, kind).ok_or(Outcome::AnyErr)?;
        match round(section, question.into()).await {
            Round::Found(addresses) => return Ok(addresses),
            Round::Empty => return Ok(Vec::new()),
            Round::Nx { by_all: true } => return Err(Outcome::Nx),
            Round::Nx { by_all: false } => last = Outcome::Nx,
            Round::Failed(outcome) => last = outcome,
        }
    }
    Err(last)
}

/// Asks all servers. The first addresses count at once; an empty answer counts when no other server has a better one within the time limit.
async fn round(section: &Arc<Resolvers>, question: Arc<[u8]>) -> Round {
    let mut asked = JoinSet::new();
    for (place, server) in section.config.nameservers.iter().enumerate() {
        section.count(place, Outcome::Sent);
        let (question, section, address) = (Arc::clone(&question), Arc::clone(section), server.address);
        asked.spawn(async move {
            let noise = || section.count(place, Outcome::Invalid);
            (place, exchange(address, &question, section.config.timeout, noise).await)
        });
    }
    let (mut is_empty, mut nx, mut failed) = (false, false, None);
    while let Some(answer) = asked.join_next().await {
        // Only a task that panicked has no answer.
        let Ok((place, answer)) = answer else { continue };
        match answer {
            Ok(Addresses { all, is_alias }) => {
                section.count(place, if all.is_empty() { Outcome::AnyErr } else { Outcome::Valid });
                if is_alias {
                    section.count(place, Outcome::Cname);
                }
                if !all.is_empty() {
                    return Round::Found(all);
                }
                is_empty = true;
            }
            Err(outcome) => {
                section.count(place, outcome);
                match outcome {
                    // An alias without addresses of this kind.
                    Outcome::CnameError => is_empty = true,
                    Outcome::Nx => nx = true,
                    other => failed = Some(other),
                }
            }
        }
    }
    match failed {
        _ if is_empty => Round::Empty,
        failed if nx => Round::Nx { by_all: failed.is_none() },
        failed => Round::Failed(failed.unwrap_or(Outcome::Timeout)),
    }
}

/// One question to one server; `noise` is called for each datagram that is no answer to it.
async fn exchange(
    server: SocketAddr,
    question: &[u8],
    limit: Duration,
    noise: impl Fn(),
) -> Result<Addresses, Outcome> {
    let end = Instant::now() + limit;
    let received = match timeout_at(end, over_udp(server, question, noise)).await {
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

/// An answer, or more than [`LONGEST`] bytes of one. Whatever does not match the question, or comes from elsewhere, is ignored: anybody may
/// send datagrams to a port (RFC 5452 section 9.1).
async fn over_udp(server: SocketAddr, question: &[u8], noise: impl Fn()) -> io::Result<Vec<u8>> {
    let socket = UdpSocket::from_std(bind::datagrams_to(server)?)?;
    // The kernel drops what comes from elsewhere, but for what came before this call.
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut answer = Vec::with_capacity(LONGEST + 1);
    loop {
        answer.clear();
        let (_, from) = socket.recv_buf_from(&mut answer).await?;
        if (from.ip(), from.port()) == (server.ip(), server.port()) && message::is_answer(question, &answer) {
            return Ok(answer);
        }
        noise();
    }
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

#[cfg(test)]
mod tests;

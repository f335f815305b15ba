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

use super::names::{Families, LookupResult, Names};
use crate::net::bind;
use crate::topology::{QueryOutcome, Resolvers};
use message::{Addresses, DnsFault, RecordType};

/// Most bytes of an answer over UDP that was not asked for with extensions (RFC 1035 section 4.2.1).
const LONGEST: usize = 512;

/// Where names are looked up: in the system, or by a section of name servers.
pub(super) enum Resolver<N> {
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
    Failed(QueryOutcome),
}

// === impl Resolver ===

impl<N: Names> Names for Resolver<N> {
    async fn addresses(&self, host: String, held: Families) -> io::Result<LookupResult> {
        match self {
            Self::System(names) => names.addresses(host, held).await,
            Self::Section(section) => look_up(section, &host, held).await,
        }
    }
}

/// All addresses of a name. Both kinds are asked for at once; where there are IPv4 addresses nobody waits for IPv6 ones, unless a server
/// has one that must be confirmed.
async fn look_up(section: &Arc<Resolvers>, host: &str, held: Families) -> io::Result<LookupResult> {
    let v4 = ask(section, host, RecordType::A);
    let v6 = ask(section, host, RecordType::Aaaa);
    tokio::pin!(v4, v6);
    let (v4, v6) = tokio::select! {
        biased;
        v4 = &mut v4 => match v4 {
            Ok(addresses) if !addresses.is_empty() && !held.v6 => {
                return Ok(LookupResult { addresses, unknown: Families { v6: true, v4: false } });
            }
            v4 => (v4, v6.await),
        },
        v6 = &mut v6 => (v4.await, v6),
    };
    merge(v4, v6).map_err(|outcome| {
        io::Error::other(match outcome {
            QueryOutcome::Nx => "there is no such name".to_owned(),
            QueryOutcome::Timeout => "no name server answered in time".to_owned(),
            QueryOutcome::AnyErr => "it is no name for DNS".to_owned(),
            other => {
                format!("the name servers of `{}` have no answer ({})", section.config.name, other.name())
            }
        })
    })
}

/// One answer out of two. A kind whose question failed is unknown: addresses of it may still be good.
fn merge(
    v4: Result<Vec<IpAddr>, QueryOutcome>,
    v6: Result<Vec<IpAddr>, QueryOutcome>,
) -> Result<LookupResult, QueryOutcome> {
    let failed =
        |answer: &Result<_, QueryOutcome>| answer.as_ref().is_err_and(|outcome| *outcome != QueryOutcome::Nx);
    let unknown = Families { v4: failed(&v4), v6: failed(&v6) };
    let addresses: Vec<IpAddr> = [&v4, &v6].into_iter().flatten().flatten().copied().collect();
    if !addresses.is_empty() {
        return Ok(LookupResult { addresses, unknown });
    }
    match (v4, v6) {
        (Err(outcome), _) if unknown.v4 => Err(outcome),
        (_, Err(outcome)) if unknown.v6 => Err(outcome),
        (Err(QueryOutcome::Nx), Err(QueryOutcome::Nx)) => Err(QueryOutcome::Nx),
        _ => Ok(LookupResult::default()),
    }
}

/// Asks for addresses of one kind as often as it takes. That there are none is an answer, too.
async fn ask(section: &Arc<Resolvers>, host: &str, kind: RecordType) -> Result<Vec<IpAddr>, QueryOutcome> {
    let mut last = QueryOutcome::Timeout;
    for _ in 0..section.config.attempts {
        let question = message::question(fastrand::u16(..), host, kind).ok_or(QueryOutcome::AnyErr)?;
        match round(section, question.into()).await {
            Round::Found(addresses) => return Ok(addresses),
            Round::Empty => return Ok(Vec::new()),
            Round::Nx { by_all: true } => return Err(QueryOutcome::Nx),
            Round::Nx { by_all: false } => last = QueryOutcome::Nx,
            Round::Failed(outcome) => last = outcome,
        }
    }
    Err(last)
}

/// Asks all servers. The first addresses count at once; an empty answer counts when no other server has a better one within the time limit.
async fn round(section: &Arc<Resolvers>, question: Arc<[u8]>) -> Round {
    let mut asked = JoinSet::new();
    for (place, server) in section.config.nameservers.iter().enumerate() {
        section.count(place, QueryOutcome::Sent);
        let (question, section, address) = (Arc::clone(&question), Arc::clone(section), server.address);
        asked.spawn(async move {
            let noise = || section.count(place, QueryOutcome::Invalid);
            (place, exchange(address, &question, section.config.timeout, noise).await)
        });
    }
    let (mut is_empty, mut nx, mut failed) = (false, false, None);
    while let Some(answer) = asked.join_next().await {
        // Only a task that panicked has no answer.
        let Ok((place, answer)) = answer else { continue };
        match answer {
            Ok(Addresses { all, is_alias }) => {
                section.count(place, if all.is_empty() { QueryOutcome::AnyErr } else { QueryOutcome::Valid });
                if is_alias {
                    section.count(place, QueryOutcome::Cname);
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
                    QueryOutcome::CnameError => is_empty = true,
                    QueryOutcome::Nx => nx = true,
                    other => failed = Some(other),
                }
            }
        }
    }
    match failed {
        _ if is_empty => Round::Empty,
        failed if nx => Round::Nx { by_all: failed.is_none() },
        failed => Round::Failed(failed.unwrap_or(QueryOutcome::Timeout)),
    }
}

/// One question to one server; `noise` is called for each datagram that is no answer to it.
async fn exchange(
    server: SocketAddr,
    question: &[u8],
    limit: Duration,
    noise: impl Fn(),
) -> Result<Addresses, QueryOutcome> {
    let end = Instant::now() + limit;
    let received = match timeout_at(end, over_udp(server, question, noise)).await {
        Err(_) => return Err(QueryOutcome::Timeout),
        // Nobody listens there.
        Ok(Err(_)) => return Err(QueryOutcome::SendError),
        Ok(Ok(received)) => received,
    };
    if received.len() > LONGEST {
        return Err(QueryOutcome::TooBig);
    }
    let mut answer = message::answer(question, &received);
    if answer == Err(DnsFault::Truncated)
        && let Ok(Ok(whole)) = timeout_at(end, over_tcp(server, question)).await
    {
        answer = message::answer(question, &whole);
    }
    answer.map_err(|fault| match fault {
        DnsFault::Invalid => QueryOutcome::Invalid,
        DnsFault::Nx => QueryOutcome::Nx,
        DnsFault::Refused => QueryOutcome::Refused,
        DnsFault::Other => QueryOutcome::Other,
        DnsFault::Truncated => QueryOutcome::Truncated,
        DnsFault::CnameError => QueryOutcome::CnameError,
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

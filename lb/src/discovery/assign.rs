//! Distributes addresses among servers. Pure, and independent of the order of the addresses.

use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};

use super::names::LookupResult;

/// Gives each server, told as its present address and its port, one of the addresses found, of which there is at least one.
///
/// A server keeps the address it has as long as it is among them, or of an unknown family, and no server before it has the same; the others
/// get those that the fewest have, IPv4 if there is any.
pub(super) fn assign(servers: &[(Option<SocketAddr>, u16)], found: &LookupResult) -> Vec<SocketAddr> {
    let mut sorted = found.addresses.clone();
    sorted.sort();
    sorted.dedup();
    let any_v4 = sorted.iter().any(IpAddr::is_ipv4);
    let fresh: Vec<IpAddr> = sorted.iter().copied().filter(|ip| ip.is_ipv4() || !any_v4).collect();

    let mut given: Vec<Option<SocketAddr>> = Vec::with_capacity(servers.len());
    let is_good = |ip: IpAddr| sorted.contains(&ip) || found.unknown.contain(ip);
    for (present, port) in servers {
        let stays =
            present.filter(|at| at.port() == *port && is_good(at.ip()) && !given.contains(&Some(*at)));
        given.push(stays);
    }
    for (index, (present, port)) in servers.iter().enumerate() {
        if given[index].is_none() {
            let uses = |at: SocketAddr| given.iter().filter(|other| **other == Some(at)).count();
            given[index] = fresh
                .iter()
                .map(|ip| SocketAddr::new(*ip, *port))
                .min_by_key(|at| (uses(*at), Reverse(*present == Some(*at))));
        }
    }
    given.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::super::names::Families;
    use super::*;

    /// Servers as `ADDRESS?:PORT`, answers and outcome as addresses; ` unknown v4` or ` unknown v6` may follow the answers.
    fn check(servers: &str, answers: &str, outcome: &str) {
        let servers: Vec<_> = servers
            .split(' ')
            .map(|server| match server.strip_prefix(':') {
                Some(port) => (None, port.parse().unwrap()),
                None => {
                    let at: SocketAddr = server.parse().unwrap();
                    (Some(at), at.port())
                }
            })
            .collect();
        let (answers, unknown) = match answers.split_once(" unknown ") {
            Some((answers, family)) => (answers, Families { v4: family == "v4", v6: family == "v6" }),
            None => (answers, Families::default()),
        };
        let addresses = answers.split(' ').map(|ip| ip.parse().unwrap()).collect();
        let mut answers = LookupResult { addresses, unknown };
        let outcome: Vec<SocketAddr> = outcome.split(' ').map(|at| at.parse().unwrap()).collect();
        assert_eq!(assign(&servers, &answers), outcome, "{servers:?} out of {answers:?}");
        answers.addresses.reverse();
        assert_eq!(assign(&servers, &answers), outcome, "the order of answers means nothing");
        let settled: Vec<_> = outcome.iter().map(|at| (Some(*at), at.port())).collect();
        assert_eq!(assign(&settled, &answers), outcome, "the same answers change nothing");
    }

    #[test]
    fn servers_keep_what_they_have_and_share_only_when_they_must() {
        check(":4", "10.0.0.2 10.0.0.1", "10.0.0.1:4");
        check("10.0.0.2:4", "10.0.0.1 10.0.0.2", "10.0.0.2:4");
        check("10.0.0.3:4", "10.0.0.1 10.0.0.2", "10.0.0.1:4");
        check(":4 :4", "10.0.0.1 10.0.0.2", "10.0.0.1:4 10.0.0.2:4");
        check(":4 10.0.0.1:4", "10.0.0.1 10.0.0.2", "10.0.0.2:4 10.0.0.1:4");
        check("10.0.0.1:4 10.0.0.1:4", "10.0.0.1 10.0.0.2", "10.0.0.1:4 10.0.0.2:4");
        check("10.0.0.1:4 10.0.0.1:4", "10.0.0.1", "10.0.0.1:4 10.0.0.1:4");
        check(":4 :4 10.0.0.2:4", "10.0.0.1 10.0.0.2", "10.0.0.1:4 10.0.0.1:4 10.0.0.2:4");
        check("10.0.0.1:4 10.0.0.2:4 10.0.0.2:4", "10.0.0.1 10.0.0.2", "10.0.0.1:4 10.0.0.2:4 10.0.0.2:4");
    }

    #[test]
    fn ports_tell_servers_apart_as_well() {
        check(":4 :5", "127.0.0.1", "127.0.0.1:4 127.0.0.1:5");
        check("10.0.0.1:4 :5", "10.0.0.1 10.0.0.2", "10.0.0.1:4 10.0.0.1:5");
    }

    #[test]
    fn ipv4_comes_first_but_moves_nobody() {
        check(":4 :4", "::1 127.0.0.1", "127.0.0.1:4 127.0.0.1:4");
        check(":4", "fd00::2 fd00::1", "[fd00::1]:4");
        check("[fd00::1]:4", "fd00::1 10.0.0.1", "[fd00::1]:4");
    }

    #[test]
    fn an_address_of_an_unknown_family_stays() {
        check("10.0.0.1:4", "fd00::1 unknown v4", "10.0.0.1:4");
        check("10.0.0.1:4 :4", "fd00::1 unknown v4", "10.0.0.1:4 [fd00::1]:4");
        check("[fd00::9]:4", "10.0.0.1 unknown v6", "[fd00::9]:4");
        check("[fd00::9]:4", "10.0.0.1 unknown v4", "10.0.0.1:4");
        check("10.0.0.1:4 10.0.0.1:4", "fd00::1 unknown v4", "10.0.0.1:4 [fd00::1]:4");
    }
}

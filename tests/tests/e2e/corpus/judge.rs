//! Whether what both ends saw is what a case allows.
//!
//! In addition to what the case says, a few things always hold: servers are spoken to in strict HTTP/1.1 with one Host and without the
//! fields of the client's connection, and a connection on which something was odd carries no further request.

use ::tests::strict::{self, Field, Message};

use super::case::{Case, End, Outcome, Sight};
use super::escape::shown;
use super::run::Heard;
use super::script::{Connection, PROBED, Seen, is_probe};

/// What is wrong with it.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It can still become right: something has to be closed.
    Yet(String),
    ForEver(String),
}

/// Holds what was seen against each outcome that the case allows.
pub(super) fn verdict(case: &Case, heard: &Heard, seen: &Seen) -> Result<(), Wrong> {
    let mut wrongs = Vec::new();
    let mut yet = false;
    for outcome in &case.outcomes {
        match one(outcome, case, heard, seen) {
            Ok(()) => return Ok(()),
            Err(Wrong::Yet(fault)) => {
                yet = true;
                wrongs.push(format!("not {outcome:?} since {fault}"));
            }
            Err(Wrong::ForEver(fault)) => wrongs.push(format!("not {outcome:?} since {fault}")),
        }
    }
    let wrongs = wrongs.join("; ");
    Err(if yet { Wrong::Yet(wrongs) } else { Wrong::ForEver(wrongs) })
}

fn one(outcome: &Outcome, case: &Case, heard: &Heard, seen: &Seen) -> Result<(), Wrong> {
    match outcome {
        Outcome::Refused(statuses) => {
            turned_away(statuses, heard)?;
            let fresh = seen.asked(b"/fresh");
            let strange = |(number, connection): (usize, &Connection)| {
                !connection.bytes.is_empty() && !fresh.contains(&number)
            };
            if seen.connections.iter().enumerate().any(strange) || seen.requests.len() != fresh.len() {
                return wrong("something reached the server");
            }
            faultless(seen)
        }
        Outcome::Stopped(statuses) => {
            turned_away(statuses, heard)?;
            if seen.of_case().next().is_some() {
                return wrong("the server takes it for a whole request");
            }
            if seen.requests.len() != 1 {
                return wrong("what stands behind it reached the server");
            }
            abandoned(seen)
        }
        Outcome::Passed => passed(case, heard, seen),
        Outcome::Gives(statuses) => {
            let answers: Vec<_> = own(heard).iter().filter(|answer| !is_interim(answer)).collect();
            let [answer] = answers[..] else { return wrong(format!("{} answers", answers.len())) };
            if !statuses.contains(&answer.status()) {
                return wrong(format!("status {}", answer.status()));
            }
            whole(heard, End::Either)?;
            asked_once(seen)?;
            abandoned(seen)
        }
        Outcome::Cut => {
            if !heard.ended || !heard.answers.is_empty() {
                return wrong("it looks whole");
            }
            if heard.fault.is_some() || !heard.rest.starts_with(b"HTTP/1.") {
                return wrong("it is no beginning of an answer");
            }
            asked_once(seen)?;
            if !seen.asked(b"/probe").is_empty() {
                return wrong("what stands behind it reached the server");
            }
            abandoned(seen)
        }
    }
}

fn wrong<T>(fault: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong::ForEver(fault.into()))
}

/// One answer of `lb`'s own, or none, and then the end.
fn turned_away(statuses: &[u16], heard: &Heard) -> Result<(), Wrong> {
    if !heard.ended {
        return wrong("the connection stays");
    }
    if heard.fault.is_some() || !heard.rest.is_empty() {
        return wrong(format!("{} is no answer: {:?}", shown(&heard.rest), heard.fault));
    }
    let status = match &heard.answers[..] {
        [] => 0,
        [answer] => answer.status(),
        more => return wrong(format!("{} answers", more.len())),
    };
    if !statuses.contains(&status) {
        return wrong(format!("status {status}"));
    }
    let says_so = |answer: &Message| answer.words(b"connection").contains(&b"close".to_vec());
    if !heard.answers.iter().all(says_so) {
        return wrong("no Connection: close");
    }
    Ok(())
}

/// Nothing of the case's connections is used again, and they are closed.
fn abandoned(seen: &Seen) -> Result<(), Wrong> {
    let others: Vec<_> =
        seen.requests.iter().filter(|(_, request)| is_probe(request)).map(|(on, _)| *on).collect();
    let cases: Vec<_> = seen.of_case().map(|(on, _)| *on).collect();
    if cases.iter().any(|on| others.contains(on)) {
        return wrong("the connection to the server is used again");
    }
    let open = |(number, connection): (usize, &Connection)| {
        !connection.closed && !others.contains(&number) && !connection.bytes.is_empty()
    };
    if seen.connections.iter().enumerate().any(open) {
        return Err(Wrong::Yet("the connection to the server stays open".to_owned()));
    }
    faultless(seen)
}

fn asked_once(seen: &Seen) -> Result<(), Wrong> {
    match seen.of_case().count() {
        1 => Ok(()),
        count => wrong(format!("the server was asked {count} times")),
    }
}

fn faultless(seen: &Seen) -> Result<(), Wrong> {
    if let Some(fault) = seen.connections.iter().find_map(|connection| connection.fault.as_ref()) {
        return wrong(format!("the server got what is no request: {fault}"));
    }
    // A part of a request may only stand on a connection that carries nothing else of anybody.
    let probed = seen.requests.iter().filter(|(_, request)| is_probe(request));
    for (number, _) in probed {
        let mut rest = &seen.connections[*number].bytes[..];
        while let Ok(Some((_, used))) = strict::request(rest) {
            rest = &rest[used..];
        }
        if !rest.is_empty() {
            return wrong(format!("the server got a part of a request behind others: {}", shown(rest)));
        }
    }
    Ok(())
}

/// The answers without the probe's.
fn own(heard: &Heard) -> &[Message] {
    match &heard.answers[..] {
        [own @ .., last] if last.body == PROBED.as_bytes() => own,
        all => all,
    }
}

fn is_interim(answer: &Message) -> bool {
    answer.status() < 200 && answer.status() != 101
}

/// Whether nothing but answers came, and the connection is as it should be behind them.
fn whole(heard: &Heard, end: End) -> Result<(), Wrong> {
    if heard.fault.is_some() || !heard.rest.is_empty() {
        return wrong(format!("{} is no whole answer: {:?}", shown(&heard.rest), heard.fault));
    }
    let probed = own(heard).len() != heard.answers.len();
    match end {
        End::Stays if !probed && heard.ended => wrong("the connection does not stay"),
        End::Closes if probed || !heard.ended => wrong("the connection stays"),
        _ => Ok(()),
    }
}

fn passed(case: &Case, heard: &Heard, seen: &Seen) -> Result<(), Wrong> {
    faultless(seen)?;
    let expected = &case.passed;
    // A client that has said its last word is answered and let go.
    let end = if case.finishes { End::Closes } else { expected.client_end };
    let answers = own(heard);
    if answers.len() != expected.answers.len() {
        return wrong(format!("{} answers", answers.len()));
    }
    whole(heard, end)?;
    if end == End::Stays && !case.alone && answers.len() == heard.answers.len() {
        return wrong("the request behind it was not answered");
    }
    let requests: Vec<_> = seen.of_case().collect();
    if requests.len() != expected.requests.len() {
        return wrong(format!("the server was asked {} times", requests.len()));
    }
    for (sight, answer) in expected.answers.iter().zip(answers) {
        look(sight, answer)
            .map_err(|fault| Wrong::ForEver(format!("the client got another answer: {fault}")))?;
        if answer.values(b"keep-alive").next().is_some()
            || answer.values(b"proxy-connection").next().is_some()
        {
            return wrong("the client got fields of the server's connection");
        }
    }
    for (sight, (_, request)) in expected.requests.iter().zip(&requests) {
        look(sight, request)
            .and_then(|()| clean(request))
            .map_err(|fault| Wrong::ForEver(format!("the server got another request: {fault}")))?;
    }
    let connections = seen.connections.iter().filter(|connection| !connection.bytes.is_empty()).count();
    match expected.server_end {
        End::Closes => abandoned(seen),
        End::Stays if connections != 1 => wrong(format!("{connections} connections to the server")),
        End::Stays | End::Either => Ok(()),
    }
}

/// What holds of every request to a server.
fn clean(request: &Message) -> Result<(), String> {
    if !request.line.ends_with(b" HTTP/1.1") {
        return Err("not HTTP/1.1".to_owned());
    }
    if request.values(b"host").count() != 1 {
        return Err("not one Host".to_owned());
    }
    for name in ["keep-alive", "proxy-connection", "http2-settings"] {
        if request.values(name.as_bytes()).next().is_some() {
            return Err(format!("{name} is for lb only"));
        }
    }
    if request.words(b"te").iter().any(|coding| coding != b"trailers") {
        return Err("TE is for lb only".to_owned());
    }
    let known: [&[u8]; 3] = [b"te", b"upgrade", b"keep-alive"];
    if request.words(b"connection").iter().any(|option| !known.contains(&&option[..])) {
        return Err("Connection names fields that lb does not know".to_owned());
    }
    Ok(())
}

fn look(sight: &Sight, message: &Message) -> Result<(), String> {
    if let Some(line) = sight.line.as_ref().filter(|line| **line != message.line) {
        return Err(format!("its line is not {}", shown(line)));
    }
    if let Some(status) = sight.status.filter(|status| *status != message.status()) {
        return Err(format!("its status is not {status}"));
    }
    for (name, _) in &sight.has {
        let wanted: Vec<&[u8]> =
            sight.has.iter().filter(|(other, _)| other == name).map(|(_, value)| &value[..]).collect();
        if message.values(name).collect::<Vec<_>>() != wanted {
            return Err(format!(
                "{} is not {:?}",
                shown(name),
                wanted.iter().map(|value| shown(value)).collect::<Vec<_>>()
            ));
        }
    }
    let written: Vec<_> = message.fields.iter().filter(|field| sight.writes.contains(field)).collect();
    if written != sight.writes.iter().collect::<Vec<_>>() {
        return Err("fields are not written as they were".to_owned());
    }
    if let Some(name) = sight.lacks.iter().find(|name| message.values(name).next().is_some()) {
        return Err(format!("it has {}", shown(name)));
    }
    if let Some(framing) = sight.framing.filter(|framing| *framing != message.framing) {
        return Err(format!("its framing is {:?} and not {framing:?}", message.framing));
    }
    let body = sight.body.as_deref().unwrap_or_default();
    if body != message.body && !sight.any_body {
        return Err(format!("its body is not {}", shown(body)));
    }
    let same = |seen: &Field, wanted: &Field| seen.0.eq_ignore_ascii_case(&wanted.0) && seen.1 == wanted.1;
    let mut pairs = message.trailers.iter().zip(&sight.trailers);
    if message.trailers.len() != sight.trailers.len() || !pairs.all(|(seen, wanted)| same(seen, wanted)) {
        return Err("its trailers are others".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;

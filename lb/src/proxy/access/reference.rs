//! The fields of the access log and the termination letters, as the manual lists them.

/// A field of the access log.
#[derive(Debug)]
pub struct LogField {
    /// Its key in the JSON record.
    pub json: &'static str,
    /// Its name in HAProxy's log-format strings; empty when the httplog line does not have it.
    pub http: &'static str,
    /// What it means, with its unit.
    pub about: &'static str,
}

/// What a termination code means.
#[derive(Debug)]
pub struct TerminationReference {
    /// HAProxy's two letters.
    pub code: &'static str,
    /// The status of a response that `lb` makes itself; 0 when there is none, or the server's was sent.
    pub status: u16,
    /// What happened.
    pub about: &'static str,
}

const fn field(json: &'static str, http: &'static str, about: &'static str) -> LogField {
    LogField { json, http, about }
}

const fn end(code: &'static str, status: u16, about: &'static str) -> TerminationReference {
    TerminationReference { code, status, about }
}

/// All fields, in the order of the JSON record.
#[rustfmt::skip]
pub const FIELDS: &[LogField] = &[
    field("time", "%tr", "Arrival of the first byte of the request; Unix seconds in JSON, local time in httplog"),
    field("client", "%ci:%cp", "Address and port of the client"),
    field("frontend", "%ft", "Name of the frontend"),
    field("backend", "%b", "Name of the backend; `null` (httplog: the frontend's name) when none was chosen"),
    field("server", "%s", "Name of the server; `null` (httplog: `<NOSRV>`) when none was chosen"),
    field("method", "%HM", "Method; `<BADREQ>` when the head could not be read"),
    field("uri", "%HU", "Request target as the client sent it"),
    field("version", "%HV", "HTTP version of the client; empty when the head could not be read"),
    field("status", "%ST", "Status of the response; `null` (httplog: -1) when none was sent"),
    field("bytes_in", "", "Bytes received from the client, head included"),
    field("bytes_out", "%B", "Bytes sent to the client, head included"),
    field("request_ms", "%TR", "Milliseconds until the head was complete, -1 when it never was"),
    field("queue_ms", "%Tw", "Milliseconds in the queue, -1 when it did not get so far"),
    field("connect_ms", "%Tc", "Milliseconds to connect to the server, 0 on an idle connection, -1 when it did not get so far"),
    field("response_ms", "%Tr", "Milliseconds until the response's head was complete, -1 when it did not get so far"),
    field("total_ms", "%Ta", "Milliseconds from the first byte of the request to the last byte of the response"),
    field("retries", "%rc", "Attempts after the first"),
    field("redispatched", "", "Whether another server than the first got the request (httplog: `+` in front of the retries)"),
    field("termination", "%ts", "The two letters below"),
    field("cookie", "", "The two letters about the persistence cookie (httplog: letters 3 and 4 of the termination state); missing when there is nothing to tell"),
    field("actconn", "%ac", "Client connections of the process at the end of the exchange"),
    field("feconn", "%fc", "Client connections of the frontend"),
    field("beconn", "%bc", "Other exchanges of the backend"),
    field("in_flight", "%sc", "Other exchanges on the server; `null` without a server"),
    field("queue_position", "%bq", "Requests that were ahead of it in the queue; httplog has 0 for the server's queue in front"),
    field("waiting", "", "Requests that wait in the backend's queue; `null` without a backend"),
    field("captured_request", "%hr", "Fields of `capture_request` by name; missing when none is configured"),
    field("captured_response", "%hs", "Fields of `capture_response` by name; missing when none is configured"),
    field("captured_request_cookie", "%CC", "The cookie of `capture_cookie` in the request; missing without one (httplog: `-`)"),
    field("captured_response_cookie", "%CS", "The cookie of `capture_cookie` in the response; missing without one (httplog: `-`)"),
];

/// All codes of an exchange, by who ended it.
#[rustfmt::skip]
pub const TERMINATIONS: &[TerminationReference] = &[
    end("--", 0, "Normal end"),
    end("CR", 0, "The client closed the connection before its request head was complete"),
    end("CQ", 0, "The client closed the connection while the request waited in the queue"),
    end("CC", 0, "The client closed the connection while `lb` connected to a server"),
    end("CH", 400, "The client closed the connection before the response's head"),
    end("CD", 0, "The client closed the connection during the transfer"),
    end("cR", 0, "The request head was not complete within `timeout.http_request`"),
    end("cQ", 0, "The client was silent for too long while the request waited in the queue"),
    end("cC", 0, "The client was silent for too long while `lb` connected to a server"),
    end("cH", 0, "The client was silent for `timeout.client` before the response's head"),
    end("cD", 0, "The client took or sent nothing for `timeout.client` during the transfer"),
    end("PR", 400, "`lb` or a rule of the configuration (`deny`) rejected the request; the status may also be another 4xx or 5xx that says why"),
    end("LR", 0, "A rule of the configuration responded in a server's place (`return`, `redirect`)"),
    end("PH", 502, "The server's response is not valid HTTP, or (400) the client's body is faulty or was broken off"),
    end("SC", 503, "No usable server, or no connection could be made"),
    end("sQ", 503, "No server had room within `timeout.queue`"),
    end("sC", 503, "No connection within `timeout.connect`"),
    end("SH", 502, "The server closed the connection before its response's head was complete"),
    end("sH", 504, "The server did not respond within `timeout.server`"),
    end("SD", 0, "The server closed the connection during the transfer"),
    end("sD", 0, "The server sent nothing for `timeout.server` during the transfer"),
    end("DH", 502, "A health check found the server down before it responded"),
    end("KH", 502, "Ended by the operator before the response's head"),
    end("KR", 0, "Ended by the operator while the request was read"),
    end("KQ", 0, "Ended by the operator in the queue"),
    end("KC", 0, "Ended by the operator while `lb` connected to a server"),
    end("KD", 0, "Ended by the operator during the transfer"),
    end("IR", 0, "A fault inside `lb` while the request was read; please report it"),
    end("IQ", 0, "A fault inside `lb` in the queue; please report it"),
    end("IC", 0, "A fault inside `lb` while it connected to a server; please report it"),
    end("IH", 0, "A fault inside `lb` before the response's head; please report it"),
    end("ID", 0, "A fault inside `lb` during the transfer; please report it"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use http::StatusCode;

    use super::*;
    use crate::net::Ended;
    use crate::net::deadlines::WaitKind;
    use crate::proxy::error::{ExchangePhase, ProxyError, Termination};
    use crate::rules::Wanted;

    #[test]
    fn every_key_of_the_json_record_is_listed() {
        let source = include_str!("../access.rs");
        let mut written: BTreeSet<_> = source
            .split(",\\\"")
            .skip(1)
            .filter_map(|rest| rest.split_once("\\\":"))
            .map(|(key, _)| key)
            .filter(|key| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
            .collect();
        // The record begins with this one.
        written.insert("time");
        let listed: BTreeSet<_> = FIELDS.iter().map(|field| field.json).collect();
        assert_eq!(written, listed);
    }

    #[test]
    fn every_termination_is_listed_with_its_status() {
        use ProxyError as E;
        let refused = StatusCode::NOT_IMPLEMENTED;
        let errors = [
            E::BadRequest(""),
            E::Refused(refused, ""),
            E::ClientBroke,
            E::ClientGone,
            E::NoServer,
            E::QueueTimeout,
            E::Connect,
            E::ConnectTimeout,
            E::ServerBroke,
            E::BadResponse,
            E::ServerTimeout,
            E::ServerDown,
            E::Killed,
        ];
        let mut codes: BTreeSet<String> =
            [Termination::NORMAL].iter().map(|end| end.as_str().to_owned()).collect();
        for error in errors {
            let code = error.termination();
            let listed = TERMINATIONS.iter().find(|end| end.code == code.as_str());
            let status = listed.map(|end| end.status);
            // Two codes have several statuses, which their texts tell.
            let several = matches!(error, E::Refused(..) | E::ClientBroke);
            assert!(several || status == Some(error.status().as_u16()), "{error:?}: {code:?}, {status:?}");
            codes.insert(code.as_str().to_owned());
        }
        let phases = [
            ExchangePhase::Request,
            ExchangePhase::Queue,
            ExchangePhase::Connect,
            ExchangePhase::Head,
            ExchangePhase::Data,
        ];
        let ends = [None, Some(Ended::Overdue(WaitKind::Bytes)), Some(Ended::Killed)];
        for ended in ends {
            codes.insert(Termination::server_broke(ended).as_str().to_owned());
            codes.extend(phases.map(|phase| Termination::dropped(ended, phase).as_str().to_owned()));
        }
        codes.extend(
            [Wanted::Rejected, Wanted::Served].map(|wanted| Termination::ruled(wanted).as_str().to_owned()),
        );
        codes.extend(phases.map(|phase| Termination::internal(phase).as_str().to_owned()));
        codes.extend([true, false].map(|late| Termination::unread(late).as_str().to_owned()));
        let listed: BTreeSet<_> = TERMINATIONS.iter().map(|end| end.code.to_owned()).collect();
        assert_eq!(codes, listed);
    }
}

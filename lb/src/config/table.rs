//! Stick tables and what fills them, as configured.
//!
//! Values only: what they do is decided where requests are served.

use std::time::Duration;

/// A stick table (HAProxy manual, configuration, `stick-table`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableConfig {
    /// What its keys are.
    pub keys: KeyType,
    /// Most letters of a key that is text; longer ones are cut off.
    pub length: usize,
    /// Most entries; the oldest goes when another one comes.
    pub size: usize,
    /// How long an entry stays that nobody uses; for ever when there is none.
    pub expire: Option<Duration>,
    /// What is stored with each key, in HAProxy's order, each kind once.
    pub store: Vec<Stored>,
}

/// What the keys of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// IPv4 addresses.
    Ip,
    /// IPv6 addresses, and IPv4 addresses in their form.
    Ipv6,
    /// Whole numbers of 32 bits.
    Integer,
    /// Text.
    String,
}

/// Something that is stored with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stored {
    /// What.
    pub kind: Datum,
    /// The span of a rate; zero for everything else.
    pub period: Duration,
}

/// Where a key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// The client's address.
    Src,
    /// A header field of the request, lower-case name.
    Header(String),
    /// A cookie of the request.
    Cookie(String),
}

/// What a key is looked up or written down in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedBy {
    /// Where the key comes from.
    pub on: KeySource,
    /// The backend whose table it is.
    pub table: String,
}

macro_rules! data {
    ($($datum:ident = $name:literal, $about:literal;)+) => {
        /// What can be stored with a key, in HAProxy's order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Datum { $(#[doc = $about] $datum),+ }

        impl Datum {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$datum),+];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$datum => $name),+ }
            }
        }
    };
}

data! {
    ServerId = "server_id", "The number of the server that a key is bound to.";
    Gpt0 = "gpt0", "A tag of the operator's.";
    Gpc0 = "gpc0", "A counter of the operator's.";
    Gpc0Rate = "gpc0_rate", "How fast it grows.";
    ConnCnt = "conn_cnt", "Requests that were tracked.";
    ConnRate = "conn_rate", "How many of them lately.";
    ConnCur = "conn_cur", "How many of them are in flight.";
    SessCnt = "sess_cnt", "Client connections that were tracked.";
    SessRate = "sess_rate", "How many of them lately.";
    HttpReqCnt = "http_req_cnt", "Requests.";
    HttpReqRate = "http_req_rate", "How many of them lately.";
    HttpErrCnt = "http_err_cnt", "Requests that the client is to blame for: faulty ones, and those answered 4xx.";
    HttpErrRate = "http_err_rate", "How many of them lately.";
    BytesInCnt = "bytes_in_cnt", "Bytes from clients.";
    BytesInRate = "bytes_in_rate", "How many of them lately.";
    BytesOutCnt = "bytes_out_cnt", "Bytes to clients.";
    BytesOutRate = "bytes_out_rate", "How many of them lately.";
    Gpc1 = "gpc1", "Another counter of the operator's.";
    Gpc1Rate = "gpc1_rate", "How fast it grows.";
    ServerKey = "server_key", "The name of the server that a key is bound to.";
    HttpFailCnt = "http_fail_cnt", "Requests that a server is to blame for: those answered 5xx.";
    HttpFailRate = "http_fail_rate", "How many of them lately.";
}

// === impl TableConfig ===

impl TableConfig {
    /// Puts what is stored in HAProxy's order, each kind once.
    pub(super) fn arrange(&mut self) {
        self.store.sort_by_key(|stored| stored.kind);
        self.store.dedup_by_key(|stored| stored.kind);
    }
}

// === impl Datum ===

impl Datum {
    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|datum| datum.name() == name)
    }

    /// Whether it is counted over a span of time.
    pub fn is_rate(self) -> bool {
        self.name().ends_with("_rate")
    }
}

// === impl KeyType ===

impl KeyType {
    /// HAProxy's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Ipv6 => "ipv6",
            Self::Integer => "integer",
            Self::String => "string",
        }
    }
}

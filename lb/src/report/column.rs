//! The columns of `show stat`: number, name, type and tags of each, in HAProxy 3.4's order (HAProxy manual, management, section 9.1).
//!
//! One table, read by every rendering. It refuses to know values; the number that a column has here is protocol and never changes.

mod about;

/// What a row is about (the `type` column).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// A frontend.
    Frontend = 0,
    /// A backend.
    Backend = 1,
    /// A server.
    Server = 2,
    /// An address of a frontend.
    Listener = 3,
}

/// The type of a column's values, as typed output names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 64 bits.
    U64,
    /// Signed, 32 bits.
    S32,
    /// Text.
    Str,
}

/// What is fixed about a column.
#[derive(Debug)]
pub struct Meta {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Type,
    /// Origin, nature, scope and persistence, a letter each, by `Kind` (HAProxy manual, management, `show stat typed`).
    tags: &'static str,
    /// The letters of the rows that have a number here even when lb has nothing to count: a zero then.
    zero: &'static str,
}

macro_rules! columns {
    ($($column:ident = $name:literal, $tags:literal, $kind:ident, $zero:literal;)+) => {
        /// A column, by its number.
        #[expect(missing_docs, reason = "HAProxy's manual says what each is")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum StatColumn { $($column),+ }

        impl StatColumn {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$column),+];

            const METAS: &[Meta] = &[$(Meta { name: $name, kind: Type::$kind, tags: $tags, zero: $zero }),+];
        }
    };
}

columns! {
    Pxname = "pxname", "KNSV", Str, "";
    Svname = "svname", "KNSV", Str, "";
    Qcur = "qcur", "MGPV", U32, "SB";
    Qmax = "qmax", "MMPV", U32, "SB";
    Scur = "scur", "MGPV", U32, "FLSB";
    Smax = "smax", "MMPV", U32, "FLSB";
    Slim = "slim", "CLPV", U32, "L";
    Stot = "stot", "MCPP", U64, "FLSB";
    Bin = "bin", "MCPP", U64, "FLSB";
    Bout = "bout", "MCPP", U64, "FLSB";
    Dreq = "dreq", "MCPP", U64, "FLB";
    Dresp = "dresp", "MCPP", U64, "FLSB";
    Ereq = "ereq", "MCPP", U64, "FL";
    Econ = "econ", "MCPP", U64, "SB";
    Eresp = "eresp", "MCPP", U64, "SB";
    Wretr = "wretr", "MCPP", U64, "SB";
    Wredis = "wredis", "MCPP", U64, "SB";
    Status = "status", "SGPV", Str, "";
    Weight = "weight", "MaPV", U32, "";
    Act = "act", "SGPV", U32, "";
    Bck = "bck", "SGPV", U32, "";
    Chkfail = "chkfail", "MCPP", U64, "";
    Chkdown = "chkdown", "MCPP", U64, "";
    Lastchg = "lastchg", "MAPP", U32, "";
    Downtime = "downtime", "MCPV", U32, "";
    Qlimit = "qlimit", "CGSV", U32, "";
    Pid = "pid", "KGPV", U32, "";
    Iid = "iid", "KGSV", U32, "";
    Sid = "sid", "KGSV", U32, "";
    Throttle = "throttle", "MaPV", U32, "";
    Lbtot = "lbtot", "MCPP", U64, "SB";
    Tracked = "tracked", "CNSV", Str, "";
    Type = "type", "CGSV", U32, "";
    Rate = "rate", "MRPP", U32, "FSB";
    RateLim = "rate_lim", "CLPV", U32, "F";
    RateMax = "rate_max", "MMPV", U32, "FSB";
    CheckStatus = "check_status", "MOPV", Str, "";
    CheckCode = "check_code", "MOPV", U32, "";
    CheckDuration = "check_duration", "MDPV", U64, "";
    Hrsp1xx = "hrsp_1xx", "MCPP", U64, "FSB";
    Hrsp2xx = "hrsp_2xx", "MCPP", U64, "FSB";
    Hrsp3xx = "hrsp_3xx", "MCPP", U64, "FSB";
    Hrsp4xx = "hrsp_4xx", "MCPP", U64, "FSB";
    Hrsp5xx = "hrsp_5xx", "MCPP", U64, "FSB";
    HrspOther = "hrsp_other", "MCPP", U64, "FSB";
    Hanafail = "hanafail", "MCPP", U64, "";
    ReqRate = "req_rate", "MRPP", U32, "F";
    ReqRateMax = "req_rate_max", "MMPV", U32, "F";
    ReqTot = "req_tot", "MCPP", U64, "FSB";
    CliAbrt = "cli_abrt", "MCPP", U64, "SB";
    SrvAbrt = "srv_abrt", "MCPP", U64, "SB";
    CompIn = "comp_in", "MCPP", U64, "FB";
    CompOut = "comp_out", "MCPP", U64, "FB";
    CompByp = "comp_byp", "MCPP", U64, "FB";
    CompRsp = "comp_rsp", "MCPP", U64, "FB";
    Lastsess = "lastsess", "MAPP", S32, "";
    LastChk = "last_chk", "MOPV", Str, "";
    LastAgt = "last_agt", "MOPV", Str, "";
    Qtime = "qtime", "MaPV", U32, "SB";
    Ctime = "ctime", "MaPV", U32, "SB";
    Rtime = "rtime", "MaPV", U32, "SB";
    Ttime = "ttime", "MaPV", U32, "SB";
    AgentStatus = "agent_status", "MOPV", Str, "";
    AgentCode = "agent_code", "MOPV", U32, "";
    AgentDuration = "agent_duration", "MDPV", U64, "";
    CheckDesc = "check_desc", "MOPV", Str, "";
    AgentDesc = "agent_desc", "MOPV", Str, "";
    CheckRise = "check_rise", "CGSV", U32, "";
    CheckFall = "check_fall", "CGSV", U32, "";
    CheckHealth = "check_health", "CGSV", U32, "";
    AgentRise = "agent_rise", "CGSV", U32, "";
    AgentFall = "agent_fall", "CGSV", U32, "";
    AgentHealth = "agent_health", "CGSV", U32, "";
    Addr = "addr", "CGSV", Str, "";
    Cookie = "cookie", "CNSV", Str, "";
    Mode = "mode", "CGSV", Str, "";
    Algo = "algo", "CGSV", Str, "";
    ConnRate = "conn_rate", "MRPP", U32, "F";
    ConnRateMax = "conn_rate_max", "MMPV", U32, "F";
    ConnTot = "conn_tot", "MCPP", U64, "FL";
    Intercepted = "intercepted", "MCPP", U64, "F";
    Dcon = "dcon", "MCPP", U64, "FL";
    Dses = "dses", "MCPP", U64, "FL";
    Wrew = "wrew", "MCPP", U64, "FLSB";
    Connect = "connect", "MCPP", U64, "SB";
    Reuse = "reuse", "MCPP", U64, "SB";
    CacheLookups = "cache_lookups", "MCPP", U64, "FB";
    CacheHits = "cache_hits", "MCPP", U64, "FB";
    SrvIcur = "srv_icur", "MGPV", U32, "S";
    SrcIlim = "src_ilim", "CLPV", U32, "";
    QtimeMax = "qtime_max", "MMPV", U32, "SB";
    CtimeMax = "ctime_max", "MMPV", U32, "SB";
    RtimeMax = "rtime_max", "MMPV", U32, "SB";
    TtimeMax = "ttime_max", "MMPV", U32, "SB";
    Eint = "eint", "MCPP", U64, "FLSB";
    IdleConnCur = "idle_conn_cur", "MGPV", U32, "S";
    SafeConnCur = "safe_conn_cur", "MGPV", U32, "S";
    UsedConnCur = "used_conn_cur", "MGPV", U32, "S";
    NeedConnEst = "need_conn_est", "MGPV", U32, "S";
    Uweight = "uweight", "MaPV", U32, "SB";
    AggServerStatus = "agg_server_status", "MGPV", U32, "B";
    AggServerCheckStatus = "agg_server_check_status", "MGPV", U32, "B";
    AggCheckStatus = "agg_check_status", "MGPV", U32, "B";
    Srid = "srid", "MCPV", U32, "S";
    SessOther = "sess_other", "MCPV", U64, "F";
    H1sess = "h1sess", "MCPP", U64, "F";
    H2sess = "h2sess", "MCPP", U64, "F";
    H3sess = "h3sess", "MCPP", U64, "F";
    ReqOther = "req_other", "MCPP", U64, "F";
    H1req = "h1req", "MCPP", U64, "F";
    H2req = "h2req", "MCPP", U64, "F";
    H3req = "h3req", "MCPP", U64, "F";
    Proto = "proto", "CGSV", Str, "";
    PrivIdleCur = "priv_idle_cur", "MGPV", U32, "S";
    Reqbin = "reqbin", "MCPP", U64, "FLSB";
    Reqbout = "reqbout", "MCPP", U64, "FLSB";
    Resbin = "resbin", "MCPP", U64, "FLSB";
    Resbout = "resbout", "MCPP", U64, "FLSB";
    SslSess = "ssl_sess", "MCPV", U64, "FLSB";
    SslReusedSess = "ssl_reused_sess", "MCPV", U64, "FLSB";
    SslFailedHandshake = "ssl_failed_handshake", "MCPV", U64, "FLSB";
    SslOcspStaple = "ssl_ocsp_staple", "MCPV", U64, "FLSB";
    SslFailedOcspStaple = "ssl_failed_ocsp_staple", "MCPV", U64, "FLSB";
    H2HeadersRcvd = "h2_headers_rcvd", "MCPV", U64, "FB";
    H2DataRcvd = "h2_data_rcvd", "MCPV", U64, "FB";
    H2SettingsRcvd = "h2_settings_rcvd", "MCPV", U64, "FB";
    H2RstStreamRcvd = "h2_rst_stream_rcvd", "MCPV", U64, "FB";
    H2GoawayRcvd = "h2_goaway_rcvd", "MCPV", U64, "FB";
    H2DetectedConnProtocolErrors = "h2_detected_conn_protocol_errors", "MCPV", U64, "FB";
    H2DetectedStrmProtocolErrors = "h2_detected_strm_protocol_errors", "MCPV", U64, "FB";
    H2RstStreamResp = "h2_rst_stream_resp", "MCPV", U64, "FB";
    H2GoawayResp = "h2_goaway_resp", "MCPV", U64, "FB";
    H2OpenConnections = "h2_open_connections", "MGPV", U64, "FB";
    H2BackendOpenStreams = "h2_backend_open_streams", "MGPV", U64, "FB";
    H2TotalConnections = "h2_total_connections", "MCPV", U64, "FB";
    H2BackendTotalStreams = "h2_backend_total_streams", "MCPV", U64, "FB";
    H1OpenConnections = "h1_open_connections", "MGPV", U64, "FB";
    H1OpenStreams = "h1_open_streams", "MGPV", U64, "";
    H1TotalConnections = "h1_total_connections", "MCPV", U64, "FB";
    H1TotalStreams = "h1_total_streams", "MCPV", U64, "FB";
    H1BytesIn = "h1_bytes_in", "MCPV", U64, "";
    H1BytesOut = "h1_bytes_out", "MCPV", U64, "";
    H1SplicedBytesIn = "h1_spliced_bytes_in", "MCPV", U64, "FB";
    H1SplicedBytesOut = "h1_spliced_bytes_out", "MCPV", U64, "FB";
}

// === impl StatColumn ===

impl StatColumn {
    /// The last column before the ones of HAProxy's modules: the CSV has a `-` after it.
    pub const LAST_OF_CORE: Self = Self::Resbout;

    /// What is fixed about it.
    pub fn meta(self) -> &'static Meta {
        &Self::METAS[self as usize]
    }

    /// Its four tags in rows of this kind.
    pub fn tags(self, kind: ProxyKind) -> &'static str {
        match (self, kind) {
            (Self::Act | Self::Bck | Self::RateMax, ProxyKind::Backend) => "MGPV",
            _ => self.meta().tags,
        }
    }

    /// HAProxy's module that it belongs to (`h1`, `h2`, `ssl`); `None` for columns of the core.
    pub fn module(self) -> Option<&'static str> {
        let (module, _) = self.meta().name.split_once('_')?;
        (self > Self::LAST_OF_CORE).then_some(module)
    }

    /// Whether rows of this kind have a zero here when there is nothing to tell.
    pub fn is_zero_in(self, kind: ProxyKind) -> bool {
        self.meta().zero.contains(kind.letter())
    }
}

// === impl ProxyKind ===

impl ProxyKind {
    /// Its letter in typed output.
    pub fn letter(self) -> char {
        match self {
            Self::Frontend => 'F',
            Self::Backend => 'B',
            Self::Server => 'S',
            Self::Listener => 'L',
        }
    }

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Frontend => "Frontend",
            Self::Backend => "Backend",
            Self::Server => "Server",
            Self::Listener => "Listener",
        }
    }

    /// Its bit in the filter of `show stat`.
    pub fn bit(self) -> i32 {
        1 << (self as i32)
    }
}

// === impl Type ===

impl Type {
    /// Its name in typed output and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::S32 => "s32",
            Self::Str => "str",
        }
    }
}

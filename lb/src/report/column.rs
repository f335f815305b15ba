//! The columns of `show stat`, in HAProxy 3.4's order, and a row of values for them.
//!
//! The order and the names are protocol (HAProxy manual, management, section 9.1). Nothing here knows what a value means.

use std::fmt::Write as _;

/// Declares the columns once: as an enum that rows are filled by, and as the names that are printed.
macro_rules! columns {
    ($($variant:ident = $name:literal,)+) => {
        /// A column.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(dead_code, reason = "columns of what lb does not do stay empty, but keep their places")]
        pub(crate) enum Column { $($variant,)+ }

        /// All columns, in order.
        pub(crate) const NAMES: &[&str] = &[$($name,)+];
    };
}

columns! {
    Pxname = "pxname",
    Svname = "svname",
    Qcur = "qcur",
    Qmax = "qmax",
    Scur = "scur",
    Smax = "smax",
    Slim = "slim",
    Stot = "stot",
    Bin = "bin",
    Bout = "bout",
    Dreq = "dreq",
    Dresp = "dresp",
    Ereq = "ereq",
    Econ = "econ",
    Eresp = "eresp",
    Wretr = "wretr",
    Wredis = "wredis",
    Status = "status",
    Weight = "weight",
    Act = "act",
    Bck = "bck",
    Chkfail = "chkfail",
    Chkdown = "chkdown",
    Lastchg = "lastchg",
    Downtime = "downtime",
    Qlimit = "qlimit",
    Pid = "pid",
    Iid = "iid",
    Sid = "sid",
    Throttle = "throttle",
    Lbtot = "lbtot",
    Tracked = "tracked",
    Type = "type",
    Rate = "rate",
    RateLim = "rate_lim",
    RateMax = "rate_max",
    CheckStatus = "check_status",
    CheckCode = "check_code",
    CheckDuration = "check_duration",
    Hrsp1xx = "hrsp_1xx",
    Hrsp2xx = "hrsp_2xx",
    Hrsp3xx = "hrsp_3xx",
    Hrsp4xx = "hrsp_4xx",
    Hrsp5xx = "hrsp_5xx",
    HrspOther = "hrsp_other",
    Hanafail = "hanafail",
    ReqRate = "req_rate",
    ReqRateMax = "req_rate_max",
    ReqTot = "req_tot",
    CliAbrt = "cli_abrt",
    SrvAbrt = "srv_abrt",
    CompIn = "comp_in",
    CompOut = "comp_out",
    CompByp = "comp_byp",
    CompRsp = "comp_rsp",
    Lastsess = "lastsess",
    LastChk = "last_chk",
    LastAgt = "last_agt",
    Qtime = "qtime",
    Ctime = "ctime",
    Rtime = "rtime",
    Ttime = "ttime",
    AgentStatus = "agent_status",
    AgentCode = "agent_code",
    AgentDuration = "agent_duration",
    CheckDesc = "check_desc",
    AgentDesc = "agent_desc",
    CheckRise = "check_rise",
    CheckFall = "check_fall",
    CheckHealth = "check_health",
    AgentRise = "agent_rise",
    AgentFall = "agent_fall",
    AgentHealth = "agent_health",
    Addr = "addr",
    Cookie = "cookie",
    Mode = "mode",
    Algo = "algo",
    ConnRate = "conn_rate",
    ConnRateMax = "conn_rate_max",
    ConnTot = "conn_tot",
    Intercepted = "intercepted",
    Dcon = "dcon",
    Dses = "dses",
    Wrew = "wrew",
    Connect = "connect",
    Reuse = "reuse",
    CacheLookups = "cache_lookups",
    CacheHits = "cache_hits",
    SrvIcur = "srv_icur",
    SrcIlim = "src_ilim",
    QtimeMax = "qtime_max",
    CtimeMax = "ctime_max",
    RtimeMax = "rtime_max",
    TtimeMax = "ttime_max",
    Eint = "eint",
    IdleConnCur = "idle_conn_cur",
    SafeConnCur = "safe_conn_cur",
    UsedConnCur = "used_conn_cur",
    NeedConnEst = "need_conn_est",
    Uweight = "uweight",
    AggServerStatus = "agg_server_status",
    AggServerCheckStatus = "agg_server_check_status",
    AggCheckStatus = "agg_check_status",
    Srid = "srid",
    SessOther = "sess_other",
    H1sess = "h1sess",
    H2sess = "h2sess",
    H3sess = "h3sess",
    ReqOther = "req_other",
    H1req = "h1req",
    H2req = "h2req",
    H3req = "h3req",
    Proto = "proto",
    PrivIdleCur = "priv_idle_cur",
    Reqbin = "reqbin",
    Reqbout = "reqbout",
    Resbin = "resbin",
    Resbout = "resbout",
    Dash = "-",
    SslSess = "ssl_sess",
    SslReusedSess = "ssl_reused_sess",
    SslFailedHandshake = "ssl_failed_handshake",
    SslOcspStaple = "ssl_ocsp_staple",
    SslFailedOcspStaple = "ssl_failed_ocsp_staple",
    H2HeadersRcvd = "h2_headers_rcvd",
    H2DataRcvd = "h2_data_rcvd",
    H2SettingsRcvd = "h2_settings_rcvd",
    H2RstStreamRcvd = "h2_rst_stream_rcvd",
    H2GoawayRcvd = "h2_goaway_rcvd",
    H2DetectedConnProtocolErrors = "h2_detected_conn_protocol_errors",
    H2DetectedStrmProtocolErrors = "h2_detected_strm_protocol_errors",
    H2RstStreamResp = "h2_rst_stream_resp",
    H2GoawayResp = "h2_goaway_resp",
    H2OpenConnections = "h2_open_connections",
    H2BackendOpenStreams = "h2_backend_open_streams",
    H2TotalConnections = "h2_total_connections",
    H2BackendTotalStreams = "h2_backend_total_streams",
    H1OpenConnections = "h1_open_connections",
    H1OpenStreams = "h1_open_streams",
    H1TotalConnections = "h1_total_connections",
    H1TotalStreams = "h1_total_streams",
    H1BytesIn = "h1_bytes_in",
    H1BytesOut = "h1_bytes_out",
    H1SplicedBytesIn = "h1_spliced_bytes_in",
    H1SplicedBytesOut = "h1_spliced_bytes_out",
}

/// A value; what does not apply has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number.
    Number(i64),
    /// Text.
    Text(String),
}

/// One line of the report.
#[derive(Debug, Clone)]
pub(crate) struct Row(Box<[Option<Value>]>);

// === impl Row ===

impl Row {
    /// A line on which nothing applies yet.
    pub(crate) fn empty() -> Self {
        Self(vec![None; NAMES.len()].into())
    }

    /// Fills a column.
    pub(crate) fn set(&mut self, column: Column, value: impl Into<Value>) {
        self.0[column as usize] = Some(value.into());
    }

    /// Fills several columns with the same value.
    pub(crate) fn set_all(&mut self, columns: &[Column], value: i64) {
        columns.iter().for_each(|column| self.set(*column, value));
    }

    /// What a column says.
    pub(crate) fn get(&self, column: Column) -> Option<&Value> {
        self.0[column as usize].as_ref()
    }

    /// A column's number.
    pub(crate) fn number(&self, column: Column) -> Option<i64> {
        match self.get(column) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// A column's text; empty when it has none.
    pub(crate) fn text(&self, column: Column) -> &str {
        match self.get(column) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// Empties a column.
    pub(crate) fn hide(&mut self, column: Column) {
        self.0[column as usize] = None;
    }

    /// The line as CSV, with the comma at its end that HAProxy has.
    pub(crate) fn csv(&self, out: &mut String) {
        for value in &self.0 {
            match value {
                None => {}
                // Writing to a string does not fail.
                Some(Value::Number(number)) => drop(write!(out, "{number}")),
                Some(Value::Text(text)) if text.contains(['"', ',', '\n']) => {
                    out.push('"');
                    out.push_str(&text.replace('"', "\"\""));
                    out.push('"');
                }
                Some(Value::Text(text)) => out.push_str(text),
            }
            out.push(',');
        }
        out.push('\n');
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

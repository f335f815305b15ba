//! The names of fetches.

use super::Needs;
use crate::sample::SampleKind;

/// What a fetch takes in its parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing.
    Nothing,
    /// A name and a place among several, both optional.
    Which,
    /// A name, optional.
    Name,
    /// A name.
    NeedsName,
    /// A number, optional.
    Number,
    /// What it always is.
    Constant,
}

macro_rules! fetches {
    ($($source:ident: $($name:literal)|+, $kind:ident, $needs:ident, $takes:ident;)+) => {
        /// Where values come from.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Source { $($source),+ }

        impl Source {
            /// The fetch of that name.
            pub(super) fn named(name: &str) -> Option<Self> {
                match name {
                    $($($name)|+ => Some(Self::$source),)+
                    _ => None,
                }
            }

            /// All names.
            pub(super) const NAMES: &[&str] = &[$($($name),+),+];

            /// The type of its values.
            pub(super) fn kind(self) -> SampleKind {
                match self { $(Self::$source => SampleKind::$kind),+ }
            }

            /// What has to be there.
            pub(super) fn needs(self) -> Needs {
                match self { $(Self::$source => Needs::$needs),+ }
            }

            /// What it takes.
            pub(super) fn takes(self) -> Takes {
                match self { $(Self::$source => Takes::$takes),+ }
            }
        }
    };
}

fetches! {
    AlwaysTrue: "always_true", Bool, Connection, Nothing;
    AlwaysFalse: "always_false", Bool, Connection, Nothing;
    TextConstant: "str", Text, Connection, Constant;
    IntConstant: "int", Int, Connection, Constant;
    BoolConstant: "bool", Bool, Connection, Constant;
    BinaryConstant: "bin", Binary, Connection, Constant;
    AddressConstant: "ipv4" | "ipv6", Address, Connection, Constant;
    MethodConstant: "meth", Method, Connection, Constant;
    Environment: "env", Text, Connection, Constant;
    HostName: "hostname", Text, Connection, Nothing;
    Src: "src", Address, Connection, Nothing;
    SrcPort: "src_port", Int, Connection, Nothing;
    Dst: "dst", Address, Connection, Nothing;
    DstPort: "dst_port", Int, Connection, Nothing;
    OverTls: "ssl_fc", Bool, Connection, Nothing;
    FrontendName: "fe_name", Text, Connection, Nothing;
    BackendName: "be_name", Text, Request, Nothing;
    Date: "date", Int, Connection, Number;
    DateMicros: "date_us", Int, Connection, Nothing;
    Random: "rand", Int, Connection, Number;
    Variable: "var", Text, Connection, NeedsName;
    UsableServers: "nbsrv", Int, Connection, Name;
    BackendSessions: "be_conn", Int, Connection, Name;
    FrontendSessions: "fe_conn", Int, Connection, Name;
    Queue: "queue", Int, Connection, Name;
    IsServerUp: "srv_is_up", Bool, Connection, NeedsName;
    ClientEntry: "src_conn_cnt" | "src_conn_rate" | "src_conn_cur" | "src_sess_cnt" | "src_sess_rate" | "src_http_req_cnt" | "src_http_req_rate" | "src_http_err_cnt" | "src_http_err_rate" | "src_http_fail_cnt" | "src_http_fail_rate" | "src_bytes_in_rate" | "src_bytes_out_rate" | "src_get_gpc0" | "src_gpc0_rate" | "src_get_gpc1" | "src_gpc1_rate" | "src_get_gpt0", Int, Connection, Name;
    TrackedEntry: "sc0_conn_cnt" | "sc0_conn_rate" | "sc0_conn_cur" | "sc0_sess_cnt" | "sc0_sess_rate" | "sc0_http_req_cnt" | "sc0_http_req_rate" | "sc0_http_err_cnt" | "sc0_http_err_rate" | "sc0_http_fail_cnt" | "sc0_http_fail_rate" | "sc0_bytes_in_rate" | "sc0_bytes_out_rate" | "sc0_get_gpc0" | "sc0_gpc0_rate" | "sc0_get_gpc1" | "sc0_gpc1_rate" | "sc0_get_gpt0", Int, Connection, Nothing;
    TrackedEntryOf: "sc_conn_cnt" | "sc_conn_rate" | "sc_conn_cur" | "sc_sess_cnt" | "sc_sess_rate" | "sc_http_req_cnt" | "sc_http_req_rate" | "sc_http_err_cnt" | "sc_http_err_rate" | "sc_http_fail_cnt" | "sc_http_fail_rate" | "sc_bytes_in_rate" | "sc_bytes_out_rate" | "sc_get_gpc0" | "sc_gpc0_rate" | "sc_get_gpc1" | "sc_gpc1_rate" | "sc_get_gpt0", Int, Connection, NeedsName;
    Method: "method", Method, Request, Nothing;
    Path: "path", Text, Request, Nothing;
    PathQuery: "pathq", Text, Request, Nothing;
    Url: "url", Text, Request, Nothing;
    Query: "query", Text, Request, Nothing;
    Base: "base", Text, Request, Nothing;
    RequestVersion: "req.ver" | "req_ver", Text, Request, Nothing;
    IsFirst: "http_first_req", Bool, Request, Nothing;
    Parameter: "urlp" | "url_param", Text, Request, Which;
    ParameterInt: "urlp_val", Int, Request, Which;
    Cookie: "req.cook" | "cook", Text, Request, Which;
    CookieInt: "req.cook_val" | "cook_val", Int, Request, Which;
    CookieCount: "req.cook_cnt" | "cook_cnt", Int, Request, Name;
    Field: "hdr", Text, Head, Which;
    WholeField: "fhdr", Text, Head, Which;
    FieldInt: "hdr_val", Int, Head, Which;
    FieldAddress: "hdr_ip", Address, Head, Which;
    FieldCount: "hdr_cnt", Int, Head, Name;
    WholeFieldCount: "fhdr_cnt", Int, Head, Name;
    RequestField: "req.hdr", Text, Request, Which;
    WholeRequestField: "req.fhdr", Text, Request, Which;
    RequestFieldInt: "req.hdr_val", Int, Request, Which;
    RequestFieldAddress: "req.hdr_ip", Address, Request, Which;
    RequestFieldCount: "req.hdr_cnt", Int, Request, Name;
    WholeRequestFieldCount: "req.fhdr_cnt", Int, Request, Name;
    Status: "status", Int, Response, Nothing;
    ResponseField: "res.hdr" | "shdr", Text, Response, Which;
    WholeResponseField: "res.fhdr", Text, Response, Which;
    ResponseFieldInt: "res.hdr_val" | "shdr_val", Int, Response, Which;
    ResponseFieldAddress: "res.hdr_ip" | "shdr_ip", Address, Response, Which;
    ResponseFieldCount: "res.hdr_cnt" | "shdr_cnt", Int, Response, Name;
    WholeResponseFieldCount: "res.fhdr_cnt", Int, Response, Name;
    ResponseCookie: "res.cook" | "scook", Text, Response, Which;
    ResponseCookieInt: "res.cook_val" | "scook_val", Int, Response, Which;
}

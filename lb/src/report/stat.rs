//! provisional
use crate::topology::Shared;
const COLUMNS: &str = "pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,check_health,agent_rise,agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,conn_tot,intercepted,dcon,dses,wrew,connect,reuse,cache_lookups,cache_hits,srv_icur,src_ilim,qtime_max,ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,safe_conn_cur,used_conn_cur,need_conn_est,uweight,agg_server_status,agg_server_check_status,agg_check_status,srid,sess_other,h1sess,h2sess,h3sess,req_other,h1req,h2req,h3req,proto,priv_idle_cur,reqbin,reqbout,resbin,resbout,-,ssl_sess,ssl_reused_sess,ssl_failed_handshake,ssl_ocsp_staple,ssl_failed_ocsp_staple,h2_headers_rcvd,h2_data_rcvd,h2_settings_rcvd,h2_rst_stream_rcvd,h2_goaway_rcvd,h2_detected_conn_protocol_errors,h2_detected_strm_protocol_errors,h2_rst_stream_resp,h2_goaway_resp,h2_open_connections,h2_backend_open_streams,h2_total_connections,h2_backend_total_streams,h1_open_connections,h1_open_streams,h1_total_connections,h1_total_streams,h1_bytes_in,h1_bytes_out,h1_spliced_bytes_in,h1_spliced_bytes_out,";
/// q
#[derive(Debug, Clone)]
pub struct Query {
    /// f
    pub full: bool,
    /// p
    pub proxy: Option<String>,
    /// k
    pub kinds: i32,
    /// s
    pub server: i64,
    /// u
    pub up: bool,
    /// n
    pub no_maint: bool,
}
impl Default for Query {
    fn default() -> Self {
        Self { full: true, proxy: None, kinds: -1, server: -1, up: false, no_maint: false }
    }
}
/// u
#[derive(Debug)]
pub struct UnknownProxy;
fn row(out: &mut String, values: &[(&str, String)]) {
    for name in COLUMNS.split(',') {
        if name.is_empty() {
            continue;
        }
        if let Some((_, v)) = values.iter().find(|(n, _)| *n == name) {
            out.push_str(v);
        }
        out.push(',');
    }
    out.push('\n');
}
/// c
pub fn csv(shared: &Shared, _: &Query) -> Result<String, UnknownProxy> {
    let mut out = format!("# {COLUMNS}\n");
    let t = shared.topology.load();
    for f in &t.frontends {
        let x = f.live.tally.totals();
        row(
            &mut out,
            &[
                ("pxname", f.live.name.to_string()),
                ("svname", "FRONTEND".into()),
                ("type", "0".into()),
                ("iid", f.live.id.to_string()),
                ("sid", "0".into()),
                ("status", "OPEN".into()),
                ("scur", f.live.sessions.get().to_string()),
                ("stot", x.connections.to_string()),
                ("bin", x.bytes_in.to_string()),
                ("bout", x.bytes_out.to_string()),
                ("req_tot", x.requests.to_string()),
                ("ereq", x.request_errors.to_string()),
            ],
        );
    }
    for b in &t.backends {
        for s in &b.servers {
            let x = s.stats.tally.totals();
            let h = s.health.snapshot();
            row(
                &mut out,
                &[
                    ("pxname", b.live.name.to_string()),
                    ("svname", s.name.to_string()),
                    ("type", "2".into()),
                    ("iid", b.live.id.to_string()),
                    ("sid", s.number.to_string()),
                    ("qcur", "0".into()),
                    ("scur", s.in_flight().to_string()),
                    ("smax", s.stats.in_flight_max.get().to_string()),
                    ("stot", x.requests.to_string()),
                    ("bin", x.bytes_in.to_string()),
                    ("bout", x.bytes_out.to_string()),
                    ("econ", x.connect_errors.to_string()),
                    ("eresp", x.response_errors.to_string()),
                    ("wretr", x.retries.to_string()),
                    ("wredis", x.redispatches.to_string()),
                    ("status", s.status().to_string()),
                    ("weight", s.weight().to_string()),
                    ("chkfail", h.failures.to_string()),
                    ("chkdown", h.downs.to_string()),
                    ("lbtot", x.chosen.to_string()),
                    ("hrsp_2xx", x.responses[1].to_string()),
                    ("hrsp_5xx", x.responses[4].to_string()),
                    ("cli_abrt", x.client_aborts.to_string()),
                    ("srv_abrt", x.server_aborts.to_string()),
                    ("connect", x.connects.to_string()),
                    ("reuse", x.reuses.to_string()),
                    ("srv_icur", s.stats.idle.get().to_string()),
                    ("req_tot", x.requests.to_string()),
                ],
            );
        }
        let x = b.live.tally.totals();
        row(
            &mut out,
            &[
                ("pxname", b.live.name.to_string()),
                ("svname", "BACKEND".into()),
                ("type", "1".into()),
                ("iid", b.live.id.to_string()),
                ("sid", "0".into()),
                ("qcur", b.live.queue.waiting().get().to_string()),
                ("scur", b.live.sessions.get().to_string()),
                ("stot", x.requests.to_string()),
                ("bin", x.bytes_in.to_string()),
                ("bout", x.bytes_out.to_string()),
                ("status", "UP".into()),
                ("wretr", x.retries.to_string()),
                ("wredis", x.redispatches.to_string()),
            ],
        );
    }
    Ok(out)
}
/// t
pub fn typed(s: &Shared, q: &Query) -> Result<String, UnknownProxy> {
    csv(s, q)
}
/// j
pub fn json(s: &Shared, q: &Query) -> Result<String, UnknownProxy> {
    csv(s, q)
}

//! provisional
use crate::topology::Shared;
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
/// c
pub fn csv(shared: &Shared, _: &Query) -> Result<String, UnknownProxy> {
    let mut out = String::from(
        "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,chkfail,chkdown,lastchg,\n",
    );
    let t = shared.topology.load();
    for b in &t.backends {
        for s in &b.servers {
            let x = s.stats.tally.totals();
            out.push_str(&format!(
                "{},{},0,0,{},{},{},{},{},{},,0,,{},{},{},{},{},{},1,0,0,0,0,\n",
                b.live.name,
                s.name,
                s.in_flight(),
                s.stats.in_flight_max.get(),
                s.maxconn(),
                x.requests,
                x.bytes_in,
                x.bytes_out,
                x.connect_errors,
                x.response_errors,
                x.retries,
                x.redispatches,
                s.status(),
                s.weight()
            ));
        }
        let x = b.live.tally.totals();
        out.push_str(&format!(
            "{},BACKEND,{},0,{},0,,{},{},{},,0,,{},{},{},{},UP,0,0,0,0,0,0,\n",
            b.live.name,
            b.live.queue.waiting().get(),
            b.live.sessions.get(),
            x.requests,
            x.bytes_in,
            x.bytes_out,
            x.connect_errors,
            x.response_errors,
            x.retries,
            x.redispatches
        ));
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

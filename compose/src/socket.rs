//! The runtime socket as any HAProxy client uses it: a command line goes in, the answer is read to the end.
//!
//! It asks for nothing that HAProxy does not have: the sample's deployment would work the same with either.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// How long one command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const ANSWER_LIMIT: u64 = 4 << 20;

/// The runtime socket of one balancer.
#[derive(Clone, Debug)]
pub(crate) struct RuntimeSocket {
    path: PathBuf,
}

/// What `show stat` says of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerStat {
    pub(crate) backend: String,
    pub(crate) server: String,
    pub(crate) status: String,
    /// Requests on it now.
    pub(crate) scur: u64,
    /// Requests that wait for it now.
    pub(crate) qcur: u64,
    /// Requests that it got so far.
    pub(crate) stot: u64,
}

// === impl RuntimeSocket ===

impl RuntimeSocket {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Sends a command that has nothing to say when it succeeds: `disable server`, `enable server`.
    ///
    /// # Errors
    /// When no reply comes, or the balancer rejects the command, with its words.
    pub(crate) async fn order(&self, command: &str) -> anyhow::Result<()> {
        let answer = self.ask(command).await?;
        if answer != "\n" {
            bail!("lb refused `{command}`: {}", answer.trim());
        }
        Ok(())
    }

    /// All servers, in the balancer's order.
    ///
    /// # Errors
    /// When no reply comes, or it is not a table of `show stat`.
    pub(crate) async fn servers(&self) -> anyhow::Result<Vec<ServerStat>> {
        parse_servers(&self.ask("show stat").await?)
    }

    /// One server of it.
    ///
    /// # Errors
    /// As [`servers`](Self::servers), and when there is no such server.
    pub(crate) async fn server(&self, backend: &str, server: &str) -> anyhow::Result<ServerStat> {
        let servers = self.servers().await?;
        servers
            .into_iter()
            .find(|stat| stat.backend == backend && stat.server == server)
            .with_context(|| format!("`show stat` has no {backend}/{server}"))
    }

    async fn ask(&self, command: &str) -> anyhow::Result<String> {
        let exchange = async {
            let mut stream = UnixStream::connect(&self.path).await?;
            stream.write_all(format!("{command}\n").as_bytes()).await?;
            let mut answer = String::new();
            stream.take(ANSWER_LIMIT).read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let place = || format!("`{command}` on {}", self.path.display());
        tokio::time::timeout(COMMAND_LIMIT, exchange).await.with_context(place)?.with_context(place)
    }
}

/// Reads the servers' rows of `show stat`: by the names in its first line, not by their places.
fn parse_servers(csv: &str) -> anyhow::Result<Vec<ServerStat>> {
    let mut lines = csv.lines().filter(|line| !line.is_empty());
    let header =
        lines.next().and_then(|line| line.strip_prefix("# ")).context("`show stat` has no header")?;
    let place = |name: &str| {
        header
            .split(',')
            .position(|column| column == name)
            .with_context(|| format!("`show stat` has no {name}"))
    };
    let [pxname, svname, status, scur, qcur, stot, kind] = [
        place("pxname")?,
        place("svname")?,
        place("status")?,
        place("scur")?,
        place("qcur")?,
        place("stot")?,
        place("type")?,
    ];

    let mut servers = Vec::new();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let text = |at: usize| fields.get(at).copied().with_context(|| format!("a short row: {line}"));
        // 2 is a server; 0, 1 and 3 are frontends, backends and listeners. No column before it is ever quoted.
        if text(kind)? != "2" {
            continue;
        }
        let number = |at: usize| {
            let text = text(at)?;
            text.parse().with_context(|| format!("{text:?} is no number: {line}"))
        };
        servers.push(ServerStat {
            backend: text(pxname)?.to_owned(),
            server: text(svname)?.to_owned(),
            status: text(status)?.to_owned(),
            scur: number(scur)?,
            qcur: number(qcur)?,
            stot: number(stot)?,
        });
    }
    Ok(servers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,status,type,\n\
        fe_api,FRONTEND,,,3,4,2000,14,OPEN,0,\n\
        api_nodes,api0,0,0,2,2,,9,UP,2,\n\
        api_nodes,api1,1,1,0,1,,5,MAINT,2,\n\
        api_nodes,BACKEND,1,1,2,3,200,14,UP,1,\n\n";

    #[test]
    fn servers_are_read_by_the_names_of_the_columns() {
        let stat = |server: &str, status: &str, scur, qcur, stot| ServerStat {
            backend: "api_nodes".into(),
            server: server.into(),
            status: status.into(),
            scur,
            qcur,
            stot,
        };
        assert_eq!(
            parse_servers(STAT).unwrap(),
            [stat("api0", "UP", 2, 0, 9), stat("api1", "MAINT", 0, 1, 5)]
        );
    }

    #[test]
    fn what_is_not_a_table_is_refused_with_its_fault() {
        for (answer, fault) in [
            ("", "no header"),
            ("Permission denied\n\n", "no header"),
            ("# pxname,svname,\n", "no status"),
            ("# pxname,svname,qcur,scur,stot,status,type,\na,b,0,0,1\n", "short row"),
            ("# pxname,svname,qcur,scur,stot,status,type,\na,b,,0,1,UP,2,\n", "no number"),
        ] {
            let error = format!("{:#}", parse_servers(answer).unwrap_err());
            assert!(error.contains(fault), "{answer:?}: {error}");
        }
    }
}

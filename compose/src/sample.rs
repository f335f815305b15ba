//! The whole sample as processes: nodes, balancer, clients; started in that order and stopped in the opposite one.
//!
//! It deploys nothing: `deploy` does, with what is here.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::narrate::Narrator;
use crate::node::Node;
use crate::process::{Lines, Process};
use crate::role::Role;
use crate::socket::{RuntimeSocket, ServerStat};
use crate::topology::{BACKEND, Topology};
use crate::verdict::Verdict;

/// The version that the nodes start at.
pub(crate) const FIRST_VERSION: &str = "v1";

/// How often a condition is looked at.
const POLL_EVERY: Duration = Duration::from_millis(20);
/// How long the balancer may take to find its servers up, and traffic to reach them all.
const READY_LIMIT: Duration = Duration::from_secs(20);
/// Time between two lines of each client while the operator tries things: they would hide what to try.
pub(crate) const QUIET: &str = "30s";
/// The same during a deployment, seconds of which count.
pub(crate) const LIVELY: &str = "1s";
/// How often a running sample is looked over.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// How much traffic there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) clients: u16,
    /// Requests a second of each client; `None` is the client's own default.
    pub(crate) rate: Option<u32>,
    /// Time between two lines of each client.
    pub(crate) lines_every: &'static str,
}

/// The running sample.
pub(crate) struct Sample {
    pub(crate) topology: Topology,
    pub(crate) socket: RuntimeSocket,
    pub(crate) nodes: Vec<Node>,
    lb: Process,
    clients: Vec<Process>,
}

// === impl Load ===

impl Default for Load {
    fn default() -> Self {
        Self { clients: 5, rate: None, lines_every: QUIET }
    }
}

// === impl Sample ===

impl Sample {
    /// Starts everything and returns when requests reach every node.
    ///
    /// # Errors
    /// When a part does not start, or not in time. What was started before is killed.
    pub(crate) async fn start(load: Load, narrator: &Narrator) -> anyhow::Result<Self> {
        let topology = Topology::plan()?;
        for notice in &topology.notices {
            narrator.say(notice);
        }
        let folder = topology.folder();
        let mut nodes = Vec::new();
        for (name, address) in &topology.nodes {
            nodes.push(Node::spawn(name, FIRST_VERSION, *address, folder)?);
        }
        for node in &mut nodes {
            node.wait_until_healthy().await?;
            narrator.say(format_args!("{} {FIRST_VERSION} listens on {}", node.process.name(), node.address));
        }

        let arguments = [OsString::from("run"), "-c".into(), topology.config.clone().into()];
        let lb = Process::spawn("lb0", Role::Lb, arguments.to_vec(), Lines::Logged, folder)?;
        let socket = RuntimeSocket::new(&topology.socket);
        let mut sample = Self { topology, socket, nodes, lb, clients: Vec::new() };
        sample.wait_for("every server is UP", READY_LIMIT, |stat| stat.status == "UP").await?;
        narrator.say(format_args!("lb0 listens on {}, every server is UP", sample.topology.frontend));

        for index in 0..load.clients {
            sample.clients.push(sample.spawn_client(index, load)?);
        }
        sample.wait_for("every server gets requests", READY_LIMIT, |stat| stat.stot > 0).await?;
        narrator.say(format_args!("{} clients send traffic, every node answers", load.clients));
        Ok(sample)
    }

    fn spawn_client(&self, index: u16, load: Load) -> anyhow::Result<Process> {
        let name = format!("client{index}");
        let target = format!("http://{}", self.topology.frontend);
        let mut arguments: Vec<OsString> =
            ["--name", &name, "--target", &target, "--wait-ready", "30s", "--json"].map(Into::into).to_vec();
        arguments.extend(["--live-interval".into(), load.lines_every.into()]);
        if let Some(rate) = load.rate {
            arguments.extend(["--rate".into(), rate.to_string().into()]);
        }
        Process::spawn(&name, Role::Client, arguments, Lines::Shown, self.topology.folder())
    }

    /// Returns when the condition holds for every server of the backend, with the time that took.
    ///
    /// # Errors
    /// When a part of the sample ends, the socket fails, or `limit` passes: with the states of the servers then.
    pub(crate) async fn wait_for(
        &mut self,
        what: &str,
        limit: Duration,
        holds: impl Fn(&ServerStat) -> bool,
    ) -> anyhow::Result<Duration> {
        let started = Instant::now();
        loop {
            self.check_alive()?;
            let late = started.elapsed() > limit;
            match self.socket.servers().await {
                Ok(servers) => {
                    let mut nodes = servers.iter().filter(|stat| stat.backend == BACKEND);
                    if nodes.clone().count() == self.topology.nodes.len() && nodes.all(&holds) {
                        return Ok(started.elapsed());
                    }
                    if late {
                        bail!("waited {} s until {what}; it is {servers:?}", limit.as_secs());
                    }
                }
                // A balancer that is starting has no socket yet.
                Err(error) if late => return Err(error.context(format!("waited until {what}"))),
                Err(_) => {}
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    /// Fails when a part has ended that was not stopped here.
    ///
    /// # Errors
    /// Which one, how, and the last lines of its log.
    pub(crate) fn check_alive(&mut self) -> anyhow::Result<()> {
        let nodes = self.nodes.iter_mut().map(|node| &mut node.process);
        nodes.chain([&mut self.lb]).chain(&mut self.clients).try_for_each(Process::check_alive)
    }

    /// Returns only when a part ends that the operator did not take out before.
    ///
    /// # Errors
    /// Always, then: as [`check_alive`](Self::check_alive).
    pub(crate) async fn watch(&mut self, narrator: &Narrator) -> anyhow::Result<()> {
        loop {
            self.release_replaced_nodes(narrator).await?;
            self.check_alive()?;
            tokio::time::sleep(WATCH_EVERY).await;
        }
    }

    /// Forgets nodes that have ended while they were out of service, or that another process has replaced since.
    async fn release_replaced_nodes(&mut self, narrator: &Narrator) -> anyhow::Result<()> {
        for name in self.topology.names() {
            let Some(at) = self.nodes.iter().position(|node| node.process.name() == name) else { continue };
            if self.nodes[at].process.ended()?.is_none() {
                continue;
            }
            let status = self.socket.server(BACKEND, &name).await?.status;
            let is_out = status.starts_with("MAINT") || status.starts_with("DRAIN");
            if !is_out && !self.nodes[at].answers().await {
                continue;
            }
            let node = self.nodes.remove(at);
            narrator.say(format_args!("{name} has ended while it was out of service. Start it again with:"));
            println!("  {}", how_to_start(&name, node.address));
        }
        Ok(())
    }

    /// Says what the operator may try.
    pub(crate) fn print_how_to_use(&self, narrator: &Narrator) {
        let Topology { frontend, stats, socket, nodes, .. } = &self.topology;
        let socket = std::env::current_dir()
            .ok()
            .and_then(|here| socket.strip_prefix(here.canonicalize().ok()?).ok())
            .unwrap_or(socket)
            .display();
        let Some((server, address)) = nodes.get(1).or(nodes.first()) else { return };
        let node = self.nodes.iter().find(|node| node.process.name() == server);
        narrator.say("up; Ctrl-C stops it. Try:");
        println!("  curl http://{frontend}/");
        println!("  open http://{stats}/");
        println!("  echo \"disable server {BACKEND}/{server}\" | socat stdio UNIX-CONNECT:{socket}");
        if let Some(pid) = node.and_then(|node| node.process.id()) {
            println!(
                "  kill {pid}                                  # the process of {server}, to replace it:"
            );
            println!("  {}", how_to_start(server, *address));
        }
        println!("  echo \"enable server {BACKEND}/{server}\" | socat stdio UNIX-CONNECT:{socket}");
    }

    /// Stops the clients, then the balancer, then the nodes, and gives the verdict over it all.
    pub(crate) async fn stop(mut self, narrator: &Narrator) -> Verdict {
        let mut verdict = Verdict::default();
        for client in &self.clients {
            client.terminate();
        }
        for client in self.clients {
            let name = client.name().to_owned();
            match client.finish().await {
                Ok(ended) => {
                    if let Err(error) = verdict.add(&ended) {
                        verdict.object(format!("{name}: {error:#}"));
                    }
                }
                Err(error) => verdict.object(format!("{error:#}")),
            }
        }
        match self.lb.stop().await {
            Ok(ended) if ended.status.success() => {}
            Ok(ended) => verdict.object(format!("lb0 did not end cleanly: {}", ended.status)),
            Err(error) => verdict.object(format!("{error:#}")),
        }
        for node in self.nodes {
            if let Err(error) = node.stop().await {
                verdict.object(format!("{error:#}"));
            }
        }
        narrator.say("clients, lb0 and the nodes have ended");
        if !verdict.is_clean() {
            narrator.say(format_args!("the logs stay in {}", self.topology.keep_folder().display()));
        }
        verdict
    }

    /// Takes a node out of the sample, to put another in its place with [`insert`](Self::insert).
    ///
    /// # Errors
    /// When there is no such node.
    pub(crate) fn take(&mut self, name: &str) -> anyhow::Result<Node> {
        let at = self.nodes.iter().position(|node| node.process.name() == name);
        Ok(self.nodes.remove(at.with_context(|| format!("no node {name}"))?))
    }

    /// Puts a node into the sample.
    pub(crate) fn insert(&mut self, node: Node) {
        self.nodes.push(node);
    }
}

/// The command that starts a node by hand, in the repository.
fn how_to_start(name: &str, address: SocketAddr) -> String {
    let profile = if cfg!(debug_assertions) { "" } else { " --release" };
    format!("cargo run{profile} -p api -- --name {name} --version-label v2 --bind {address}")
}

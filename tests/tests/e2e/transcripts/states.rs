//! Scenes: states that servers, backends and frontends are brought into, and what the runtime socket tells of them.
//!
//! `tests/transcripts/states.txt` is the table; it needs nothing outside the repository. Where `LB_TRANSCRIPTS` names a folder of HAProxy's
//! own answers, each is also asked for in the scene that it was taken in, and has to come out the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};

use tests::{Origin, Running, Wire, eventually, normal};

use super::compare::{as_configured, fault};
use super::fixture::{self, SERVERS};
use super::read;
use crate::{answer, get, ok};

const SCENES: &str = include_str!("../../../transcripts/states.txt");
/// In place of a status: no answer at all.
pub(super) const MUTE: u16 = 0;
const SICK: u16 = 500;
/// It wants no new traffic.
const LEAVING: u16 = 404;

/// What a scene is played with.
struct Stage {
    lab: Running,
    nodes: Vec<Node>,
    /// Requests in flight.
    clients: Vec<Wire>,
    transcripts: Arc<BTreeMap<String, (String, String)>>,
    wrong: Vec<String>,
}

/// A server whose health answers are in the test's hands, and that holds `/held` until it is released.
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) status: Arc<AtomicU16>,
}

#[tokio::test]
async fn states_are_told_in_haproxys_words() {
    let folder = std::env::var_os("LB_TRANSCRIPTS");
    let known = folder.map_or_else(Vec::new, |folder| read(Path::new(&folder), &[""]));
    let transcripts: BTreeMap<_, _> =
        known.into_iter().map(|one| (one.name, (one.sent, one.answer))).collect();
    if transcripts.is_empty() {
        println!("LB_TRANSCRIPTS names no folder: only the table is compared");
    }
    let transcripts = Arc::new(transcripts);
    let mut scenes = Vec::new();
    for (name, lines) in scenes_of(SCENES) {
        let transcripts = Arc::clone(&transcripts);
        scenes.push(async move {
            let mut stage = Stage::set(transcripts).await;
            for line in lines {
                stage.play(name, line).await;
            }
            stage.wrong
        });
    }
    let wrong: Vec<_> = futures_util::future::join_all(scenes).await.into_iter().flatten().collect();
    println!("{} transcripts in {} scenes", replayed().count(), scenes_of(SCENES).len());
    assert!(wrong.is_empty(), "{} are wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// Every name is asked for once, so that the count of those replayed is true.
#[test]
fn no_transcript_is_replayed_twice() {
    let mut names: Vec<_> = replayed().collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}

/// The names of all transcripts that are replayed in a scene.
pub(super) fn replayed() -> impl Iterator<Item = &'static str> {
    SCENES.lines().filter_map(|line| line.strip_prefix("replay ").or_else(|| named(line).1))
}

/// What is said before ` @ NAME`, and the name.
fn named(line: &str) -> (&str, Option<&str>) {
    line.rsplit_once(" @ ").map_or((line, None), |(said, name)| (said, Some(name)))
}

fn scenes_of(text: &'static str) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut scenes: Vec<(_, Vec<_>)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        match (line.strip_prefix("scene "), scenes.last_mut()) {
            (Some(name), _) => scenes.push((name, Vec::new())),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => panic!("{line}: no scene yet"),
        }
    }
    scenes
}

/// The bytes of what a transcript says was sent: escapes are shown where it was more than a line.
fn bytes(sent: &str) -> String {
    if sent.contains("\\n") {
        sent.replace("\\n", "\n").replace("\\r", "\r")
    } else if sent == "(empty line)" {
        "\n".to_owned()
    } else {
        format!("{sent}\n")
    }
}

// === impl Node ===

impl Node {
    pub(super) async fn start() -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let told = Arc::clone(&status);
        let origin = Origin::script(move |mut conn| {
            let told = Arc::clone(&told);
            async move {
                while let Some(request) = conn.request().await {
                    let status = told.load(SeqCst);
                    let text = match request.target() {
                        "/health" if status == MUTE => return conn.gone().await,
                        "/health" if status == LEAVING => answer("404 Not Found", ""),
                        "/health" if status == SICK => answer("500 Internal Server Error", ""),
                        "/health" => ok(""),
                        "/held" => {
                            conn.released().await;
                            ok("held")
                        }
                        _ => ok(""),
                    };
                    if conn.try_send(text).await.is_err() {
                        return;
                    }
                }
            }
        });
        Self { origin: origin.await, status }
    }
}

// === impl Stage ===

impl Stage {
    /// The fixture, with servers that are in the test's hands.
    async fn set(transcripts: Arc<BTreeMap<String, (String, String)>>) -> Self {
        let nodes = [Node::start().await, Node::start().await, Node::start().await];
        let addresses = nodes.each_ref().map(|node| node.origin.address());
        let lab = fixture::start(addresses, "interval = \"200ms\", timeout = \"1m\"").await;
        Self { lab, nodes: nodes.into(), clients: Vec::new(), transcripts, wrong: Vec::new() }
    }

    async fn play(&mut self, scene: &str, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<_> = rest.split(' ').collect();
        match verb {
            "order" => {
                let (command, name) = named(rest);
                self.ask(scene, command, "", name).await;
            }
            "ask" => {
                let (rest, name) = named(rest);
                let (command, expected) = rest.split_once(" => ").expect("`ask COMMAND => ANSWER`");
                self.ask(scene, command, expected, name).await;
            }
            "sick" | "well" | "mute" => {
                let status = match verb {
                    "sick" => SICK,
                    "mute" => MUTE,
                    _ => 200,
                };
                self.node(rest).status.store(status, SeqCst);
            }
            "load" => self.load(words[0], words[1].parse().expect("a count")).await,
            "release" => self.release().await,
            "until" => self.lab.status_of(words[0], words[1]).await,
            "is" => self.compare(scene, rest).await,
            "replay" => self.replay(scene, rest).await,
            _ => panic!("{line}: no such word"),
        }
    }

    fn node(&self, name: &str) -> &Node {
        let at = SERVERS.iter().position(|server| *server == name).expect("one of the three servers");
        &self.nodes[at]
    }

    /// `{api0}` is the port of that server.
    fn filled(&self, text: &str) -> String {
        let fill = |text: String, name: &&str| {
            text.replace(&format!("{{{name}}}"), &self.node(name).origin.address().port().to_string())
        };
        SERVERS.iter().fold(text.to_owned(), fill)
    }

    async fn load(&mut self, server: &str, count: usize) {
        let others = || SERVERS.iter().filter(|other| **other != server);
        for other in others() {
            self.lab.order(&format!("set server api_nodes/{other} state drain")).await;
        }
        let before = self.node(server).origin.count();
        for _ in 0..count {
            let mut client = self.lab.connect().await;
            client.send(get("/held", "")).await;
            self.clients.push(client);
        }
        eventually("the requests in flight", async || {
            self.lab.stat("api_nodes", server).await.number("scur") == count as u64
                && self.node(server).origin.count() >= before + count
        })
        .await;
        for other in others() {
            self.lab.order(&format!("set server api_nodes/{other} state ready")).await;
        }
    }

    async fn release(&mut self) {
        self.nodes.iter().for_each(|node| node.origin.release(self.clients.len()));
        for mut client in self.clients.drain(..) {
            assert_eq!(client.answer().await.text(), "held");
        }
        eventually("nothing in flight", async || {
            self.lab.stat("api_nodes", "BACKEND").await.number("scur") == 0
        })
        .await;
    }

    async fn compare(&mut self, scene: &str, expected: &str) {
        let name = expected.split(' ').next().unwrap_or_default();
        let (proxy, row) = if name == "FRONTEND" { ("fe_api", name) } else { ("api_nodes", name) };
        let row = self.lab.stat(proxy, row).await;
        let status = row.text("status").replace("no check", "no_check");
        let got = match name {
            "FRONTEND" => format!("{name} {status}"),
            "BACKEND" => format!("{name} {status} {} {}", row.text("act"), row.text("weight")),
            _ => {
                let dump = self.lab.socket("show servers state api_nodes").await;
                let line = dump.lines().find(|line| line.split(' ').nth(3) == Some(name));
                let words: Vec<_> = line.expect("a line of that server").split(' ').collect();
                let check: u8 = words[13].parse().expect("a number");
                format!("{name} {status} {} {} {} {}", words[5], words[6], check & !1, words[12])
            }
        };
        if got != expected {
            self.wrong.push(format!("{scene}: expected `{expected}`, got `{got}`"));
        }
    }

    /// A message ends with an empty line, which the table does not say; an order is answered with nothing but ends of lines.
    async fn ask(&mut self, scene: &str, command: &str, expected: &str, name: Option<&str>) {
        let (filled, expected) = (self.filled(command), self.filled(expected));
        let got = self.lab.socket(&filled).await;
        let told = got.replace('\n', "|");
        if told.trim_end_matches('|') != expected.trim_end_matches('|') || !got.ends_with('\n') {
            self.wrong.push(format!("{scene}: {command}: {told}"));
        }
        if let Some((sent, answer)) = name.and_then(|name| self.transcripts.get(name)).cloned() {
            assert_eq!(self.ported(&sent), filled, "the table and the transcript send the same");
            self.judge(scene, name.unwrap_or_default(), &sent, &answer, &got);
        }
    }

    async fn replay(&mut self, scene: &str, name: &str) {
        let Some((sent, answer)) = self.transcripts.get(name).cloned() else {
            assert!(self.transcripts.is_empty(), "{name} is not in the folder");
            return;
        };
        let sent_here = bytes(&self.ported(&sent));
        let got = self.lab.socket_bytes_of(&fixture::socket_of(name), sent_here.as_bytes()).await;
        self.judge(scene, name, &sent, &answer, &got);
    }

    fn judge(&mut self, scene: &str, name: &str, sent: &str, answer: &str, got: &str) {
        let (got, expected) = (normal(sent, got), normal(sent, &as_configured(answer)));
        let fault = fault(name, sent, &expected, &got).map(|fault| format!("{scene}: {fault}"));
        self.wrong.extend(fault);
    }

    /// The fixture's ports are ours here.
    fn ported(&self, text: &str) -> String {
        let port = |at: usize| self.nodes[at].origin.address().port().to_string();
        text.replace("17010", &port(0)).replace("17011", &port(1)).replace("17012", &port(2))
    }
}

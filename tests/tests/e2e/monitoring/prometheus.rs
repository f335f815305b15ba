//! A real Prometheus with the sample's configuration, which scrapes a lab five times a second.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tests::{Wire, eventually};

/// The process, which ends with this value.
pub(super) struct Prometheus {
    process: Child,
    address: SocketAddr,
    /// Its configuration and data.
    _folder: TempDir,
}

// === impl Prometheus ===

impl Prometheus {
    /// Starts it with the files of `folder`, but another target; returns when it answers.
    pub(super) async fn start(folder: &Path, target: SocketAddr) -> Self {
        let own = tempfile::tempdir().unwrap();
        let read = |name| std::fs::read_to_string(folder.join(name)).unwrap();
        let config =
            read("prometheus.yml").replace("lb0:8404", &target.to_string()).replace(": 5s", ": 200ms");
        assert!(config.contains(&target.to_string()) && config.contains("200ms"), "{config}");
        std::fs::write(own.path().join("prometheus.yml"), config).unwrap();
        std::fs::write(own.path().join("rules.yml"), read("rules.yml")).unwrap();
        let mut process = Command::new("prometheus")
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=info"])
            .arg("--web.listen-address=127.0.0.1:0")
            .current_dir(own.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let listening = tokio::task::spawn_blocking(move || {
            let mut seen = String::new();
            let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
                seen = format!("{seen}{line}\n");
                line.split_once("\"Listening on\" address=").map(|(_, address)| address.trim().to_owned())
            });
            // Whoever stops reading would stop the writer.
            std::thread::spawn(move || lines.for_each(drop));
            address.ok_or(seen)
        });
        let address =
            listening.await.unwrap().unwrap_or_else(|seen| panic!("prometheus does not listen:\n{seen}"));
        let prometheus = Self { process, address: address.parse().unwrap(), _folder: own };
        eventually("prometheus ready", async || {
            let mut wire = Wire::connect(prometheus.address).await.unwrap();
            wire.get("/-/ready").await.status() == 200
        })
        .await;
        prometheus
    }

    /// An answer of its API.
    async fn api(&self, target: &str) -> Value {
        let mut wire = Wire::connect(self.address).await.unwrap();
        let answer = wire.get(&format!("/api/v1/{target}")).await;
        let document: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(document["status"], "success", "{target}: {document}");
        document["data"].clone()
    }

    /// The first value of what it answers to an expression, if there is any.
    pub(super) async fn query(&self, expression: &str) -> Option<f64> {
        let query: String = form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let data = self.api(&format!("query?query={query}")).await;
        data["result"][0]["value"][1].as_str().map(|value| value.parse().unwrap())
    }

    /// Waits until an expression has a value that is `wanted`.
    pub(super) async fn value_of(&self, expression: &str, wanted: impl Fn(f64) -> bool) {
        eventually(expression, async || self.query(expression).await.is_some_and(&wanted)).await;
    }

    /// The expressions of the rules that it has loaded, each of which it has evaluated.
    pub(super) async fn rules(&self) -> Vec<String> {
        let mut expressions = Vec::new();
        eventually("all rules evaluated", async || {
            let data = self.api("rules").await;
            let rules = data["groups"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|group| group["rules"].as_array().unwrap());
            let rules: Vec<_> = rules.collect();
            expressions = rules.iter().map(|rule| rule["query"].as_str().unwrap().to_owned()).collect();
            let failed = rules.iter().find(|rule| rule["health"] == "err");
            assert!(failed.is_none(), "{failed:?}");
            !rules.is_empty() && rules.iter().all(|rule| rule["health"] == "ok")
        })
        .await;
        expressions
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! A real browser, driven as people drive it: headless Chromium through chromedriver's WebDriver protocol (W3C WebDriver).
//!
//! Where there is no chromedriver there is no browser, and tests that need one say so and pass. It never waits: tests do.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tests::{Wire, eventually};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A browser takes its time to start on a machine that tests.
const START: Duration = Duration::from_secs(120);
/// What W3C calls the key of an element's id.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Counts what must not happen, from the first byte of each page on.
const WATCH: &str = "window.faults = [];
    addEventListener('error', (event) => faults.push(event.message));
    addEventListener('unhandledrejection', (event) => faults.push(String(event.reason)));
    addEventListener('securitypolicyviolation', (event) => faults.push(event.violatedDirective + ' ' + event.blockedURI));";

/// A browser with one window.
pub(super) struct Browser {
    driver: SocketAddr,
    session: String,
    // Dropped after the session has been ended.
    _process: Child,
    _profile: tempfile::TempDir,
}

// === impl Browser ===

impl Browser {
    /// Starts one, if chromedriver is installed.
    pub(super) async fn start() -> Option<Self> {
        let spawned = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let Ok(mut process) = spawned else {
            eprintln!("skipped: there is no chromedriver here (Debian: chromium-driver)");
            return None;
        };
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let started = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, port)) = line.split_once("successfully on port ") {
                    return port.trim_end_matches('.').parse().unwrap();
                }
            }
            panic!("chromedriver ended");
        };
        let port: u16 = timeout(START, started).await.expect("chromedriver starts");
        let driver = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let profile = tempfile::tempdir().unwrap();
        // Without a sandbox: it does not work for root, and the only page is ours.
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let options = json!({ "goog:chromeOptions": { "args": arguments } });
        let wanted = json!({ "capabilities": { "alwaysMatch": options } });
        let created = call(driver, "POST", "/session", &wanted).await;
        let session = created["sessionId"].as_str().unwrap_or_else(|| panic!("{created}")).to_owned();
        let browser = Self { driver, session, _process: process, _profile: profile };
        browser.before_pages(WATCH).await;
        Some(browser)
    }

    /// Shows a page.
    pub(super) async fn open(&self, url: &str) {
        self.ask("url", json!({ "url": url })).await;
    }

    /// Runs a script at the beginning of every page.
    pub(super) async fn before_pages(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    /// Makes the window so wide and high, in a scheme of colours.
    pub(super) async fn look(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let feature = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", feature).await;
    }

    /// The value of an expression on the page.
    pub(super) async fn value(&self, expression: &str) -> Value {
        self.ask("execute/sync", json!({ "script": format!("return {expression}"), "args": [] })).await
    }

    /// Waits until an expression is true.
    pub(super) async fn until(&self, expression: &str) {
        eventually(expression, async || self.value(expression).await == true).await;
    }

    /// Clicks where a person sees the element; fails when none can.
    pub(super) async fn click(&self, selector: &str) {
        let found = self.ask("element", json!({ "using": "css selector", "value": selector })).await;
        let id = found[ELEMENT].as_str().unwrap_or_else(|| panic!("{selector}: {found}"));
        let clicked = self.ask(&format!("element/{id}/click"), json!({})).await;
        assert!(clicked.is_null(), "{selector}: {clicked}");
    }

    /// Presses keys, wherever the focus is.
    pub(super) async fn press(&self, keys: &str) {
        let actions: Vec<_> = keys
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
            })
            .collect();
        self.ask("actions", json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] }))
            .await;
    }

    /// Writes what is seen to a file, all of the page.
    pub(super) async fn picture(&self, file: &Path) {
        let taken = self.devtools("Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
        std::fs::write(file, BASE64_STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.ask("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    async fn ask(&self, command: &str, body: Value) -> Value {
        call(self.driver, "POST", &format!("/session/{}/{command}", self.session), &body).await
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver is killed afterwards; only this ends the browser itself.
        let Ok(mut driver) = std::net::TcpStream::connect(self.driver) else { return };
        let request = format!("DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", self.session);
        let _ = driver.set_read_timeout(Some(Duration::from_secs(10)));
        let _ = driver.write_all(request.as_bytes());
        let _ = driver.read(&mut [0; 512]);
    }
}

async fn call(driver: SocketAddr, method: &str, path: &str, body: &Value) -> Value {
    let mut wire = Wire::connect(driver).await.expect("chromedriver listens");
    let body = body.to_string();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json");
    wire.send(format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    let answer = timeout(START, wire.try_answer()).await.expect("chromedriver answers").unwrap();
    let mut answer: Value = serde_json::from_slice(&answer.body).unwrap();
    answer["value"].take()
}

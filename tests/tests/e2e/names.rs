//! Servers given by names that a section of name servers knows: what is asked, what is believed, and what is counted.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tests::{Lab, Origin, Running, eventually};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// An address, or a code; nothing is silence.
type Told = Option<Result<[u8; 4], u8>>;

/// A name server that answers every question alike.
struct NameServer {
    address: SocketAddr,
    answer: Arc<Mutex<Told>>,
    _task: JoinSet<()>,
}

// === impl NameServer ===

impl NameServer {
    async fn start(answer: Told) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (address, answer) = (socket.local_addr().unwrap(), Arc::new(Mutex::new(answer)));
        let told = Arc::clone(&answer);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                let Some(answer) = *told.lock().unwrap() else { continue };
                let mut out = buffer[..length].to_vec();
                // An answer, with its code; its question stays.
                (out[2], out[3]) = (0x81, 0x80 | answer.err().unwrap_or(0));
                if let Ok(address) = answer {
                    out[7] = 1;
                    out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
                    out.extend(address);
                }
                socket.send_to(&out, peer).await.unwrap();
            }
        });
        Self { address, answer, _task: task }
    }

    fn tell(&self, answer: Told) {
        *self.answer.lock().unwrap() = answer;
    }
}

/// A count of the name server `one`.
async fn count(lab: &Running, what: &str) -> u64 {
    let rows = lab.socket("show stat domain resolvers").await;
    let mut lines = rows.lines();
    let place = lines.next().unwrap().split(',').position(|column| column == what).unwrap();
    let row = lines.find(|line| line.starts_with("one,dns,")).unwrap();
    row.split(',').nth(place).unwrap().parse().unwrap()
}

/// Breaks when a silent or lying server keeps a good one from being heard, or when a failed look-up costs a server its address.
#[tokio::test]
async fn the_first_good_answer_counts_and_the_last_good_address_stays() {
    let origin = Origin::named("a").await;
    let (one, deaf) = (NameServer::start(Some(Ok([127, 0, 0, 1]))).await, NameServer::start(None).await);
    let servers = format!(
        "nameservers = [{{ address = \"{}\", name = \"one\" }}, \"{}\"]\ntimeout = \"200ms\"\nattempts = 1",
        one.address, deaf.address
    );
    let lab = Lab::new()
        .section("resolvers.dns", &servers)
        .backend("resolvers = \"dns\"\nresolve = \"20ms\"")
        .server_with("a", format!("api.lab:{}", origin.address().port()), "")
        .start()
        .await;
    eventually("an answer", async || lab.get("/").await.status() == 200).await;
    assert!(count(&lab, "valid").await > 0 && count(&lab, "sent").await > 0);
    assert_eq!(count(&lab, "update").await, 1);
    let told = lab.socket("show resolvers dns").await;
    assert!(told.starts_with("Resolvers section dns\n nameserver one:\n  sent:        "), "{told}");
    for (answer, what) in
        [(Some(Err(3)), "nx"), (Some(Err(5)), "refused"), (Some(Err(2)), "other"), (None, "timeout")]
    {
        one.tell(answer);
        eventually(what, async || count(&lab, what).await > 0).await;
        assert_eq!(lab.get("/").await.text(), "a", "{what}");
    }
    let port = origin.address().port();
    one.tell(Some(Ok([127, 0, 0, 2])));
    eventually("another address", async || {
        lab.stat("api_nodes", "a").await.text("addr") == format!("127.0.0.2:{port}")
    })
    .await;
}

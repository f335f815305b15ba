//! Servers given by names that a section of name servers knows: what is asked, what is believed, and what is counted.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tests::{Lab, Origin, Running, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

/// What a name server answers to every question.
#[derive(Debug, Clone, Copy)]
enum Told {
    Address([u8; 4]),
    /// An answer that is cut off over UDP, and whole over TCP.
    Long([u8; 4]),
    /// An answer that is cut off everywhere.
    Cut,
    Code(u8),
    Silence,
}

/// A name server that answers every question alike.
struct NameServer {
    address: SocketAddr,
    answer: Arc<Mutex<Told>>,
    _tasks: JoinSet<()>,
}

// === impl Told ===

impl Told {
    /// The answer to a question, whose words stay; nothing is silence.
    fn answer(self, question: &[u8], over_tcp: bool) -> Option<Vec<u8>> {
        // A record whose owner is the name in the question.
        let record = |address: [u8; 4]| [&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4], &address[..]].concat();
        let (flags, records) = match self {
            Self::Silence => return None,
            Self::Address(address) => ([0x81, 0x80], vec![record(address)]),
            Self::Long(address) if over_tcp => ([0x81, 0x80], vec![record(address); 200]),
            Self::Long(_) | Self::Cut => ([0x83, 0x80], Vec::new()),
            Self::Code(code) => ([0x81, 0x80 | code], Vec::new()),
        };
        let mut out = question.to_vec();
        out[2..4].copy_from_slice(&flags);
        out[7] = u8::try_from(records.len()).unwrap();
        out.extend(records.concat());
        Some(out)
    }
}

// === impl NameServer ===

impl NameServer {
    async fn start(answer: Told) -> Self {
        let (datagrams, listener) = both_kinds().await;
        let (address, answer) = (datagrams.local_addr().unwrap(), Arc::new(Mutex::new(answer)));
        let mut tasks = JoinSet::new();
        let told = Arc::clone(&answer);
        tasks.spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, peer)) = datagrams.recv_from(&mut buffer).await {
                let answer = told.lock().unwrap().answer(&buffer[..length], false);
                if let Some(answer) = answer {
                    datagrams.send_to(&answer, peer).await.unwrap();
                }
            }
        });
        let told = Arc::clone(&answer);
        tasks.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut question = vec![0; stream.read_u16().await.unwrap().into()];
                stream.read_exact(&mut question).await.unwrap();
                let answer = told.lock().unwrap().answer(&question, true);
                if let Some(answer) = answer {
                    stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
                    stream.write_all(&answer).await.unwrap();
                }
            }
        });
        Self { address, answer, _tasks: tasks }
    }

    fn tell(&self, answer: Told) {
        *self.answer.lock().unwrap() = answer;
    }
}

/// One port for datagrams and for connections.
async fn both_kinds() -> (UdpSocket, TcpListener) {
    loop {
        let datagrams = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        // Another process may have that port for TCP.
        if let Ok(listener) = TcpListener::bind(datagrams.local_addr().unwrap()).await {
            return (datagrams, listener);
        }
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
    let one = NameServer::start(Told::Address([127, 0, 0, 1])).await;
    let deaf = NameServer::start(Told::Silence).await;
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
    for (answer, what) in [
        (Told::Code(3), "nx"),
        (Told::Code(5), "refused"),
        (Told::Code(2), "other"),
        (Told::Cut, "truncated"),
        (Told::Silence, "timeout"),
    ] {
        one.tell(answer);
        eventually(what, async || count(&lab, what).await > 0).await;
        assert_eq!(lab.get("/").await.text(), "a", "{what}");
    }
    let port = origin.address().port();
    for (answer, address) in [
        (Told::Address([127, 0, 0, 2]), "127.0.0.2"),
        // More than fits over UDP.
        (Told::Long([127, 0, 0, 3]), "127.0.0.3"),
    ] {
        one.tell(answer);
        eventually("another address", async || {
            lab.stat("api_nodes", "a").await.text("addr") == format!("{address}:{port}")
        })
        .await;
    }
}

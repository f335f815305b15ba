//! Name servers that lie, lag, or say nothing: which answers count, and until when.

use std::sync::Mutex;

use super::*;
use crate::config;

/// What a name server sends for a question, one datagram after the other.
type Answers = Box<dyn Fn(Vec<u8>, RecordType) -> Vec<Vec<u8>> + Send>;

/// Its address, and the questions that it has answered.
struct TestNameServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<RecordType>>>,
    _task: JoinSet<()>,
}

impl TestNameServer {
    async fn start(answers: impl Fn(Vec<u8>, RecordType) -> Vec<Vec<u8>> + Send + 'static) -> Self {
        Self::start_behind(None, answers).await
    }

    /// One that answers when the other has answered twice.
    async fn start_behind(
        other: Option<&Self>,
        answers: impl Fn(Vec<u8>, RecordType) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        let other = other.map(|other| Arc::clone(&other.asked));
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (socket.local_addr().unwrap(), Arc::<Mutex<Vec<RecordType>>>::default());
        let (mut task, told, answers): (_, _, Answers) =
            (JoinSet::new(), Arc::clone(&asked), Box::new(answers));
        task.spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                let question = buffer[..length].to_vec();
                let kind = if question[length - 3] == 28 { RecordType::Aaaa } else { RecordType::A };
                while other.as_ref().is_some_and(|asked| asked.lock().unwrap().len() < 2) {
                    tokio::task::yield_now().await;
                }
                for answer in answers(question, kind) {
                    socket.send_to(&answer, peer).await.unwrap();
                }
                told.lock().unwrap().push(kind);
            }
        });
        Self { address, asked, _task: task }
    }

    /// One that answers every question with this code and these addresses of the kind that is asked for.
    async fn says(code: u8, addresses: &'static str) -> Self {
        Self::start(move |question, kind| vec![answer(&question, kind, code, addresses)]).await
    }

    async fn silent() -> Self {
        Self::start(|_, _| Vec::new()).await
    }
}

fn answer(question: &[u8], kind: RecordType, code: u8, addresses: &str) -> Vec<u8> {
    let ips = addresses.split_whitespace().map(|ip| ip.parse::<IpAddr>().unwrap());
    let ips: Vec<_> = ips.filter(|ip| ip.is_ipv4() == (kind == RecordType::A)).collect();
    let mut out = question.to_vec();
    out[2..4].copy_from_slice(&[0x81, 0x80 | code]);
    out[7] = u8::try_from(ips.len()).unwrap();
    for ip in ips {
        let (number, data) = match ip {
            IpAddr::V4(ip) => (1, ip.octets().to_vec()),
            IpAddr::V6(ip) => (28, ip.octets().to_vec()),
        };
        let length = u8::try_from(data.len()).unwrap();
        out.extend([0xc0, 12, 0, number, 0, 1, 0, 0, 0, 9, 0, length]);
        out.extend(data);
    }
    out
}

fn section(servers: &[&TestNameServer], timeout: Duration) -> Arc<Resolvers> {
    let nameserver = |server: &&TestNameServer| config::Nameserver {
        name: server.address.to_string(),
        address: server.address,
    };
    let nameservers = servers.iter().map(nameserver).collect();
    let spec = config::ResolversConfig { name: "dns".to_owned(), nameservers, timeout, attempts: 1 };
    Resolvers::all(&[spec], &[]).remove(0)
}

fn count(section: &Resolvers, place: usize, outcome: QueryOutcome) -> u64 {
    let (_, mut counts) = section.told().nth(place).unwrap();
    counts.find(|(one, _)| *one == outcome).unwrap().1
}

fn addresses(found: &io::Result<LookupResult>) -> Vec<String> {
    found.as_ref().unwrap().addresses.iter().map(ToString::to_string).collect()
}

/// Longer than any test waits for an answer that comes.
const LONG: Duration = Duration::from_secs(20);
/// For answers that never come.
const SHORT: Duration = Duration::from_millis(300);
const V6: Families = Families { v4: false, v6: true };

/// Breaks when noise ends the wait for an answer.
#[tokio::test]
async fn datagrams_that_do_not_match_are_ignored() {
    let noisy = TestNameServer::start(|question, kind| {
        let good = answer(&question, kind, 0, "192.0.2.1");
        let mut other_id = answer(&question, kind, 0, "192.0.2.6");
        other_id[0] ^= 1;
        let other_name = question.to_ascii_uppercase().into_iter().map(|b| if b == b'P' { b'Q' } else { b });
        let other_name: Vec<u8> = other_name.collect();
        let other_name = [&question[..12], &other_name[12..]].concat();
        let other_kind =
            message::question(u16::from_be_bytes([question[0], question[1]]), "api", RecordType::Aaaa);
        vec![
            b"noise".to_vec(),
            other_id.clone(),
            answer(&other_id, kind, 3, ""),
            answer(&other_name, kind, 0, "192.0.2.7"),
            answer(&other_kind.unwrap(), RecordType::Aaaa, 3, ""),
            vec![0xff; 600],
            question,
            good,
        ]
    })
    .await;
    let section = section(&[&noisy], LONG);
    let found = ask(&section, "api", RecordType::A).await;
    assert_eq!(found, Ok(vec!["192.0.2.1".parse().unwrap()]));
    let counted = [QueryOutcome::Sent, QueryOutcome::Invalid, QueryOutcome::Valid, QueryOutcome::Nx]
        .map(|what| count(&section, 0, what));
    assert_eq!(counted, [1, 7, 1, 0]);
}

/// Breaks when a datagram from elsewhere is taken, or ends the wait.
#[tokio::test]
async fn answers_from_elsewhere_are_ignored() {
    let other = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let mut buffer = [0; 512];
        let (length, peer) = socket.recv_from(&mut buffer).await.unwrap();
        let question = &buffer[..length];
        other.send_to(&answer(question, RecordType::A, 0, "192.0.2.6"), peer).await.unwrap();
        socket.send_to(&answer(question, RecordType::A, 0, "192.0.2.1"), peer).await.unwrap();
    });
    let question = message::question(9, "api", RecordType::A).unwrap();
    let found = exchange(address, &question, LONG, || ()).await.unwrap();
    assert_eq!(found.all, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    server.await.unwrap();
}

/// Breaks when a server that knows nothing is believed before one that knows the name.
#[tokio::test]
async fn an_empty_answer_does_not_beat_a_good_one() {
    for code in [0, 2, 3, 5] {
        let empty = TestNameServer::says(code, "").await;
        let answers = |question: Vec<u8>, kind| vec![answer(&question, kind, 0, "192.0.2.1")];
        let good = TestNameServer::start_behind(Some(&empty), answers).await;
        let section = section(&[&empty, &good], LONG);
        let found = look_up(&section, "api", Families::default()).await;
        assert_eq!(addresses(&found), ["192.0.2.1"], "code {code}");
    }
}

#[tokio::test]
async fn an_empty_answer_counts_when_nobody_knows_better() {
    let (empty, silent) = (TestNameServer::says(0, "").await, TestNameServer::silent().await);
    let alone = look_up(&section(&[&empty], LONG), "api", Families::default()).await;
    assert_eq!(alone.unwrap(), LookupResult::default());
    let beside = look_up(&section(&[&empty, &silent], SHORT), "api", Families::default()).await;
    assert_eq!(beside.unwrap(), LookupResult::default());
    let nx = TestNameServer::says(3, "").await;
    let error = look_up(&section(&[&nx], LONG), "api", Families::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no such name");
}

/// Breaks when a name with addresses of one kind is lost for want of the other.
#[tokio::test]
async fn both_kinds_are_asked_for_and_merged() {
    let both = TestNameServer::says(0, "192.0.2.1 2001:db8::1").await;
    let found = look_up(&section(&[&both], LONG), "api", V6).await;
    assert_eq!(addresses(&found), ["192.0.2.1", "2001:db8::1"]);
    assert_eq!(found.unwrap().unknown, Families::default());

    let v6 = TestNameServer::says(0, "2001:db8::1").await;
    assert_eq!(
        addresses(&look_up(&section(&[&v6], LONG), "api", Families::default()).await),
        ["2001:db8::1"]
    );

    // An alias without an address of one kind is an empty answer.
    let alias = TestNameServer::start(|question, kind| {
        let mut out = answer(&question, kind, 0, "2001:db8::1");
        if kind == RecordType::A {
            out[7] = 1;
            out.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 3, 1, b'x', 0]);
        }
        vec![out]
    });
    let found = look_up(&section(&[&alias.await], LONG), "api", Families::default()).await;
    assert_eq!(addresses(&found), ["2001:db8::1"]);

    // One that does not answer to one kind at all.
    let half = TestNameServer::start(|question, kind| {
        if kind == RecordType::A { Vec::new() } else { vec![answer(&question, kind, 0, "2001:db8::1")] }
    });
    let found = look_up(&section(&[&half.await], SHORT), "api", Families::default()).await;
    assert_eq!(addresses(&found), ["2001:db8::1"]);
    assert_eq!(found.unwrap().unknown, Families { v4: true, v6: false });
}

/// Breaks when servers at IPv4 addresses wait for an answer about IPv6 ones.
#[tokio::test]
async fn servers_at_ipv4_addresses_do_not_wait_for_ipv6_ones() {
    let half = TestNameServer::start(|question, kind| {
        if kind == RecordType::Aaaa { Vec::new() } else { vec![answer(&question, kind, 0, "192.0.2.1")] }
    });
    // With this limit the test would never end.
    let found =
        look_up(&section(&[&half.await], Duration::from_secs(3600)), "api", Families::default()).await;
    assert_eq!(addresses(&found), ["192.0.2.1"]);
    assert_eq!(found.unwrap().unknown, V6);
}

//! Random legal exchanges through one running `lb`: what one end sends is what the other end gets, to the byte.
//!
//! Methods, targets, fields with their order and case, bodies, trailers and interim answers are compared by a parser that shares nothing
//! with `lb`. Both ends cut their bytes wherever they like. `PROPTEST_CASES` tells how many pipelines are tried.

mod compare;
mod plan;
mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tests::strict::{self, Message};
use tests::{Conn, Lab, Origin, PATIENCE, Running, Wire};
use tokio::time::{Instant, timeout_at};

use plan::{Body, Exchange, Pipeline};

/// Pipelines in a run: about three times as many exchanges.
const PIPELINES: u32 = 300;

/// What the server is to answer and has seen, by ticket: `round.number`.
#[derive(Debug, Default)]
struct Book {
    answers: HashMap<String, Exchange>,
    requests: HashMap<String, Vec<Message>>,
    faults: Vec<String>,
}

#[test]
fn whatever_is_legal_passes_unchanged() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let book = Arc::new(Mutex::new(Book::default()));
    let (lab, _origin) = runtime.block_on(start(&book));
    let cases = match std::env::var("PROPTEST_CASES") {
        Ok(cases) => cases.parse().unwrap(),
        Err(_) => PIPELINES,
    };
    // A failing pipeline may need its whole patience each time it is tried in a simpler form.
    let config = Config { cases, failure_persistence: None, max_shrink_time: 60_000, ..Config::default() };
    let round = std::cell::Cell::new(0);
    let result = TestRunner::new(config).run(&plan::pipelines(), |pipeline| {
        round.set(round.get() + 1);
        runtime.block_on(relay(&lab, &book, &pipeline, round.get())).map_err(TestCaseError::fail)
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

async fn start(book: &Arc<Mutex<Book>>) -> (Running, Origin) {
    let book = Arc::clone(book);
    let origin = Origin::script(move |conn| {
        let book = Arc::clone(&book);
        async move { serve(conn, &book).await }
    })
    .await;
    let lab = Lab::new().server("a", origin.address()).start().await;
    (lab, origin)
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The server: it answers what the ticket says.
async fn serve(mut conn: Conn, book: &Mutex<Book>) {
    let mut inbox = Vec::new();
    loop {
        match strict::request(&inbox) {
            Ok(Some((request, used))) => {
                inbox.drain(..used);
                let ticket = request.values(wire::TICKET.as_bytes()).next().unwrap_or_default();
                let ticket = String::from_utf8_lossy(ticket).into_owned();
                let exchange = {
                    let mut book = lock(book);
                    book.requests.entry(ticket.clone()).or_default().push(request);
                    book.answers.get(&ticket).cloned()
                };
                let Some(exchange) = exchange else { return };
                let answer = &exchange.answer;
                send(&mut conn, &wire::server(&exchange), &answer.cuts).await;
                if answer.closes || matches!(answer.body, Body::Close(_)) {
                    return;
                }
            }
            Ok(None) => {
                conn.arrived().await;
                match conn.take_some().await {
                    Ok(bytes) if !bytes.is_empty() => inbox.extend(bytes),
                    _ => return,
                }
            }
            Err(fault) => {
                lock(book).faults.push(fault);
                return;
            }
        }
    }
}

/// Sends bytes in pieces; that the other side does not take them any more shows in what it has got.
async fn send(wire: &mut Wire, bytes: &[u8], cuts: &[Index]) {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    let mut start = 0;
    for end in cuts {
        if wire.try_send(&bytes[start..end]).await.is_err() {
            return;
        }
        start = end;
        // Gives lb's threads the chance to see the piece by itself.
        tokio::task::yield_now().await;
    }
}

/// Relays a pipeline; the error says what is wrong with it.
async fn relay(lab: &Running, book: &Mutex<Book>, pipeline: &Pipeline, round: usize) -> Result<(), String> {
    let ticket = |number: usize| format!("{round}.{number}");
    {
        let mut book = lock(book);
        *book = Book::default();
        let numbered = pipeline.exchanges.iter().enumerate();
        book.answers = numbered.map(|(number, exchange)| (ticket(number), exchange.clone())).collect();
    }
    let mut client = lab.connect().await;
    send(&mut client, &wire::client(pipeline, round), &pipeline.cuts).await;
    let answers = read(&mut client, pipeline).await?;
    if let Some(fault) = lock(book).faults.first() {
        return Err(format!("the server got what is no request: {fault}"));
    }
    for (number, (exchange, answers)) in pipeline.exchanges.iter().zip(&answers).enumerate() {
        let requests = lock(book).requests.get(&ticket(number)).cloned().unwrap_or_default();
        let [request] = &requests[..] else {
            return Err(format!("the server got request {number} {} times", requests.len()));
        };
        let old = pipeline.old && number + 1 == pipeline.exchanges.len();
        compare::request(exchange, request)
            .map_err(|fault| format!("at the server, request {number}: {fault}\n{}", brief(request)))?;
        compare::answers(exchange, old, answers)
            .map_err(|fault| format!("at the client, answer {number}: {fault}\n{}", brief(answers)))?;
    }
    Ok(())
}

/// What was got, for a person to read.
fn brief(got: &impl std::fmt::Debug) -> String {
    format!("{got:?}").chars().take(4000).collect()
}

/// Reads the answers to all exchanges, each with the interim ones before it, and makes sure that nothing follows.
async fn read(client: &mut Wire, pipeline: &Pipeline) -> Result<Vec<Vec<Message>>, String> {
    let deadline = Instant::now() + PATIENCE / 4;
    let (mut inbox, mut ended) = (Vec::new(), false);
    let (mut answers, mut before) = (Vec::new(), Vec::new());
    while let Some(exchange) = pipeline.exchanges.get(answers.len()) {
        let shown = |inbox: &[u8]| format!("\"{}\"", inbox[..inbox.len().min(400)].escape_ascii());
        match strict::answer(&inbox, exchange.method, ended) {
            Ok(Some((answer, used))) => {
                inbox.drain(..used);
                let last = answer.status() >= 200;
                before.push(answer);
                if last {
                    answers.push(std::mem::take(&mut before));
                }
                continue;
            }
            Ok(None) => {}
            Err(fault) => return Err(format!("answer {}: {fault} in {}", answers.len(), shown(&inbox))),
        }
        if ended {
            return Err(format!("the end comes after {} answers and {}", answers.len(), shown(&inbox)));
        }
        match timeout_at(deadline, client.take_some()).await {
            Ok(Ok(bytes)) if !bytes.is_empty() => inbox.extend(bytes),
            Ok(_) => ended = true,
            Err(_) => {
                return Err(format!("after {} answers nothing comes: {}", answers.len(), shown(&inbox)));
            }
        }
    }
    if inbox.is_empty() { Ok(answers) } else { Err("bytes follow the last answer".to_owned()) }
}

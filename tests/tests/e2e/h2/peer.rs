//! A client and a server of HTTP/2, by hyper: neither shares a line with the translation under test.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::channel::{Channel, Sender};
use http_body_util::{BodyExt as _, Empty, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self as client, SendRequest};
use hyper::server::conn::http2 as server;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A body with these bytes.
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

pub(super) fn empty() -> Body {
    Empty::new().boxed_unsync()
}

/// A body that is written while it is sent.
pub(super) fn channel() -> (Sender<Bytes>, Body) {
    let (sender, body) = Channel::new(4);
    (sender, body.map_err(|never| match never {}).boxed_unsync())
}

/// Reads a body to its end.
pub(super) async fn whole(body: Incoming) -> hyper::Result<Bytes> {
    Ok(body.collect().await?.to_bytes())
}

/// A connection to `address`; it is driven until it ends.
pub(super) async fn connect(address: SocketAddr) -> SendRequest<Body> {
    let stream = TcpStream::connect(address).await.unwrap();
    let io = TokioIo::new(stream);
    let (sender, driver) = client::Builder::new(TokioExecutor::new()).handshake(io).await.unwrap();
    tokio::spawn(driver);
    sender
}

/// Sends a request and waits for the head of its response.
pub(super) async fn send(
    sender: &SendRequest<Body>,
    request: Request<Body>,
) -> hyper::Result<Response<Incoming>> {
    let mut sender = sender.clone();
    sender.ready().await?;
    sender.send_request(request).await
}

/// A GET.
pub(super) fn get(target: &str) -> Request<Body> {
    Request::get(format!("http://lab{target}")).body(empty()).unwrap()
}

/// A POST.
pub(super) fn post(target: &str, body: Body) -> Request<Body> {
    Request::post(format!("http://lab{target}")).body(body).unwrap()
}

/// A server of HTTP/2 without TLS. It ends, with its connections, when it is dropped.
pub(super) struct H2Origin {
    address: SocketAddr,
    /// Requests in progress.
    pub(super) open: Arc<AtomicUsize>,
    /// Requests so far.
    pub(super) seen: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

/// Counts itself out.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl H2Origin {
    /// Answers each request with what `answer` makes of it.
    pub(super) async fn start<F>(answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, seen) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counts = (Arc::clone(&open), Arc::clone(&seen));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, counts) = (answer.clone(), counts.clone());
                let service = service_fn(move |request| {
                    counts.0.fetch_add(1, SeqCst);
                    counts.1.fetch_add(1, SeqCst);
                    let (counted, answer) = (Counted(Arc::clone(&counts.0)), answer(request));
                    async move {
                        let response = answer.await;
                        drop(counted);
                        Ok::<_, Infallible>(response)
                    }
                });
                connections.spawn(async move {
                    let io = TokioIo::new(stream);
                    // How a connection ends is its client's business.
                    let _ = server::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
                });
            }
        });
        Self { address, open, seen, _tasks: tasks }
    }

    /// Answers with what was sent, trailers included.
    pub(super) async fn echo() -> Self {
        Self::start(async |request: Request<Incoming>| {
            let (mut sender, body) = channel();
            tokio::spawn(async move {
                let mut body = request.into_body();
                while let Some(Ok(frame)) = body.frame().await {
                    // The receiver is gone: there is nothing to report.
                    if sender.send(frame).await.is_err() {
                        return;
                    }
                }
            });
            Response::new(body)
        })
        .await
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

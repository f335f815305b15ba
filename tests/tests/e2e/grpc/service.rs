//! A gRPC service and its client, by tonic: all four kinds of call, written by hand, so that nothing is generated.
//!
//! Every answer names the node that gave it. Neither side shares a line with what is under test.

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream, Stream, StreamExt as _, TryStreamExt as _};
use http::uri::PathAndQuery;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::service_fn;

/// The only message.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Text {
    /// What is said.
    #[prost(string, tag = "1")]
    pub(super) text: String,
    /// The sender.
    #[prost(string, tag = "2")]
    pub(super) node: String,
}

type Codec = ProstCodec<Text, Text>;
type Texts = BoxStream<'static, Result<Text, Status>>;

/// The service on a port of its own; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) address: SocketAddr,
    echo: Echo,
    _serving: JoinSet<()>,
}

#[derive(Debug, Clone)]
struct Echo {
    name: &'static str,
    calls: Arc<AtomicUsize>,
    /// Endless responses that a client still reads.
    endless: Arc<AtomicUsize>,
}

/// Counts an endless answer as long as it lives.
struct Wanted(Arc<AtomicUsize>);

// === impl Node ===

impl Node {
    pub(super) async fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let echo = Echo { name, calls: Arc::default(), endless: Arc::default() };
        let served = Server::builder().add_service(echo.clone());
        let mut serving = JoinSet::new();
        serving.spawn(async move { served.serve_with_incoming(TcpIncoming::from(listener)).await.unwrap() });
        Self { address, echo, _serving: serving }
    }

    /// Calls that have reached it.
    pub(super) fn calls(&self) -> usize {
        self.echo.calls.load(SeqCst)
    }

    /// Endless responses that a client still reads.
    pub(super) fn endless(&self) -> usize {
        self.echo.endless.load(SeqCst)
    }
}

// === impl Echo ===

impl Echo {
    fn say(&self, text: impl Into<String>) -> Text {
        Text { text: text.into(), node: self.name.to_owned() }
    }

    async fn unary(self, request: Request<Text>) -> Result<Response<Text>, Status> {
        match request.get_ref().text.as_str() {
            "refuse" => Err(Status::failed_precondition("so it was asked")),
            text => Ok(Response::new(self.say(text))),
        }
    }

    async fn upload(self, request: Request<Streaming<Text>>) -> Result<Response<Text>, Status> {
        let add = |all: String, one: Text| ready(Ok(all + &one.text));
        let all = request.into_inner().try_fold(String::new(), add).await?;
        Ok(Response::new(self.say(all)))
    }

    async fn download(self, request: Request<Text>) -> Result<Response<Texts>, Status> {
        if request.get_ref().text == "endless" {
            self.endless.fetch_add(1, SeqCst);
            let wanted = Wanted(Arc::clone(&self.endless));
            let first = stream::iter([Ok(self.say("first"))]);
            let rest = stream::once(async move {
                let _wanted = wanted;
                std::future::pending().await
            });
            return Ok(Response::new(first.chain(rest).boxed()));
        }
        let words: Vec<_> = request.get_ref().text.split(' ').map(|word| Ok(self.say(word))).collect();
        Ok(Response::new(stream::iter(words).boxed()))
    }

    async fn chat(self, request: Request<Streaming<Text>>) -> Result<Response<Texts>, Status> {
        let answers = request.into_inner().map_ok(move |one| self.say(one.text));
        Ok(Response::new(answers.boxed()))
    }
}

impl NamedService for Echo {
    const NAME: &'static str = "lb.Echo";
}

impl tower::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move {
            echo.calls.fetch_add(1, SeqCst);
            let mut grpc = tonic::server::Grpc::new(Codec::default());
            let path = request.uri().path().to_owned();
            let answer = match path.rsplit('/').next().unwrap_or_default() {
                "Unary" => grpc.unary(service_fn(|asked| echo.clone().unary(asked)), request).await,
                "Upload" => {
                    grpc.client_streaming(service_fn(|asked| echo.clone().upload(asked)), request).await
                }
                "Download" => {
                    grpc.server_streaming(service_fn(|asked| echo.clone().download(asked)), request).await
                }
                "Chat" => grpc.streaming(service_fn(|asked| echo.clone().chat(asked)), request).await,
                _ => Status::unimplemented(path).into_http(),
            };
            Ok(answer)
        })
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

// The client.

/// A channel to `address`, connected.
pub(super) async fn connect(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

pub(super) async fn unary(channel: &Channel, text: &str) -> Result<Text, Status> {
    let mut grpc = ready_for(channel).await?;
    let answer = grpc.unary(Request::new(words(text)), path("Unary"), Codec::default()).await?;
    Ok(answer.into_inner())
}

pub(super) async fn upload(channel: &Channel, texts: &[&str]) -> Result<Text, Status> {
    let mut grpc = ready_for(channel).await?;
    let texts: Vec<_> = texts.iter().map(|text| words(text)).collect();
    let request = Request::new(stream::iter(texts));
    Ok(grpc.client_streaming(request, path("Upload"), Codec::default()).await?.into_inner())
}

pub(super) async fn download(channel: &Channel, text: &str) -> Result<Streaming<Text>, Status> {
    let mut grpc = ready_for(channel).await?;
    let answer = grpc.server_streaming(Request::new(words(text)), path("Download"), Codec::default()).await?;
    Ok(answer.into_inner())
}

pub(super) async fn chat(
    channel: &Channel,
    texts: impl Stream<Item = Text> + Send + 'static,
) -> Result<Streaming<Text>, Status> {
    let mut grpc = ready_for(channel).await?;
    Ok(grpc.streaming(Request::new(texts), path("Chat"), Codec::default()).await?.into_inner())
}

/// A message with this text.
pub(super) fn words(text: &str) -> Text {
    Text { text: text.to_owned(), node: String::new() }
}

async fn ready_for(channel: &Channel) -> Result<tonic::client::Grpc<Channel>, Status> {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    Ok(grpc)
}

fn path(method: &str) -> PathAndQuery {
    format!("/lb.Echo/{method}").parse().unwrap()
}

//! A WebSocket conversation: handshake, messages and a ping that must come back, and the close handshake (RFC 6455 §7.1.4).

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{Response, request};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::noise;
use crate::fault::Reason;

/// The longest binary message.
const MAX_BINARY: u32 = 4096;

/// What is to be said.
#[derive(Debug)]
pub(crate) struct Talk {
    key: String,
    messages: Vec<Message>,
    pause: Duration,
}

// === impl Talk ===

impl Talk {
    pub(super) fn new(random: &mut fastrand::Rng, pause: Duration) -> Self {
        let text: String = (0..random.usize(1..=200)).map(|_| random.alphanumeric()).collect();
        let messages = vec![
            Message::text(text),
            Message::Ping(random.u64(..).to_be_bytes().to_vec().into()),
            Message::Binary(noise(random, MAX_BINARY)),
        ];
        Self { key: generate_key(), messages, pause }
    }

    /// Adds the headers that ask for a WebSocket.
    pub(super) fn ask(&self, builder: request::Builder) -> request::Builder {
        builder
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &self.key)
    }

    /// Goes on after 101 and talks to the end.
    pub(super) async fn hold(&self, response: Response<Incoming>) -> Result<(), Reason> {
        let accept = response.headers().get(SEC_WEBSOCKET_ACCEPT);
        if accept.is_none_or(|accept| accept != derive_accept_key(self.key.as_bytes()).as_str()) {
            return Err(Reason::altered("sec-websocket-accept", format!("{accept:?}")));
        }
        let upgraded = hyper::upgrade::on(response).await?;
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await;
        for (number, message) in self.messages.iter().enumerate() {
            if number > 0 {
                tokio::time::sleep(self.pause).await;
            }
            socket.send(message.clone()).await?;
            let wanted = match message {
                Message::Ping(payload) => Message::Pong(payload.clone()),
                other => other.clone(),
            };
            let got = next(&mut socket).await?;
            if got != wanted {
                return Err(Reason::altered("websocket message", format!("number {}", number + 1)));
            }
        }
        close(socket).await
    }
}

async fn close(mut socket: WebSocketStream<TokioIo<Upgraded>>) -> Result<(), Reason> {
    let bye = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
    socket.close(Some(bye)).await?;
    match next(&mut socket).await? {
        Message::Close(Some(frame)) if frame.code == CloseCode::Normal => {}
        other => return Err(Reason::altered("websocket close", format!("answered with {other:?}"))),
    }
    match socket.next().await {
        None => Ok(()),
        Some(Err(error)) => Err(error.into()),
        Some(Ok(message)) => Err(Reason::altered("websocket close", format!("followed by {message:?}"))),
    }
}

async fn next(socket: &mut WebSocketStream<TokioIo<Upgraded>>) -> Result<Message, Reason> {
    match socket.next().await {
        Some(message) => Ok(message?),
        None => Err(Reason::Closed),
    }
}

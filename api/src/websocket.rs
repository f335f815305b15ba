//! `/ws`: takes the connection over (RFC 6455 §4.2) and echoes text and binary until the client closes.

use futures_util::{SinkExt, StreamExt};
use http::header::{CONNECTION, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::body::Body;
use crate::node::{Life, Slot};
use crate::routes::json;

/// The longest message that is echoed.
const MAX_MESSAGE: usize = 1 << 20;

/// Answers 101 and goes on with the echo in a task of the node's, or responds 426 when the request does not ask for it.
pub(crate) fn upgrade(life: &Life, mut request: Request<Incoming>) -> Response<Body> {
    let on_upgrade = hyper::upgrade::on(&mut request);
    let slot = request.extensions_mut().remove::<Slot>();
    // The helper reads the head alone.
    let (head, _) = request.into_parts();
    match create_response_with_body(&Request::from_parts(head, ()), Body::empty) {
        Ok(response) => {
            life.spawn(async move {
                let _slot = slot;
                if let Ok(upgraded) = on_upgrade.await {
                    echo(upgraded).await;
                }
            });
            response
        }
        Err(error) => {
            let error = format!("/ws speaks WebSocket only: {error}");
            let mut response = json(StatusCode::UPGRADE_REQUIRED, &serde_json::json!({ "error": error }));
            response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
            // RFC 6455 §4.4: the one version that is spoken here.
            response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
            response
        }
    }
}

async fn echo(upgraded: hyper::upgrade::Upgraded) {
    let config =
        WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    let mut socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    // Pings and the close handshake are answered by the library while it is read.
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

//! Turns failures into answers: the one place where `lb` speaks for itself.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::proxy::{Answer, Exchange, Inbound, Payload, ProxyError};

/// Puts [`Rescue`] around a service.
#[derive(Debug, Clone, Copy)]
pub struct RescueLayer;

/// A service that always has an answer.
#[derive(Debug, Clone)]
pub struct Rescue<S>(S);

pin_project! {
    /// The answer to come.
    #[derive(Debug)]
    pub struct Rescued<F> {
        #[pin]
        inner: F,
    }
}

impl<S> Layer<S> for RescueLayer {
    type Service = Rescue<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Rescue(inner)
    }
}

// === impl Rescue ===

impl<S> Service<Inbound> for Rescue<S>
where
    S: Service<Inbound, Response = Answer, Error = (ProxyError, Box<Exchange>)>,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = Rescued<S::Future>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // An exchange has no readiness of its own: what is full queues inside, with a limit and an answer.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, inbound: Inbound) -> Self::Future {
        Rescued { inner: self.0.call(inbound) }
    }
}

impl<F> Future for Rescued<F>
where
    F: Future<Output = Result<Answer, (ProxyError, Box<Exchange>)>>,
{
    type Output = Result<Answer, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(ready!(self.project().inner.poll(cx)).unwrap_or_else(|(error, mut exchange)| {
            exchange.failed(error);
            Answer { response: answer(error), exchange }
        })))
    }
}

/// The answer for a failure.
fn answer(error: ProxyError) -> Response<Payload> {
    let text = Bytes::from(format!("lb: {error}\n"));
    let mut response = Response::new(Payload::Local(text));
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if error.is_clients_fault() {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if error.status() == StatusCode::METHOD_NOT_ALLOWED {
        headers
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, TRACE"));
    }
    response
}

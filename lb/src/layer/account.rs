//! Opens an account for each request and sends it on with the response.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::proxy::{Answer, Client, Exchange, Inbound, ReplyBody, Worker};

/// Puts [`Account`] around a service.
#[derive(Debug, Clone)]
pub struct AccountLayer {
    worker: Rc<Worker>,
    client: Rc<Client>,
}

/// A service with an account for each request.
#[derive(Debug, Clone)]
pub struct Account<S> {
    inner: S,
    layer: AccountLayer,
}

pin_project! {
    /// The response to come.
    #[derive(Debug)]
    pub struct Accounted<F> {
        #[pin]
        inner: F,
    }
}

// === impl AccountLayer ===

impl AccountLayer {
    /// Accounts for the requests of `client`.
    pub fn new(worker: &Rc<Worker>, client: &Rc<Client>) -> Self {
        Self { worker: Rc::clone(worker), client: Rc::clone(client) }
    }
}

impl<S> Layer<S> for AccountLayer {
    type Service = Account<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Account { inner, layer: self.clone() }
    }
}

// === impl Account ===

impl<S> Service<Request<Incoming>> for Account<S>
where
    S: Service<Inbound, Response = Answer, Error = Infallible>,
{
    type Response = Response<ReplyBody>;
    type Error = Infallible;
    type Future = Accounted<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let AccountLayer { worker, client } = &self.layer;
        // From here on the client owes nothing until its body is asked for.
        client.pulse().rest();
        let exchange = Exchange::begin(worker, client, request.method(), request.uri(), request.version());
        Accounted { inner: self.inner.call(Inbound { request, exchange }) }
    }
}

impl<F> Future for Accounted<F>
where
    F: Future<Output = Result<Answer, Infallible>>,
{
    type Output = Result<Response<ReplyBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Ok(answer) = ready!(self.project().inner.poll(cx));
        Poll::Ready(Ok(answer.into_response()))
    }
}

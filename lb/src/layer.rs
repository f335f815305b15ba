//! What surrounds every exchange, as `tower` layers: the account that is opened and closed, and failures that become answers.
//!
//! The layers are static: a stack of them is one type, and nothing in it is boxed. They decide nothing about routing or retries.

mod account;
mod rescue;

use std::convert::Infallible;
use std::rc::Rc;

use http::{Request, Response};
use hyper::body::Incoming;
use tower::{Service, ServiceBuilder, service_fn};

use crate::proxy::{Client, ReplyBody, Worker, handle};

pub use account::{Account, AccountLayer};
pub use rescue::{Rescue, RescueLayer};

/// The service of one client connection: account, then rescue, then the exchange itself.
pub fn stack(
    worker: &Rc<Worker>,
    client: &Rc<Client>,
) -> impl Service<Request<Incoming>, Response = Response<ReplyBody>, Error = Infallible> + Clone {
    ServiceBuilder::new()
        .layer(AccountLayer::new(worker, client))
        .layer(RescueLayer)
        .service(service_fn(handle))
}

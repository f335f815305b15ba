//! The sample's HTTP API node: a small, honest application to put behind a load balancer.
//!
//! | path | answers |
//! |---|---|
//! | `GET /` | `{"node","version","count"}`; `count` is the requests this node has seen, health checks left out |
//! | `GET /health` | 200, or the failing status that `POST /health?fail=true&status=503` (or SIGUSR2) switched on |
//! | `GET /slow?ms=` | answers after that many milliseconds |
//! | `GET /bytes?n=` | `n` bytes of [`pattern_byte`], streamed, with `content-length` |
//! | `POST /echo` | the body as it comes, in the request's framing, with its `content-type` and trailers |
//! | `GET /events?n=&ms=` | `n` numbered server-sent events, `ms` apart, each flushed at once |
//! | `GET /ws` | WebSocket echo of text and binary; answers ping and close |
//!
//! Every response carries `x-node` and `x-version`, so that a client knows which node sent it, and that it was not the balancer.
//! It is a sample and no more: no TLS, no routes from a configuration, no state between runs.

mod body;
mod cli;
mod health;
mod node;
mod options;
mod routes;
mod state;
mod websocket;

pub use body::pattern_byte;
pub use cli::main_with;
pub use node::Node;
pub use options::Options;

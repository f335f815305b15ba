//! stub
use crate::control::Control;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
/// l
#[derive(Debug)]
pub struct Web;
/// b
pub fn bind(_: &[SocketAddr]) -> std::io::Result<Web> {
    Ok(Web)
}
impl Web {
    /// a
    pub fn addresses(&self) -> Vec<SocketAddr> {
        vec![]
    }
    /// s
    pub async fn serve(self, _: Arc<Control>, _: CancellationToken) {}
}

//! provisional
/// t
pub fn text(_: &crate::control::Control) -> String {
    "Name: HAProxy\nVersion: 3.4.0\n".into()
}

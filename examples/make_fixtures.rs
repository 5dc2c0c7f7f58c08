//! placeholder
pub fn recordings() -> Vec<(String, Vec<u8>)> { Vec::new() }
fn main() {}

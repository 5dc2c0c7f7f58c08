//! stub
use super::{console::Console, exit::Exit};
/// stub
#[derive(Debug, clap::Args)]
pub struct Test {}
impl Test { pub(super) fn run(&self, _: &mut Console) -> anyhow::Result<Exit> { Ok(Exit::Done) } }

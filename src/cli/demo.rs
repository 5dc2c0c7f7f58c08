//! stub
use super::{console::Console, exit::Exit};
/// stub
#[derive(Debug, clap::Args)]
pub struct Demo {}
impl Demo { pub(super) fn run(&self, _: &mut Console) -> anyhow::Result<Exit> { Ok(Exit::Done) } }

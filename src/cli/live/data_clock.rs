//! `run --clock data`: recorded data decided on as if it came now, into a real ledger.

use std::path::PathBuf;

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::global::WhichEnvironment;
use crate::cli::policies;
use crate::cli::run::{Recorded, Run};
use crate::shell::files;

/// Runs `data` under the policy at `paths` into the store at `store`.
pub(super) fn run(
    paths: &[PathBuf],
    data: &[String],
    environment: &WhichEnvironment,
    store: Option<&PathBuf>,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let [policy] = paths else {
        let failure = Failure::new(Exit::Usage, "with --clock data, one policy is run");
        return Err(failure.help("rollgate run POLICY --clock data --data FILE --store NEW.redb").into());
    };
    let Some(store) = store else {
        let failure = Failure::new(Exit::Usage, "where does its ledger go? the usual store is not for recordings");
        return Err(failure.help("--store NEW.redb").into());
    };
    if store.exists() {
        let failure = Failure::new(Exit::Usage, format!("`{}` is there already", files::shown(store)));
        return Err(failure.help("a recording gets a store of its own").into());
    }
    let run = Run::prepare(policy, data, environment, &Recorded::default(), console)?;
    let record = run.record(&policies::load_one(policy)?);
    let lived = run.live(store, &record, &mut |line| console.line(line))?;
    let back = if lived.latched { ", rolled back" } else { "" };
    console.say(format!(
        "{} snapshots, {} entries in {}; it stands in {}{back}",
        lived.snapshots,
        lived.entries,
        files::shown(store),
        lived.stage
    ))?;
    Ok(if lived.snapshots == 0 { Exit::Nothing } else { Exit::Done })
}

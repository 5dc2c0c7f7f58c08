//! The fixture's directory: what is written there, and the policy that is found from there.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::policies;
use crate::control::PolicyRecord;
use crate::fixture::directory::FIXTURE_FILE;
use crate::fixture::record::lines::Lines;
use crate::ledger::hash::Key;
use crate::model::time::Time;
use crate::policy::source::POLICY_FILE;
use crate::shell::{files, write};

use super::readings::Readings;
use super::{Judge, inside};

/// The file of the readings.
pub(super) const DATA: &str = "data.ndjson";
/// Lines are written to disk when there is so much of them.
const AT_ONCE: usize = 64 << 10;

/// Refuses a directory in which something is.
pub(super) fn must_be_free(out: &Path) -> anyhow::Result<()> {
    if write::is_free(out) {
        return Ok(());
    }
    let failure = Failure::new(Exit::Usage, format!("`{}` is there already", files::shown(out)));
    Err(failure.help("nothing is overwritten: name another directory").into())
}

/// The policy that replays the recording.
pub(super) struct Replays {
    /// Its directory, as the fixture names it.
    pub(super) path: String,
    pub(super) policy: Judge,
}

/// The policy named, or the rollout's own where policies usually are.
pub(super) fn policy(
    out: &Path,
    named: Option<&Path>,
    key: &Key,
    in_force: Option<&PolicyRecord>,
    console: &mut Console,
) -> anyhow::Result<Replays> {
    let whole = files::absolute(out);
    // As `test` looks for it: from the nearest directory above that has policies.
    let root = whole.ancestors().skip(1).find(|above| above.join("policies").is_dir());
    let root = root.or_else(|| whole.parent()).unwrap_or(&whole).to_path_buf();
    let found = match named {
        Some(named) => files::absolute(named),
        None => usual(&root, key)?,
    };
    let source = policies::load_one(&found)?;
    let environment = in_force.map_or_else(|| key.environment.clone(), |record| record.environment.clone());
    let policy = policies::compile(&source, &environment, console)?;
    let path = found.strip_prefix(&root).map_or_else(|_| files::shown(&found), files::shown);
    Ok(Replays { path, policy })
}

/// The policy below `policies` that is about the rollout.
fn usual(root: &Path, key: &Key) -> anyhow::Result<PathBuf> {
    let named = root.join("policies").join(key.rollout.as_str());
    if named.join(POLICY_FILE).is_file() {
        return Ok(named);
    }
    let about = |folder: &PathBuf| {
        let source = files::load_policy(folder);
        let compiled = crate::policy::compile(&source, &key.environment);
        compiled.policy.is_some_and(|policy| policy.rollout == key.rollout)
    };
    let below = files::find_policies(&root.join("policies")).unwrap_or_default();
    below.into_iter().find(about).ok_or_else(|| {
        let message = format!("no policy of {} is below `{}`", key.rollout, files::shown(&root.join("policies")));
        let help = "a fixture names the policy that replays it: --policy DIRECTORY";
        Failure::new(Exit::Usage, message).help(help).into()
    })
}

/// Writes the readings of `between`; counts those that cannot be read any more.
pub(super) fn data(
    out: &Path,
    readings: &Readings,
    key: &Key,
    between: (Time, Time),
    lines: &mut Lines,
) -> anyhow::Result<u64> {
    let path = inside(out, DATA);
    let cannot = || format!("cannot write `{}`", files::shown(&path));
    let mut file = write::growing(&path).with_context(cannot)?;
    let (mut text, mut written) = (String::new(), Ok(()));
    let damaged = readings.each(key, between.0, &mut |at, snapshot| {
        if at > between.1 || written.is_err() {
            return written.is_ok();
        }
        lines.take(at, snapshot, &mut text);
        if text.len() >= AT_ONCE {
            written = file.write_all(text.as_bytes());
            text.clear();
        }
        true
    })?;
    written.with_context(cannot)?;
    lines.finish(between.1, &mut text);
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).with_context(cannot)?;
    if let Readings::Gathered(path) = readings {
        write::remove(path).with_context(|| format!("cannot remove `{}`", files::shown(path)))?;
    }
    Ok(damaged)
}

/// Writes `fixture.toml`.
pub(super) fn head(out: &Path, text: &str) -> anyhow::Result<()> {
    let path = inside(out, FIXTURE_FILE);
    write::create(&path, text.as_bytes()).with_context(|| format!("cannot write `{}`", files::shown(&path)))
}

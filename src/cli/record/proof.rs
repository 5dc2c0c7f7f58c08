//! Whether the recording replays to what the ledger says was decided: told at once, while the readings can still be had.

use std::path::Path;
use std::sync::Arc;

use crate::cli::console::Console;
use crate::cli::run::fixture::Folder;
use crate::fixture::data::open::open_all;
use crate::fixture::record::Told;
use crate::fixture::record::agree::{Agreement, agreement};
use crate::fixture::record::opening::Begins;
use crate::fixture::run::{RunOptions, run as play};
use crate::model::time::{Duration, Time};

use super::Judge;

/// What came of it.
pub(super) struct Proof {
    /// How the replay compares with the ledger; none where another policy judged it, or none did.
    pub(super) agreement: Option<Agreement>,
}

/// Replays what was written.
pub(super) fn replay(
    out: &Path,
    policy: &Judge,
    begins: &Begins,
    told: &[Told],
    until: Time,
    console: &mut Console,
) -> anyhow::Result<Proof> {
    let folder = Folder::read(out, console)?;
    let fixture = folder.against(policy, console)?;
    let catalogue = Arc::new(policy.catalogue.clone());
    let mut frames = open_all(folder.recordings()?, &catalogue, &Folder::reading(&fixture, policy))?;
    let mut events = Vec::new();
    play(&fixture.scenario, policy, &mut *frames, &RunOptions::default(), &mut |_, _, output, _| {
        events.extend(output.events.iter().cloned());
    })?;
    if begins.policy.as_ref() != Some(&policy.digest) {
        return Ok(Proof { agreement: None });
    }
    // At its first instant a replay says where everything stands; a ledger had said so before.
    let opening = begins.at + Duration::from_millis(1);
    events.retain(|event| event.time > opening);
    let rest = told.get(begins.skipped..).unwrap_or_default();
    let rest = rest.iter().filter(|told| told.event.time > opening && told.event.time <= until);
    Ok(Proof { agreement: Some(agreement(&rest.cloned().collect::<Vec<Told>>(), &events)) })
}

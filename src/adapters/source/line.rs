//! One snapshot as one text, as files and streams carry it.

use crate::model::snapshot::{SNAPSHOT_VERSION, Snapshot};

use super::sheet::About;
use super::shown::shown;

/// The longest text of one snapshot: a thousand readings are a tenth of it.
pub(super) const MAX_SNAPSHOT_BYTES: usize = 1024 * 1024;
/// The most sentences about one answer; a file full of rubbish is one problem and not a million.
const MAX_PROBLEMS: usize = 10;

/// Reads a snapshot and signs it with the source's name. What it is about is what it says itself, or what the source
/// is said to be about.
pub(super) fn read(text: &[u8], source: &str, about: &About) -> Result<Snapshot, String> {
    if text.len() > MAX_SNAPSHOT_BYTES {
        return Err(format!("it is longer than {} KiB", MAX_SNAPSHOT_BYTES / 1024));
    }
    let snapshot: Snapshot = serde_json::from_slice(text).map_err(|error| shown(&error.to_string()))?;
    if snapshot.v != SNAPSHOT_VERSION {
        return Err(format!("it has shape {}, and this rollgate reads {SNAPSHOT_VERSION}", snapshot.v));
    }
    Ok(Snapshot {
        rollout: snapshot.rollout.or_else(|| about.rollout.clone()),
        environment: snapshot.environment.or_else(|| about.environment.clone()),
        source: Some(source.to_owned()),
        ..snapshot
    })
}

/// Sentences about one answer, the first few of them.
#[derive(Debug, Default)]
pub(super) struct Problems {
    told: Vec<String>,
    untold: usize,
}

impl Problems {
    pub(super) fn add(&mut self, what: String) {
        if self.told.len() < MAX_PROBLEMS {
            self.told.push(what);
        } else {
            self.untold += 1;
        }
    }

    pub(super) fn finish(mut self) -> Vec<String> {
        if self.untold > 0 {
            self.told.push(format!("and {} more", self.untold));
        }
        self.told
    }
}

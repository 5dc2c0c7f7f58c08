//! Whether a chain is whole: nothing changed, dropped, doubled or put elsewhere.

use super::chain::Head;
use super::checkpoint::Checkpoint;
use super::entry::Entry;
use super::hash::Key;

/// A chain that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many entries were looked at.
    pub entries: u64,
    /// The entry before the first of them; 0 when the chain begins at its beginning.
    pub from: u64,
    /// Its end.
    pub head: Head,
}

/// Where a chain is broken, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq}: {why}")]
pub struct Broken {
    /// The first entry that is not as it should be.
    pub seq: u64,
    /// What is wrong with it.
    pub why: String,
}

impl Broken {
    /// At `seq`, because of `why`.
    pub fn at(seq: u64, why: impl Into<String>) -> Broken {
        Broken { seq, why: why.into() }
    }
}

/// Checks a chain, which begins at `base` or at its beginning. Every entry's own seal was checked when it was read.
///
/// # Errors
/// The first place where it is broken.
pub fn verify<'a>(
    key: &Key,
    base: Option<&Checkpoint>,
    entries: impl IntoIterator<Item = &'a Entry>,
) -> Result<Verified, Broken> {
    let mut walk = Walk::new(key, base)?;
    for entry in entries {
        walk.step(entry)?;
    }
    Ok(walk.end())
}

/// The same, one entry at a time: for chains that are read from a file or a store in pieces.
#[derive(Debug)]
pub struct Walk {
    key: Key,
    from: u64,
    head: Head,
}

impl Walk {
    /// Before the first entry.
    ///
    /// # Errors
    /// The checkpoint is another chain's.
    pub fn new(key: &Key, base: Option<&Checkpoint>) -> Result<Walk, Broken> {
        let head = match base {
            None => Head::genesis(key),
            Some(base) if base.key() == key => base.head().clone(),
            Some(base) => {
                return Err(Broken::at(base.head().seq, format!("its checkpoint is of {}, not of {key}", base.key())));
            }
        };
        Ok(Walk { key: key.clone(), from: head.seq, head })
    }

    /// Behind `head`, which was checked before.
    #[must_use]
    pub fn after(key: &Key, head: &Head) -> Walk {
        Walk { key: key.clone(), from: head.seq, head: head.clone() }
    }

    /// The next entry.
    ///
    /// # Errors
    /// It does not follow the one before.
    pub fn step(&mut self, entry: &Entry) -> Result<(), Broken> {
        let record = entry.record();
        let expected = self.head.seq.saturating_add(1);
        let broken = |why: String| Err(Broken::at(expected.max(1), why));
        if record.key() != self.key {
            return broken(format!("it belongs to {}, not to {}", record.key(), self.key));
        }
        if record.seq != expected {
            return broken(match record.seq {
                seq if seq == self.head.seq => format!("entry {seq} comes twice"),
                seq if seq < expected => format!("entry {seq} comes after entry {}", self.head.seq),
                seq if seq == expected.saturating_add(1) => "it is missing".to_owned(),
                seq => format!("it and {} more are missing", seq.saturating_sub(expected).saturating_sub(1)),
            });
        }
        if record.prev != self.head.hash {
            return broken(format!("it does not follow entry {}: one of the two was replaced", self.head.seq));
        }
        if record.at < self.head.at {
            return broken(format!("its time is before that of entry {}", self.head.seq));
        }
        self.head = Head::at(entry);
        Ok(())
    }

    /// After the last entry.
    #[must_use]
    pub fn end(&self) -> Verified {
        Verified { entries: self.head.seq.saturating_sub(self.from), from: self.from, head: self.head.clone() }
    }

    /// The end so far.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }
}

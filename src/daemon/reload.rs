//! Hot reload: watches the policies' directories and hands over what may come into force, or why it may not.
//!
//! ```text
//! something changed, and has settled ─> read once, whole ─> digest as before? nothing
//!                                                        ─> compile, lint ─> its own tests ─> Candidate
//!                                                                │               │
//!                                                                └───── no ──────┴─────────> Rejected
//! ```
//!
//! On any failure the last good policy stays: nothing in here puts anything in force. Whether a policy still has the
//! stage a rollout stands in is the machine's to say. Directories are watched, not files: editors rename, and
//! Kubernetes swaps a symlink.
//!
//! | module | what it holds |
//! |---|---|
//! | `rounds` | what was read before, and what is news |
//! | `judge` | one policy's files to a candidate, or to why not |
//! | `trial` | a policy's own tests, within their budget |

mod judge;
mod rounds;
mod trial;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::control::PolicyRecord;
use crate::ledger::hash::Key;
use crate::model::ids::{Digest, Environment};
use crate::model::time::Time;
use crate::policy::compiled::Policy;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::source::PolicySource;
use crate::settings::values::ReloadSettings;
use crate::shell::files;
use crate::shell::watch::trees::{How, Nudge, Trees, Wake};

use super::desk;

use rounds::Rounds;

/// What is watched, and how.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Policies, or trees of them.
    pub paths: Vec<PathBuf>,
    /// Which overlay is in force.
    pub environment: Environment,
    /// How edits are taken over.
    pub reload: ReloadSettings,
    /// Look every [`ReloadSettings::poll`] instead of being told: for file systems that tell nothing.
    pub only_poll: bool,
}

/// News of a policy's directory.
#[derive(Debug)]
pub enum News {
    /// It may come into force.
    Candidate(Box<Candidate>),
    /// It may not; the last good one stays.
    Rejected(Box<Rejection>),
}

/// A policy that compiled and whose own tests hold.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Which rollout it governs.
    pub key: Key,
    /// Ready for the machine.
    pub policy: Arc<Policy>,
    /// For the store.
    pub record: PolicyRecord,
    /// Its text, as it was read.
    pub source: PolicySource,
    /// What is not wrong but may be worth a thought.
    pub warnings: Vec<Diagnostic>,
    /// How many of its own tests ran.
    pub tests: usize,
    /// When it was read.
    pub at: Time,
}

/// A version of a policy that was turned away.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// Whose policy it is, or was: none for a directory that never governed anything.
    pub key: Option<Key>,
    /// Its directory, as it was named.
    pub path: String,
    /// Its digest, when it could be read that far.
    pub digest: Option<Digest>,
    /// Why, one sentence each; never empty.
    pub why: Vec<String>,
    /// The same with places, where there are any.
    pub diagnostics: Vec<Diagnostic>,
    /// The text that they are about.
    pub source: PolicySource,
    /// Its tests ran out of time: the same text may do better at the next look.
    pub late: bool,
    /// When it was read.
    pub at: Time,
}

impl Candidate {
    /// As `status` shows it.
    #[must_use]
    pub fn files(&self, waits: bool) -> desk::PolicyFiles {
        desk::PolicyFiles {
            path: self.source.root.clone(),
            digest: Some(self.policy.digest.clone()),
            loaded_at: Some(self.at),
            waits,
            rejected: None,
        }
    }
}

impl Rejection {
    /// As `status` shows it.
    #[must_use]
    pub fn shown(&self) -> desk::Rejected {
        desk::Rejected { digest: self.digest.clone(), at: self.at, why: self.why.clone() }
    }
}

/// Watches until dropped.
#[derive(Debug)]
pub struct PolicyWatcher {
    nudge: Nudge,
    thread: Option<JoinHandle<()>>,
}

impl PolicyWatcher {
    /// Reads everything that is there, and from then on calls `tell` for every change, from a thread of its own.
    ///
    /// What is there now is handed back rather than told, so that the caller can start its rollouts in peace; nothing
    /// that changes meanwhile is missed.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn start(
        watched: Watched,
        mut tell: impl FnMut(News) + Send + 'static,
    ) -> std::io::Result<(PolicyWatcher, Vec<News>)> {
        let mut trees = Trees::start(&places(&watched.paths), how(&watched));
        let nudge = trees.nudge();
        let mut rounds = Rounds::new(watched);
        let mut now = Vec::new();
        rounds.look(&mut |news| now.push(news));
        let thread = std::thread::Builder::new().name("policies".to_owned()).spawn(move || {
            while trees.wait() == Wake::Look {
                rounds.look(&mut tell);
            }
        })?;
        Ok((PolicyWatcher { nudge, thread: Some(thread) }, now))
    }

    /// Has everything looked at now, as on a signal.
    pub fn look(&self) {
        self.nudge.look();
    }
}

impl Drop for PolicyWatcher {
    fn drop(&mut self) {
        self.nudge.stop();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended too.
            drop(thread.join());
        }
    }
}

fn how(watched: &Watched) -> How {
    let length = |of: crate::model::time::Duration| Duration::from_millis(of.as_millis().unsigned_abs());
    How { debounce: length(watched.reload.debounce), poll: length(watched.reload.poll), only_poll: watched.only_poll }
}

/// The trees, and the folders beside them whose scripts their policies may import.
fn places(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut places = paths.to_vec();
    for path in paths {
        let whole = files::absolute(path);
        let beside = files::shared_folders(path).into_iter().filter(|folder| !folder.starts_with(&whole));
        places.extend(beside);
    }
    places.sort();
    places.dedup();
    places
}

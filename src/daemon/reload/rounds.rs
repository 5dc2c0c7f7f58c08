//! Round after round over the directories: what was read before, and what is news.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::ledger::hash::Key;
use crate::model::ids::Digest;
use crate::model::time::Time;
use crate::policy::source::{POLICY_FILE, PolicySource};
use crate::shell::clock;
use crate::shell::files::{self, FindError};

use super::judge::judge;
use super::{Candidate, News, Rejection, Watched};

/// What is known of the directories.
pub(super) struct Rounds {
    watched: Watched,
    known: BTreeMap<PathBuf, Known>,
    /// Trees that could not be looked through, with why, so that each is told once.
    closed: BTreeMap<PathBuf, String>,
}

/// A directory that was read before.
struct Known {
    /// Of everything that was read, tests and unreadable files included; none when it is to be judged again.
    print: Option<[u8; 32]>,
    /// What it governs.
    key: Option<Key>,
    /// The last version that was handed over.
    good: Option<Good>,
    /// The last version was turned away.
    rejected: bool,
}

struct Good {
    digest: Digest,
    source: PolicySource,
}

impl Rounds {
    pub(super) fn new(watched: Watched) -> Rounds {
        Rounds { watched, known: BTreeMap::new(), closed: BTreeMap::new() }
    }

    /// Reads every directory and tells what is news: first what is gone, so that a policy may move.
    pub(super) fn look(&mut self, tell: &mut dyn FnMut(News)) {
        let at = clock::now();
        let folders = self.find(at, tell);
        let read: BTreeMap<PathBuf, PolicySource> =
            folders.into_iter().map(|folder| (folder.clone(), files::load_steady(&folder))).collect();
        let here = |path: &Path| read.get(path).is_some_and(|source| !is_gone(source));
        let gone: Vec<PathBuf> = self.known.keys().filter(|path| !here(path)).cloned().collect();
        let moved: Vec<(Key, Rejection)> = gone.iter().filter_map(|path| self.lost(path, at)).collect();
        let mut handed_over = BTreeSet::new();
        for (folder, source) in read.into_iter().filter(|(_, source)| !is_gone(source)) {
            for news in self.one(folder, source, at) {
                if let News::Candidate(candidate) = &news {
                    handed_over.insert(candidate.key.clone());
                }
                tell(news);
            }
        }
        // A policy that stands somewhere else now is not gone.
        let lost = moved.into_iter().filter(|(key, _)| !handed_over.contains(key));
        lost.for_each(|(_, rejection)| tell(News::Rejected(Box::new(rejection))));
    }

    /// The directories with a policy, and those that had one: a tree that cannot be looked through loses nothing.
    fn find(&mut self, at: Time, tell: &mut dyn FnMut(News)) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        for root in self.watched.paths.clone() {
            match files::find_policies(&root) {
                Ok(folders) => {
                    self.closed.remove(&root);
                    found.extend(folders);
                }
                // Those that were in it are gone, and each tells so itself.
                Err(FindError::NoPolicy(_)) if self.has_known_below(&root) => {}
                Err(error) => {
                    let why = match std::error::Error::source(&error) {
                        Some(cause) => format!("{error}: {cause}"),
                        None => error.to_string(),
                    };
                    found.extend(self.known.keys().filter(|folder| folder.starts_with(&root)).cloned());
                    if !self.has_known_below(&root) && self.closed.get(&root) != Some(&why) {
                        self.closed.insert(root.clone(), why.clone());
                        tell(News::Rejected(Box::new(nothing_read(&root, why, at))));
                    }
                }
            }
        }
        found
    }

    fn has_known_below(&self, root: &Path) -> bool {
        self.known.keys().any(|folder| folder.starts_with(root))
    }

    /// Forgets a directory that is gone; what it governed keeps its last good policy.
    fn lost(&mut self, path: &Path, at: Time) -> Option<(Key, Rejection)> {
        let known = self.known.remove(path)?;
        let shown = files::shown(path);
        let why = format!("`{shown}` is gone: it has no {POLICY_FILE} any more");
        let key = known.key?;
        Some((key.clone(), Rejection { key: Some(key), ..nothing_read(path, why, at) }))
    }

    /// What one directory has to say, if it is news.
    fn one(&mut self, folder: PathBuf, source: PolicySource, at: Time) -> Vec<News> {
        let print = print(&source);
        if self.known.get(&folder).is_some_and(|known| known.print == Some(print)) {
            return Vec::new();
        }
        let digest = crate::policy::digest_of(&source, &self.watched.environment);
        if let Some(known) = self.known.get_mut(&folder)
            && !known.rejected
            && source.problems.is_empty()
            && known.good.as_ref().is_some_and(|good| good.digest == digest)
        {
            // Something that alters no decision: a test, a comment, another environment's overlay.
            known.print = Some(print);
            return Vec::new();
        }
        let neighbours: Vec<&PolicySource> = self
            .known
            .iter()
            .filter(|(path, _)| **path != folder)
            .filter_map(|(_, known)| known.good.as_ref().map(|good| &good.source))
            .collect();
        let budget = Duration::from_millis(self.watched.reload.tests_budget.as_millis().unsigned_abs());
        let judged = judge(source, &self.watched.environment, &neighbours, budget, at);
        match judged {
            Ok(candidate) => self.good(folder, print, candidate),
            Err(rejection) => vec![self.bad(folder, print, rejection)],
        }
    }

    fn good(&mut self, folder: PathBuf, print: [u8; 32], candidate: Box<Candidate>) -> Vec<News> {
        let good = Good { digest: candidate.policy.digest.clone(), source: candidate.source.clone() };
        let now = candidate.key.clone();
        let known = Known { print: Some(print), key: Some(now.clone()), good: Some(good), rejected: false };
        let before = self.known.insert(folder.clone(), known).and_then(|known| known.key);
        // Another name in the same directory: the rollout it governed before is without files.
        let left = before.filter(|before| *before != now).map(|before| {
            let why = format!("`{}` governs {now} now", files::shown(&folder));
            News::Rejected(Box::new(Rejection { key: Some(before), ..nothing_read(&folder, why, candidate.at) }))
        });
        left.into_iter().chain([News::Candidate(candidate)]).collect()
    }

    fn bad(&mut self, folder: PathBuf, print: [u8; 32], mut rejection: Box<Rejection>) -> News {
        let before = self.known.remove(&folder);
        let (key, good) = before.map_or((None, None), |known| (known.key, known.good));
        // What it governs stays: an edit that also breaks the name of the rollout is still about that rollout. What
        // another directory governs is none of its business.
        let another = |key: &Key| self.known.values().any(|known| known.key.as_ref() == Some(key));
        rejection.key = key.or(rejection.key.filter(|key| !another(key)));
        // Where only the time ran out, the same text may do better at the next look.
        let print = (!rejection.late).then_some(print);
        self.known.insert(folder, Known { print, key: rejection.key.clone(), good, rejected: true });
        News::Rejected(rejection)
    }
}

/// Whether a directory has stopped being a policy; one whose policy.toml cannot be read has not.
fn is_gone(source: &PolicySource) -> bool {
    source.get(POLICY_FILE).is_none() && source.problems.is_empty()
}

fn nothing_read(path: &Path, why: String, at: Time) -> Rejection {
    let shown = files::shown(path);
    Rejection {
        key: None,
        path: shown.clone(),
        digest: None,
        why: vec![why],
        diagnostics: Vec::new(),
        source: PolicySource::new(shown),
        late: false,
        at,
    }
}

/// Of every file and every problem: what has to change before anything is compiled again.
fn print(source: &PolicySource) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (file, text) in source.iter() {
        for part in [file.as_bytes(), text.as_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    for problem in &source.problems {
        hash.update(problem.message.as_bytes());
    }
    hash.finalize().into()
}

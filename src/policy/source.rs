//! A policy's files as text in memory, and the digest of what can alter a decision.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Place};

/// The name of the file that makes a directory a policy.
pub const POLICY_FILE: &str = "policy.toml";
/// The name of the file with composite triggers and gates.
pub const RULES_FILE: &str = "rules.rhai";
/// A policy file larger than this is refused before it is parsed (the parser would take seconds on megabytes).
pub const MAX_FILE_BYTES: usize = 256 * 1024;

/// A policy of more files than this, its tests included, is refused.
pub const MAX_FILES: usize = 64;

/// All files of one policy: path inside its directory (`policy.toml`, `env/staging.toml`, `rules.rhai`,
/// `tests/bounds.toml`), always with forward slashes, to text. Shared script modules of the tree stand under `@shared/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicySource {
    /// Where the directory was, as the user named it; for messages only, never part of the digest.
    pub root: String,
    /// What the loader found wrong with files it could not hand over (not UTF-8, a link out of the tree, ...).
    pub problems: Vec<Diagnostic>,
    files: BTreeMap<Arc<str>, Arc<str>>,
}

impl PolicySource {
    /// An empty policy at `root`.
    #[must_use]
    pub fn new(root: impl Into<String>) -> PolicySource {
        PolicySource { root: root.into(), problems: Vec::new(), files: BTreeMap::new() }
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, path: impl AsRef<str>, text: impl AsRef<str>) {
        self.files.insert(Arc::from(path.as_ref()), Arc::from(text.as_ref()));
    }

    /// The text of `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Arc<str>> {
        self.files.get(path)
    }

    /// All files in order of path.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.files.iter()
    }

    /// The environments that have an overlay: `staging` for `env/staging.toml`.
    pub fn environments(&self) -> impl Iterator<Item = &str> {
        self.files.keys().filter_map(|path| path.strip_prefix("env/")?.strip_suffix(".toml"))
    }

    /// An index of line starts, for looking up many places of the same files.
    pub(crate) fn lines(&self) -> Lines {
        let starts = |text: &str| {
            let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(breaks).collect()
        };
        Lines { starts: self.files.iter().map(|(path, text)| (Arc::clone(path), starts(text))).collect() }
    }

    /// Line and column (both from one; columns in characters) where `place` begins.
    #[must_use]
    pub fn position(&self, place: &Place) -> (u32, u32) {
        let Some(before) = self.get(&place.file).and_then(|text| text.as_bytes().get(..place.span.start)) else {
            return (1, 1);
        };
        let before = String::from_utf8_lossy(before);
        let line = before.bytes().filter(|byte| *byte == b'\n').count();
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count());
        (
            u32::try_from(line).map_or(u32::MAX, |line| line + 1),
            u32::try_from(column).map_or(u32::MAX, |column| column + 1),
        )
    }
}

/// Where the lines of every file start.
#[derive(Debug)]
pub(crate) struct Lines {
    starts: BTreeMap<Arc<str>, Vec<usize>>,
}

impl Lines {
    /// The line (from one) where `place` begins.
    pub(crate) fn line(&self, place: &Place) -> u32 {
        let before =
            self.starts.get(&place.file).map_or(0, |starts| starts.partition_point(|start| *start <= place.span.start));
        u32::try_from(before.max(1)).unwrap_or(u32::MAX)
    }
}

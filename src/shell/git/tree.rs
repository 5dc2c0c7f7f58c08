//! The files of one commit, read without checking them out.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use crate::fixture::DataError;
use crate::fixture::directory::{EXPECT_FILE, FIXTURE_FILE, TIMELINE_FILE, read_head};
use crate::policy::source::{MAX_FILE_BYTES, POLICY_FILE, PolicySource};
use crate::review::case::FixtureText;
use crate::shell::data::unpack;
use crate::shell::files::{Refusal, SHARED_FOLDER, text};
use crate::shell::fixture::FixtureError;

use super::{GitError, Repository, cannot_run};

/// A symlink, as git stores it.
const SYMLINK: &str = "120000";
/// Links that lead to links are followed so often.
const MOST_LINKS: usize = 8;

/// Everything in one commit.
#[derive(Debug)]
pub struct Tree {
    repository: Repository,
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    link: bool,
    object: String,
    bytes: u64,
}

impl Tree {
    /// From what `ls-tree -r -z -l` prints: `MODE blob OBJECT SIZE\tPATH`, ended by a zero.
    pub(super) fn new(repository: Repository, listing: &[u8]) -> Result<Tree, GitError> {
        let mut entries = BTreeMap::new();
        for record in listing.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
            let record = String::from_utf8_lossy(record);
            let Some((facts, path)) = record.split_once('\t') else { continue };
            let mut facts = facts.split_whitespace();
            let (Some(mode), Some(kind), Some(object), bytes) =
                (facts.next(), facts.next(), facts.next(), facts.next())
            else {
                continue;
            };
            // A submodule is a commit, and none of its files are here.
            if kind == "blob" {
                let bytes = bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
                entries.insert(path.to_owned(), Entry { link: mode == SYMLINK, object: object.to_owned(), bytes });
            }
        }
        Ok(Tree { repository, entries })
    }

    /// Where `path` leads when symlinks to directories on it are followed; none when that is nowhere in this commit.
    ///
    /// # Errors
    /// Git cannot be run.
    pub fn follow(&self, path: &str) -> Result<Option<String>, GitError> {
        let mut path = normal(path);
        for _ in 0..=MOST_LINKS {
            let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
            let steps: Vec<(String, String)> =
                ends.filter_map(|at| Some((path.get(..at)?.to_owned(), path.get(at..)?.to_owned()))).collect();
            let link = steps.into_iter().find(|(part, _)| self.entries.get(part).is_some_and(|entry| entry.link));
            let Some((link, rest)) = link else { return Ok(self.has(&path).then_some(path)) };
            let Some(entry) = self.entries.get(&link) else { break };
            let target = Blobs::open(&self.repository)?.read(&entry.object)?;
            let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
            let target = String::from_utf8_lossy(&target).into_owned();
            if target.starts_with('/') {
                break;
            }
            path = normal(&format!("{}{rest}", join(folder, &target)));
        }
        Ok(None)
    }

    /// Whether there is a file or a directory at `path`; the root is.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        path.is_empty() || self.entries.contains_key(path) || self.below(path).next().is_some()
    }

    /// The directories with a `policy.toml`, at `path` or below it, in order; hidden ones and build output left out.
    #[must_use]
    pub fn policies(&self, path: &str) -> Vec<String> {
        self.marked(path, POLICY_FILE)
    }

    /// The directories with a `fixture.toml`, likewise.
    #[must_use]
    pub fn fixtures(&self, path: &str) -> Vec<String> {
        self.marked(path, FIXTURE_FILE)
    }

    fn marked(&self, path: &str, mark: &str) -> Vec<String> {
        let path = path.strip_suffix(mark).map_or(path, |folder| folder.trim_end_matches('/'));
        let mut found: Vec<String> = Vec::new();
        for inside in self.below(path) {
            let rest = inside.get(path.len()..).unwrap_or("").trim_start_matches('/');
            let mut parts = rest.rsplit('/');
            let hidden = |part: &str| part.starts_with('.') || part == "target" || part == "node_modules";
            if parts.next() != Some(mark) || parts.any(hidden) {
                continue;
            }
            let folder = inside.strip_suffix(mark).unwrap_or("").trim_end_matches('/').to_owned();
            // A policy inside of a policy is part of it, as on disk.
            if !found.iter().any(|outer| outer.is_empty() || folder.starts_with(&format!("{outer}/"))) {
                found.push(folder);
            }
        }
        found.sort();
        found
    }

    fn below<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a String> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let start = prefix.clone();
        self.entries.range(start..).map(|(name, _)| name).take_while(move |name| name.starts_with(&prefix))
    }

    /// All files of the policy in `folder`, with the scripts it may import; `root` is what messages call it.
    ///
    /// # Errors
    /// Git cannot be run; what is wrong with a file is among the source's problems.
    pub fn load_policy(&self, folder: &str, root: &str) -> Result<PolicySource, GitError> {
        let mut reader = Reader { tree: self, blobs: Blobs::open(&self.repository)?, source: PolicySource::new(root) };
        let is_policy = |name: &str| name == POLICY_FILE || name.ends_with(".rhai");
        reader.folder(folder, folder, "", &is_policy)?;
        for inside in ["env", "tests"] {
            reader.folder(folder, &join(folder, inside), &format!("{inside}/"), &|name| name.ends_with(".toml"))?;
        }
        for shared in shared_folders(folder) {
            reader.folder(&shared, &shared, "@shared/", &|name| name.ends_with(".rhai"))?;
        }
        Ok(reader.source)
    }

    /// All of the fixture in `folder`; `root` is what messages call it.
    ///
    /// # Errors
    /// Git cannot be run. The inner error: `fixture.toml` is not one, or a recording cannot be read.
    pub fn load_fixture(&self, folder: &str, root: &str) -> Result<Result<FixtureText, FixtureError>, GitError> {
        let mut blobs = Blobs::open(&self.repository)?;
        let mut source = PolicySource::new(root);
        for name in [FIXTURE_FILE, EXPECT_FILE, TIMELINE_FILE] {
            if let Some(entry) = self.entries.get(&join(folder, name)) {
                source.insert(name, String::from_utf8_lossy(&blobs.read(&entry.object)?));
            }
        }
        let (head, problems) = read_head(source.get(FIXTURE_FILE).map_or("", AsRef::as_ref));
        let Some(head) = head.filter(|_| problems.is_empty()) else {
            return Ok(Err(FixtureError::Toml(source, problems)));
        };
        let mut data = Vec::new();
        for name in &head.data {
            let shown = format!("{root}/{name}");
            let unpacked = match self.entries.get(&normal(&join(folder, name))) {
                Some(entry) => unpack(&shown, blobs.read(&entry.object)?),
                None => Err(DataError::Unreadable {
                    file: shown.clone(),
                    cause: std::io::Error::new(std::io::ErrorKind::NotFound, "it is not in this revision"),
                }),
            };
            match unpacked {
                Ok(bytes) => data.push((shown, bytes.into())),
                Err(error) => return Ok(Err(FixtureError::Data(error))),
            }
        }
        Ok(FixtureText::new(source.clone(), data).map_err(|problems| FixtureError::Toml(source, problems)))
    }
}

/// Where shared scripts may stand, the nearest last so that it wins: as on disk.
fn shared_folders(folder: &str) -> Vec<String> {
    let mut found = vec![join(folder, SHARED_FOLDER)];
    if !folder.is_empty() {
        let parent = folder.rsplit_once('/').map_or("", |(parent, _)| parent);
        found.insert(0, join(parent, SHARED_FOLDER));
        if parent == "policies" || parent.ends_with("/policies") {
            let above = parent.rsplit_once('/').map_or("", |(above, _)| above);
            found.insert(0, join(above, SHARED_FOLDER));
        }
    }
    found
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// A path without `.` and `..`; one that leads above the root leads to nothing.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return "..".to_owned(),
            ".." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

struct Reader<'t> {
    tree: &'t Tree,
    blobs: Blobs,
    source: PolicySource,
}

impl Reader<'_> {
    /// Reads the files of `folder` whose names are `wanted`; `tree` is what a symlink must not lead out of.
    fn folder(
        &mut self,
        tree: &str,
        folder: &str,
        prefix: &str,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<(), GitError> {
        let names: Vec<String> = self
            .tree
            .below(folder)
            .filter_map(|path| path.get(folder.len()..).map(|rest| rest.trim_start_matches('/').to_owned()))
            .filter(|name| !name.contains('/') && !name.starts_with('.') && wanted(name))
            .collect();
        for name in names {
            let inside = format!("{prefix}{name}");
            match self.file(tree, &join(folder, &name))? {
                Ok(text) => self.source.insert(inside, text),
                Err(refusal) => self.source.problems.push(refusal.diagnostic(&inside)),
            }
        }
        Ok(())
    }

    fn file(&mut self, tree: &str, path: &str) -> Result<Result<String, Refusal>, GitError> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let Some(entry) = self.tree.entries.get(&path).cloned() else { break };
            if entry.bytes > MAX_FILE_BYTES as u64 {
                return Ok(Err(Refusal::TooLarge(entry.bytes)));
            }
            let bytes = self.blobs.read(&entry.object)?;
            if !entry.link {
                return Ok(text(bytes));
            }
            let target = String::from_utf8_lossy(&bytes).into_owned();
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            path = if target.starts_with('/') { "..".to_owned() } else { normal(&join(folder, &target)) };
            let is_inside = tree.is_empty() && path != ".." || path.starts_with(&format!("{tree}/"));
            if !is_inside {
                return Ok(Err(Refusal::LeadsOut));
            }
        }
        let why = std::io::Error::new(std::io::ErrorKind::NotFound, "the symlink leads nowhere in this revision");
        Ok(Err(Refusal::Unreadable(why)))
    }
}

/// A running `git cat-file --batch`: one object after another.
struct Blobs {
    child: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Blobs {
    fn open(repository: &Repository) -> Result<Blobs, GitError> {
        let mut command = repository.command(&["cat-file", "--batch"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(cannot_run)?;
        let (ask, answers) = (child.stdin.take(), child.stdout.take());
        let Some(answers) = answers else { return Err(GitError::Complains("it has no output".to_owned())) };
        Ok(Blobs { child, ask, answers: BufReader::new(answers) })
    }

    /// The bytes of one object: `OBJECT blob SIZE`, a line break, the bytes, a line break.
    fn read(&mut self, object: &str) -> Result<Vec<u8>, GitError> {
        let broken = |error: std::io::Error| GitError::CannotRun(error);
        if let Some(ask) = &mut self.ask {
            writeln!(ask, "{object}").and_then(|()| ask.flush()).map_err(broken)?;
        }
        let mut head = String::new();
        self.answers.read_line(&mut head).map_err(broken)?;
        let Some(size) = head.trim_end().rsplit(' ').next().and_then(|size| size.parse::<usize>().ok()) else {
            return Err(GitError::Complains(format!("object {object}: {}", head.trim_end())));
        };
        let mut bytes = vec![0; size + 1];
        self.answers.read_exact(&mut bytes).map_err(broken)?;
        bytes.truncate(size);
        Ok(bytes)
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        // Without anything more to ask it ends by itself.
        self.ask = None;
        drop(self.child.wait());
    }
}

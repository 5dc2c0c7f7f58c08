//! The two sides of a comparison: each is a directory, or a path in a git revision.

use std::path::{Path, PathBuf};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::policies;
use crate::policy::source::{POLICY_FILE, PolicySource};
use crate::shell::files::{self, FindError};
use crate::shell::git::{GitError, Repository, Tree};

/// One side.
pub(super) struct Side {
    /// As the user would write it.
    pub(super) shown: String,
    pub(super) holds: Holds,
    /// The path asked for is not in it: it stands for all of its policies, each known by its rollout alone.
    pub(super) elsewhere: bool,
}

/// Where its files are.
pub(super) enum Holds {
    /// On disk.
    Folder(PathBuf),
    /// In a commit.
    Revision { tree: Tree, revision: String, path: String },
    /// Nowhere: the revision has no such policy, under any path.
    Nothing,
}

/// A policy of a side.
pub(super) struct Found {
    /// Its path below the side; empty for the side itself.
    pub(super) below: String,
    /// Its path on disk, or in the commit.
    pub(super) path: String,
    pub(super) source: PolicySource,
}

impl Side {
    fn folder(path: PathBuf) -> Side {
        Side { shown: files::shown(&path), holds: Holds::Folder(path), elsewhere: false }
    }

    /// What a policy of the other side would be called here.
    pub(super) fn would_have(&self, other: &Found) -> String {
        match &self.holds {
            Holds::Folder(path) if other.below.is_empty() => files::shown(path),
            Holds::Folder(path) => files::shown(&path.join(&other.below)),
            Holds::Revision { revision, path, .. } => {
                let whole = format!("{path}/{}", other.below);
                in_revision(revision, whole.trim_matches('/'))
            }
            Holds::Nothing => other.path.clone(),
        }
    }

    /// The policies at it or below it, loaded.
    ///
    /// # Errors
    /// A path cannot be read, or git cannot be run.
    pub(super) fn policies(&self) -> anyhow::Result<Vec<Found>> {
        match &self.holds {
            Holds::Nothing => Ok(Vec::new()),
            Holds::Folder(path) => {
                let folders = match files::find_policies(path) {
                    Err(FindError::NoPolicy(_)) => Vec::new(),
                    found => found?,
                };
                let root = if path.is_file() { path.parent().unwrap_or(Path::new("")) } else { path.as_path() };
                let below = |folder: &Path| match folder.strip_prefix(root) {
                    Ok(rest) if !rest.as_os_str().is_empty() => files::shown(rest),
                    // Below `.` nothing begins with it.
                    Err(_) if root == Path::new(".") => files::shown(folder),
                    _ => String::new(),
                };
                let one = |folder: PathBuf| Found {
                    below: below(&folder),
                    path: files::shown(&folder),
                    source: files::load_policy(&folder),
                };
                Ok(folders.into_iter().map(one).collect())
            }
            Holds::Revision { tree, revision, path } => {
                let root = path.strip_suffix(POLICY_FILE).unwrap_or(path).trim_end_matches('/');
                let one = |folder: String| -> anyhow::Result<Found> {
                    let below = folder.strip_prefix(root).unwrap_or(&folder).trim_start_matches('/').to_owned();
                    let source = tree.load_policy(&folder, &in_revision(revision, &folder)).map_err(told)?;
                    Ok(Found { below, path: folder, source })
                };
                tree.policies(path).into_iter().map(one).collect()
            }
        }
    }
}

/// `main:policies/x`; `main:` for the root.
pub(super) fn in_revision(revision: &str, path: &str) -> String {
    format!("{revision}:{path}")
}

/// An error of git with what to do about it.
pub(super) fn told(error: GitError) -> anyhow::Error {
    let exit = match &error {
        GitError::UnknownRevision { .. } | GitError::NotARepository(_) => Exit::Usage,
        _ => Exit::Failed,
    };
    let mut message = error.to_string();
    if let Some(cause) = std::error::Error::source(&error) {
        message.push_str(&format!(": {cause}"));
    }
    let failure = Failure::new(exit, message);
    match error.help() {
        Some(help) => failure.help(help).into(),
        None => failure.into(),
    }
}

/// Both sides, and what is worth saying about how they were found.
pub(super) struct Sides {
    pub(super) old: Side,
    pub(super) new: Side,
    pub(super) notes: Vec<String>,
}

/// What an argument names.
enum Named {
    Folder(PathBuf),
    Revision { revision: String, path: Option<String> },
}

impl Named {
    /// An existing path wins over a revision of the same name.
    fn parse(text: &str) -> Result<Named, Failure> {
        if Path::new(text).exists() {
            return Ok(Named::Folder(PathBuf::from(text)));
        }
        let (revision, path) = match path_begins(text) {
            Some(at) => (&text[..at], Some(text[at + 1..].to_owned())),
            None => (text, None),
        };
        if let Some((from, to)) = text.split_once("...").or_else(|| text.split_once("..")) {
            let to = if to.is_empty() { "HEAD" } else { to };
            let failure = Failure::new(Exit::Usage, format!("`{text}` is two revisions in one argument"));
            return Err(failure.help(format!("rollgate diff {from} {to}")));
        }
        if revision.is_empty() {
            let failure = Failure::new(Exit::Usage, format!("`{text}` names no revision"));
            return Err(failure.help("write REVISION:PATH, as main:policies/my-rollout"));
        }
        Ok(Named::Revision { revision: revision.to_owned(), path })
    }
}

/// Where the colon before a path is: none of those in `main@{10:00}` or `:/text of a commit`.
fn path_begins(text: &str) -> Option<usize> {
    if text.starts_with(":/") {
        return None;
    }
    let mut depth = 0_usize;
    text.bytes().position(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        byte == b':' && depth == 0
    })
}

/// The sides that the arguments name; without any, what the working tree changes against the default branch.
///
/// # Errors
/// A side does not exist, or git cannot be asked.
pub(super) fn resolve(old: Option<&str>, new: Option<&str>) -> anyhow::Result<Sides> {
    let Some(old) = old else { return by_default() };
    let mut notes = Vec::new();
    let was = Named::parse(old)?;
    let is = match new {
        Some(new) => Named::parse(new)?,
        None => {
            // A path that is not in the revision either is misspelt there.
            side(old, &was, &Named::Folder(PathBuf::from(".")))?;
            Named::Folder(in_working_tree(&was)?)
        }
    };
    for (text, named) in [(Some(old), &was), (new, &is)] {
        if let (Some(text), Named::Folder(_)) = (text, named)
            && is_both(text)
        {
            notes.push(format!(
                "`{text}` is a path here and a revision as well: the path is compared (for the other: {text}:PATH)"
            ));
        }
    }
    let (old_side, new_side) = (side(old, &was, &is)?, side(new.unwrap_or(""), &is, &was)?);
    Ok(Sides { old: old_side, new: new_side, notes })
}

fn is_both(text: &str) -> bool {
    let plain = !text.contains('/') && text != "." && text != "..";
    plain && Repository::around(Path::new(".")).and_then(|here| here.find(text)).is_ok_and(|found| found.is_some())
}

fn side(text: &str, named: &Named, other: &Named) -> anyhow::Result<Side> {
    let (revision, path) = match named {
        Named::Folder(path) => return Ok(Side::folder(path.clone())),
        Named::Revision { revision, path } => (revision, path),
    };
    let repository = repository_for(text, other)?;
    let commit = repository.commit(revision).map_err(|error| match error {
        GitError::UnknownRevision { close, .. } if path.is_none() => {
            let failure = Failure::new(Exit::Usage, format!("`{text}` is neither a path nor a revision"));
            let help = GitError::UnknownRevision { revision: text.to_owned(), close }.help();
            help.into_iter().fold(failure, Failure::help).into()
        }
        error => told(error),
    })?;
    let tree = repository.tree(&commit).map_err(told)?;
    // With a colon inside, `REVISION:PATH` would be read wrongly.
    let revision = if revision.contains(':') { repository.short(&commit).map_err(told)? } else { revision.clone() };
    let path = match path {
        Some(path) => written(&repository, &tree, &revision, path)?,
        None => {
            let path = match other {
                Named::Folder(folder) => Repository::around(nearest_folder(folder)).map_err(told)?.here().to_owned(),
                Named::Revision { path: Some(path), .. } => path.trim_matches('/').to_owned(),
                Named::Revision { path: None, .. } => usual(&repository, &tree),
            };
            let path = tree.follow(&path).map_err(told)?.unwrap_or(path);
            if !tree.has(&path) {
                // It may have had another path then, or be new since.
                let shown = in_revision(&revision, &path);
                let holds = Holds::Revision { tree, revision, path: String::new() };
                return Ok(Side { shown, holds, elsewhere: true });
            }
            path
        }
    };
    let shown = in_revision(&revision, &path);
    Ok(Side { shown, holds: Holds::Revision { tree, revision, path }, elsewhere: false })
}

/// A path that the user wrote: from the root of the repository, as git has it, else from here.
fn written(repository: &Repository, tree: &Tree, revision: &str, path: &str) -> anyhow::Result<String> {
    let from_here = |path: &str| match repository.here() {
        "" => path.to_owned(),
        here => format!("{here}/{path}"),
    };
    let bare = path.trim_matches('/');
    let local = path.strip_prefix("./").map(|rest| from_here(rest.trim_matches('/')));
    let candidates = local.map_or_else(|| vec![bare.to_owned(), from_here(bare)], |local| vec![local]);
    if let Some(found) = candidates.into_iter().find(|path| tree.has(path)) {
        return Ok(tree.follow(&found).map_err(told)?.unwrap_or(found));
    }
    let failure = Failure::new(Exit::Usage, format!("`{path}` is not in revision `{revision}`"));
    let known = tree.policies("");
    Err(match known.as_slice() {
        [] => failure.help("there is no policy at all in that revision"),
        known => failure.help(format!("policies there: {}", known.join(", "))),
    }
    .into())
}

fn usual(repository: &Repository, tree: &Tree) -> String {
    let near = match repository.here() {
        "" => "policies".to_owned(),
        here => format!("{here}/policies"),
    };
    [near, "policies".to_owned()].into_iter().find(|path| tree.has(path)).unwrap_or_default()
}

fn nearest_folder(path: &Path) -> &Path {
    if path.is_dir() {
        return path;
    }
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The repository around here, else around the other side.
fn repository_for(text: &str, other: &Named) -> anyhow::Result<Repository> {
    let here = Repository::around(Path::new("."));
    match (here, other) {
        (Ok(here), _) => Ok(here),
        (Err(GitError::NotARepository(_)), Named::Folder(folder)) => {
            Repository::around(nearest_folder(folder)).map_err(|error| no_repository(text, error))
        }
        (Err(error), _) => Err(no_repository(text, error)),
    }
}

fn no_repository(text: &str, error: GitError) -> anyhow::Error {
    match error {
        GitError::NotARepository(_) => {
            let message = format!("`{text}` is not a path, and here is no git repository to look for a revision in");
            Failure::new(Exit::Usage, message).help("give two directories: rollgate diff OLD NEW").into()
        }
        error => told(error),
    }
}

/// What the working tree has where `was` is.
fn in_working_tree(was: &Named) -> anyhow::Result<PathBuf> {
    let Named::Revision { path: Some(path), revision } = was else { return Ok(working_policies()) };
    let repository = Repository::around(Path::new(".")).map_err(told)?;
    let bare = path.trim_start_matches("./").trim_matches('/');
    let up = repository.here().split('/').filter(|part| !part.is_empty()).map(|_| "..").collect::<PathBuf>();
    let candidates = [up.join(bare), PathBuf::from(bare)];
    let found = candidates.into_iter().find(|path| path.exists());
    let found = found.map(|path| if path.as_os_str().is_empty() { PathBuf::from(".") } else { path });
    found.ok_or_else(|| {
        let failure = Failure::new(Exit::Usage, format!("`{path}` is not in the working tree"));
        failure.help(format!("name the other side: rollgate diff {revision}:{path} NEW")).into()
    })
}

fn working_policies() -> PathBuf {
    policies::or_usual(&[]).into_iter().next().unwrap_or_else(|| PathBuf::from("."))
}

/// What the working tree changes: against where it left the default branch, or against HEAD on that branch itself.
fn by_default() -> anyhow::Result<Sides> {
    let folder = working_policies();
    let repository = Repository::around(Path::new(".")).map_err(told)?;
    repository.commit("HEAD").map_err(told)?;
    let branch = repository.default_branch().map_err(told)?;
    let bare = branch.strip_prefix("origin/").unwrap_or(&branch);
    let (commit, note) = if repository.branch().map_err(told)?.as_deref() == Some(bare) {
        (repository.commit("HEAD").map_err(told)?, format!("the working tree with HEAD, as this is {bare}"))
    } else {
        let base = repository.merge_base(&branch).map_err(told)?;
        (base, format!("the working tree with where it left {branch}"))
    };
    let revision = repository.short(&commit).map_err(told)?;
    let named = Named::Revision { revision: revision.clone(), path: None };
    let old = side(&revision, &named, &Named::Folder(folder.clone()))?;
    Ok(Sides { old, new: Side::folder(folder), notes: vec![note] })
}

//! A git repository seen from outside: revisions and the files in them, through the `git` that is installed. Nothing is
//! checked out and nothing is written.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

mod inside;
mod tree;

pub use inside::InRepository;
pub use tree::Tree;

/// Why git could not be asked, or has no answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no `git`.
    #[error("git is not installed")]
    NotInstalled,
    /// It could not be started.
    #[error("git cannot be run")]
    CannotRun(#[source] io::Error),
    /// The directory belongs to no repository.
    #[error("`{0}` is not in a git repository")]
    NotARepository(String),
    /// Nothing was ever committed.
    #[error("the repository has no commit yet")]
    NoCommit,
    /// No such branch, tag or commit.
    #[error("no revision is called `{revision}`")]
    UnknownRevision {
        /// As the user wrote it.
        revision: String,
        /// Branches and tags that are called almost so.
        close: Vec<String>,
    },
    /// No branch that others start from.
    #[error("no default branch: there is no origin/HEAD, main or master")]
    NoDefaultBranch {
        /// History was cut off when it was cloned.
        shallow: bool,
    },
    /// The two have no commit in common.
    #[error("HEAD and {branch} have no commit in common")]
    NoMergeBase {
        /// The default branch.
        branch: String,
        /// History was cut off when it was cloned.
        shallow: bool,
    },
    /// Whatever else git complains about, in its words.
    #[error("git: {0}")]
    Complains(String),
}

impl GitError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        const DEEPER: &str =
            "the clone is shallow: run `git fetch --unshallow`, or give the checkout step `fetch-depth: 0`";
        match self {
            GitError::NotInstalled => Some("install git, or give two directories".to_owned()),
            GitError::NotARepository(_) => Some("give two directories: rollgate diff OLD NEW".to_owned()),
            GitError::NoCommit => Some("commit the policy first, or give two directories".to_owned()),
            GitError::UnknownRevision { close, .. } if close.is_empty() => {
                Some("see them with: git branch --all".to_owned())
            }
            GitError::UnknownRevision { close, .. } => Some(format!("did you mean {}?", close.join(" or "))),
            GitError::NoDefaultBranch { shallow: true } | GitError::NoMergeBase { shallow: true, .. } => {
                Some(DEEPER.to_owned())
            }
            GitError::NoDefaultBranch { .. } | GitError::NoMergeBase { .. } => {
                Some("name the revision to compare with: rollgate diff REVISION".to_owned())
            }
            GitError::CannotRun(_) | GitError::Complains(_) => None,
        }
    }
}

/// A repository with a working tree.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Where git is run.
    folder: PathBuf,
    /// Where that is below the root, with a slash at the end; empty at the root.
    prefix: String,
}

impl Repository {
    /// The repository that `folder` is in.
    ///
    /// # Errors
    /// It is in none, or git cannot be run.
    pub fn around(folder: &Path) -> Result<Repository, GitError> {
        let repository = Repository { folder: folder.to_path_buf(), prefix: String::new() };
        let output = repository.run(&["rev-parse", "--show-prefix"])?;
        if !output.status.success() {
            let said = said(&output);
            return Err(match said.contains("not a git repository") || said.contains("must be run in a work tree") {
                true => GitError::NotARepository(super::files::shown(folder)),
                false => GitError::Complains(said),
            });
        }
        let prefix = line(&output);
        Ok(Repository { prefix, ..repository })
    }

    /// Where the directory it was found from is, below the root and without a slash at the end: empty at the root.
    #[must_use]
    pub fn here(&self) -> &str {
        self.prefix.trim_end_matches('/')
    }

    /// The commit that `revision` names.
    ///
    /// # Errors
    /// None does; branches that are called almost so are in the error.
    pub fn commit(&self, revision: &str) -> Result<String, GitError> {
        self.find(revision)?.ok_or_else(|| match revision {
            "HEAD" => GitError::NoCommit,
            _ => GitError::UnknownRevision { revision: revision.to_owned(), close: self.close_to(revision) },
        })
    }

    /// The commit that `revision` names, if any does.
    ///
    /// # Errors
    /// Git cannot be run.
    pub fn find(&self, revision: &str) -> Result<Option<String>, GitError> {
        let object = |name: &str| -> Result<Option<String>, GitError> {
            let output = self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", name])?;
            Ok(output.status.success().then(|| line(&output)))
        };
        // Behind `:/text`, all of the rest is the text.
        let found = if revision.starts_with(":/") { object(revision)? } else { Some(revision.to_owned()) };
        found.map_or(Ok(None), |found| object(&format!("{found}^{{commit}}")))
    }

    /// A commit in as few digits as tell it apart.
    ///
    /// # Errors
    /// Git cannot be run.
    pub fn short(&self, commit: &str) -> Result<String, GitError> {
        let output = self.run(&["rev-parse", "--short", commit])?;
        Ok(if output.status.success() { line(&output) } else { commit.to_owned() })
    }

    /// The branch that others start from: origin's own, else main or master.
    ///
    /// # Errors
    /// There is none.
    pub fn default_branch(&self) -> Result<String, GitError> {
        let output = self.run(&["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"])?;
        let named = output.status.success().then(|| line(&output));
        for branch in named.as_deref().into_iter().chain(["origin/main", "origin/master", "main", "master"]) {
            if self.find(branch)?.is_some() {
                return Ok(branch.to_owned());
            }
        }
        Err(GitError::NoDefaultBranch { shallow: self.is_shallow()? })
    }

    /// The branch that is checked out; none when HEAD is a commit.
    ///
    /// # Errors
    /// Git cannot be run.
    pub fn branch(&self) -> Result<Option<String>, GitError> {
        let output = self.run(&["symbolic-ref", "--quiet", "--short", "HEAD"])?;
        Ok(output.status.success().then(|| line(&output)))
    }

    /// The newest commit that HEAD and `branch` have in common.
    ///
    /// # Errors
    /// There is none, which in a shallow clone says nothing.
    pub fn merge_base(&self, branch: &str) -> Result<String, GitError> {
        let output = self.run(&["merge-base", "HEAD", branch])?;
        if output.status.success() {
            return Ok(line(&output));
        }
        Err(GitError::NoMergeBase { branch: branch.to_owned(), shallow: self.is_shallow()? })
    }

    /// Everything in `commit`.
    ///
    /// # Errors
    /// Git cannot be run.
    pub fn tree(&self, commit: &str) -> Result<Tree, GitError> {
        let output = self.run(&["ls-tree", "-r", "-z", "-l", "--full-tree", commit])?;
        if !output.status.success() {
            return Err(GitError::Complains(said(&output)));
        }
        Tree::new(self.clone(), &output.stdout)
    }

    fn is_shallow(&self) -> Result<bool, GitError> {
        let output = self.run(&["rev-parse", "--is-shallow-repository"])?;
        Ok(line(&output) == "true")
    }

    /// Branches and tags that are called almost so, the most alike first.
    fn close_to(&self, revision: &str) -> Vec<String> {
        const ALIKE: f64 = 0.8;
        const MOST: usize = 3;
        let wanted = ["for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags"];
        let Ok(output) = self.run(&wanted) else { return Vec::new() };
        let names = String::from_utf8_lossy(&output.stdout).into_owned();
        let alike = |name: &str| {
            let bare = name.rsplit('/').next().unwrap_or(name);
            strsim::jaro_winkler(name, revision).max(strsim::jaro_winkler(bare, revision))
        };
        let mut close: Vec<(f64, &str)> =
            names.lines().map(|name| (alike(name), name)).filter(|(alike, _)| *alike >= ALIKE).collect();
        close.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        close.iter().take(MOST).map(|(_, name)| format!("`{name}`")).collect()
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, GitError> {
        self.command(arguments).stdin(Stdio::null()).output().map_err(cannot_run)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        // Its messages are matched, and looking must not write an index.
        command.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0");
        for (name, value) in surroundings() {
            command.env(name, value);
        }
        command.arg("-C").arg(&self.folder).args(arguments);
        command
    }
}

/// What a hook or a script says about its repository, as it holds in any directory: git takes these from where it is
/// run, and a `GIT_DIR` alone makes that the root of the working tree.
#[expect(clippy::disallowed_methods, reason = "this is the place that runs git")]
fn surroundings() -> Vec<(&'static str, PathBuf)> {
    let Ok(here) = std::env::current_dir() else { return Vec::new() };
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let whole = |name: &'static str| Some((name, here.join(set(name)?)));
    let mut found: Vec<_> =
        ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE"].into_iter().filter_map(whole).collect();
    if set("GIT_DIR").is_some() && set("GIT_WORK_TREE").is_none() {
        found.push(("GIT_WORK_TREE", here));
    }
    found
}

fn cannot_run(error: io::Error) -> GitError {
    if error.kind() == io::ErrorKind::NotFound { GitError::NotInstalled } else { GitError::CannotRun(error) }
}

/// The one line of an answer. Only the line break goes: a directory may end in a blank.
fn line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim_end_matches(['\n', '\r']).to_owned()
}

/// What git complains about, without the word in front of it.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = text.trim();
    text.strip_prefix("fatal: ").unwrap_or(text).to_owned()
}

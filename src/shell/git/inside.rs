//! Paths as the repository has them.

use std::path::{Component, Path, PathBuf};

use super::Repository;
use crate::shell::files;

/// The repository around the working directory, to name files by their paths in it.
#[derive(Debug)]
pub struct InRepository {
    root: PathBuf,
    here: PathBuf,
}

impl InRepository {
    /// None outside of a repository, and without git.
    #[must_use]
    pub fn around_here() -> Option<InRepository> {
        let repository = Repository::around(Path::new(".")).ok()?;
        let here = files::absolute(Path::new("."));
        let deep = repository.here().split('/').filter(|part| !part.is_empty()).count();
        let root = here.ancestors().nth(deep)?.to_path_buf();
        Some(InRepository { root, here })
    }

    /// Where `path` of the repository is on this disk.
    #[must_use]
    pub fn on_disk(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// A path from here as the repository has it, even when nothing is there any more; none outside of it.
    #[must_use]
    pub fn find(&self, path: &Path) -> Option<String> {
        let whole = if path.exists() { files::absolute(path) } else { self.here.join(path) };
        whole.strip_prefix(&self.root).ok().map(files::shown)
    }

    /// The path in the repository of a file that is named from here. What is not there, as a path in a revision, or is
    /// outside, is left as it is.
    #[must_use]
    pub fn name(&self, file: &str) -> String {
        let whole = self.here.join(file);
        if !whole.exists() {
            return file.to_owned();
        }
        let inside = |path: &Path| path.strip_prefix(&self.root).ok().map(files::shown);
        inside(&lexical(&whole)).or_else(|| inside(&files::absolute(&whole))).unwrap_or_else(|| file.to_owned())
    }
}

/// Without `..`. A symlinked file keeps its own name: it is that one which was edited.
fn lexical(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}

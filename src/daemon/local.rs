//! How a command on the same machine finds the controller: a file beside the store, for its owner only, with where the
//! API is and a token that is good until the controller ends. Whoever can read that file can read and write the store.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::shell::write;

/// What the file says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    /// Where the API answers.
    pub url: String,
    /// A token with every right.
    pub token: String,
    /// Which process wrote it.
    pub pid: u32,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Local({}, process {})", self.url, self.pid)
    }
}

/// The file beside the store at `store`: `rollgate.redb.api` beside `rollgate.redb`.
#[must_use]
pub fn beside(store: &Path) -> PathBuf {
    let mut name = store.file_name().unwrap_or_default().to_os_string();
    name.push(".api");
    store.with_file_name(name)
}

/// Reads the file; none when there is none, or when it is not one of ours.
#[must_use]
pub fn find(path: &Path) -> Option<Local> {
    let text = crate::shell::files::read_text(path).ok()?;
    serde_json::from_str(&text).ok()
}

/// The file, for as long as the controller runs.
#[derive(Debug)]
pub struct Announced(PathBuf, String);

impl Announced {
    /// Writes it, readable for its owner only; one that a crash left behind is replaced.
    ///
    /// # Errors
    /// The file system's.
    pub fn write(path: &Path, local: &Local) -> std::io::Result<Announced> {
        let text = serde_json::to_string(local)?;
        write::secret(path, text.as_bytes())?;
        Ok(Announced(path.to_path_buf(), text))
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        // Another controller may have taken the place meanwhile: its file is left alone.
        if crate::shell::files::read_text(&self.0).is_ok_and(|text| text == self.1) {
            // A file that stays behind names an address nobody answers at, which a command finds out.
            drop(write::remove(&self.0));
        }
    }
}

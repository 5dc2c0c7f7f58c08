//! The spool: roll backs that a store refused, in a plain file beside it. A disk that is full, a file that is damaged
//! or in use must not keep anybody from taking a change back; the order waits here until a store takes it.
//!
//! One line of JSON each, on disk before it is acknowledged. A last line without its end was never acknowledged, and is
//! cut off with a message.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::ports::crash;
use crate::ports::spool::{Spool, Spooled, Waiting};
use crate::ports::store::StoreError;

use super::embedded::sync_folder;
use super::tables::io;

/// The file beside a store.
#[derive(Debug, Clone)]
pub struct FileSpool {
    path: PathBuf,
}

impl FileSpool {
    /// The spool of the store at `store`: `rollgate.redb.spool` beside `rollgate.redb`.
    #[must_use]
    pub fn beside(store: &Path) -> FileSpool {
        let mut name = store.file_name().unwrap_or_default().to_os_string();
        name.push(".spool");
        FileSpool { path: store.with_file_name(name) }
    }
}

impl Spool for FileSpool {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn push(&self, order: &Spooled) -> Result<(), StoreError> {
        let failed = |error: std::io::Error| io(&error);
        let line = serde_json::to_string(order).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.path).map_err(failed)?;
        file.lock().map_err(failed)?;
        // Never on the same line as what a crash left behind.
        let torn = ends_torn(&mut file).map_err(failed)?;
        let text = if torn { format!("\n{line}\n") } else { format!("{line}\n") };
        file.write_all(text.as_bytes()).map_err(failed)?;
        crash::here("spool.written");
        file.sync_all().map_err(failed)?;
        sync_folder(&self.path)?;
        crash::here("spool.synced");
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "the spool is a file")]
    fn waiting(&self) -> Result<Waiting, StoreError> {
        let text = match std::fs::read(&self.path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Waiting::default()),
            Err(error) => return Err(io(&error)),
        };
        Ok(read(&text))
    }

    fn clear(&self, seen: &Waiting) -> Result<bool, StoreError> {
        let failed = |error: std::io::Error| io(&error);
        let mut file = match OpenOptions::new().read(true).write(true).open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(failed(error)),
        };
        file.lock().map_err(failed)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        if read(&text).orders != seen.orders {
            return Ok(false);
        }
        file.set_len(0).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        crash::here("spool.cleared");
        Ok(true)
    }
}

fn ends_torn(file: &mut std::fs::File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Every line that is an order; the others in words.
fn read(text: &str) -> Waiting {
    let mut waiting = Waiting::default();
    for (at, line) in text.split_inclusive('\n').enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str(line) {
            // A last line that is whole but for its line break was written in full, and is as good as any.
            Ok(order) => waiting.orders.push(order),
            Err(_) if !line.ends_with('\n') => {
                waiting.damage.push(format!("line {} was cut off by a crash before it was acknowledged", at + 1));
            }
            Err(error) => waiting.damage.push(format!("line {} is no order: {error}", at + 1)),
        }
    }
    waiting
}

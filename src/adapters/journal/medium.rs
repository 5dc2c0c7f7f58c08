//! The file system, as far as the writer needs it: small enough that a test can put a failing one in its place.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Makes segments.
pub(super) trait Medium: Send {
    /// A new, empty segment that only its owner may read, and whose name survives a power cut.
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn Sink>>;
}

/// A segment that is written to.
pub(super) trait Sink: Send {
    /// Adds `bytes`; when it fails, any part of them may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when all that was added is on disk.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to its first `length` bytes.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// The real one.
#[derive(Debug)]
pub(super) struct Files;

impl Medium for Files {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn Sink>> {
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        crate::ports::crash::here("journal.created");
        sync_folder(path)?;
        Ok(Box::new(file))
    }
}

impl Sink for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.sync_data()
    }
}

/// The file's name is on disk only when its folder is.
#[expect(clippy::disallowed_methods, reason = "the journal is a folder of files")]
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

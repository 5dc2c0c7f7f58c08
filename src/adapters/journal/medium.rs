//! The file system, as far as the writer needs it: small enough that a test can put a failing one in its place.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::ports::crash;

/// Zeros are written in pieces of this size, each flushed: a flush of something else never waits for more.
const PIECE: usize = 256 << 10;

/// Makes segments.
pub(super) trait Medium: Send + Sync {
    /// A new, empty segment that only its owner may read, and whose name survives a power cut.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Sink>>;

    /// Gives a segment the name `to`, which survives a power cut.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a file away, if it is there.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// A segment that is written to.
pub(super) trait Sink: Send {
    /// Writes `bytes` behind those before; when it fails, any part of them may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when all that was appended is on disk.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to its first `length` bytes, and goes on behind them.
    fn cut(&mut self, length: u64) -> io::Result<()>;

    /// Fills a new segment with `bytes` zeros, on disk, which what is appended later takes the place of; `until` says
    /// whether to leave off.
    fn fill(&mut self, bytes: u64, until: &dyn Fn() -> bool) -> io::Result<()>;
}

/// The real one.
#[derive(Debug)]
pub(super) struct Files;

impl Medium for Files {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Sink>> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        crash::here("journal.created");
        sync_folder(path)?;
        Ok(Box::new(file))
    }

    #[expect(clippy::disallowed_methods, reason = "the journal is a folder of files")]
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)?;
        crash::here("journal.renamed");
        sync_folder(to)
    }

    #[expect(clippy::disallowed_methods, reason = "the journal is a folder of files")]
    fn remove(&self, path: &Path) -> io::Result<()> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
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
        self.seek(SeekFrom::Start(length))?;
        self.sync_data()
    }

    fn fill(&mut self, bytes: u64, until: &dyn Fn() -> bool) -> io::Result<()> {
        let zeros = vec![0; PIECE];
        let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
        while left > 0 && !until() {
            let piece = zeros.get(..left.min(PIECE)).unwrap_or(&zeros);
            self.write_all(piece)?;
            self.sync_data()?;
            left = left.saturating_sub(piece.len());
        }
        self.rewind()
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

//! The one place of a source that touches files: the file that grows, and the mark beside it.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How much of a file's beginning tells it from another one.
const HEAD_BYTES: u64 = 256;
/// How many neighbours are looked at to find a file that was moved aside.
const MAX_NEIGHBOURS: usize = 10_000;

/// A file, whatever it is called by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

/// How far a file was read, and which one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    v: u32,
    #[serde(flatten)]
    pub(super) identity: Identity,
    /// Everything before this byte was taken.
    pub(super) offset: u64,
    /// SHA-256 of the beginning: a number of an inode is used again, and a file may be written anew in its place.
    head: String,
    head_bytes: u64,
}

/// An open file.
#[derive(Debug)]
pub(super) struct Open {
    file: File,
    pub(super) identity: Identity,
}

impl Open {
    /// Opens a regular file. A pipe or a device would make the reader wait.
    #[expect(clippy::disallowed_methods, reason = "this is the file that grows")]
    pub(super) fn at(path: &Path) -> io::Result<Open> {
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
        }
        let file = File::open(path)?;
        let identity = identity(&file.metadata()?);
        Ok(Open { file, identity })
    }

    pub(super) fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// At most `most` bytes from `offset` on.
    pub(super) fn read(&mut self, offset: u64, most: u64) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        (&self.file).take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Where the last line that has no end begins, looking back at most `most` bytes.
    pub(super) fn last_line(&mut self, most: u64) -> io::Result<u64> {
        let length = self.length()?;
        let from = length.saturating_sub(most);
        let tail = self.read(from, most)?;
        let end = memchr::memrchr(b'\n', &tail).map_or(0, |at| at + 1);
        Ok(from + end as u64)
    }

    /// A mark at `offset`.
    pub(super) fn mark(&mut self, offset: u64) -> io::Result<Mark> {
        let head_bytes = offset.min(HEAD_BYTES);
        let head = self.head(head_bytes)?;
        Ok(Mark { v: 1, identity: self.identity, offset, head, head_bytes })
    }

    /// Whether this is still the file that `mark` was made in.
    pub(super) fn is_of(&mut self, mark: &Mark) -> io::Result<bool> {
        Ok(self.identity == mark.identity
            && self.length()? >= mark.offset
            && self.head(mark.head_bytes.min(HEAD_BYTES))? == mark.head)
    }

    fn head(&mut self, bytes: u64) -> io::Result<String> {
        let hash = Sha256::digest(self.read(0, bytes)?);
        Ok(hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Which file is called `path` now; none when there is none.
#[expect(clippy::disallowed_methods, reason = "this is the file that grows")]
pub(super) fn named(path: &Path) -> io::Result<Option<Identity>> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(identity(&metadata))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file of `mark` under another name in the same folder: it was moved aside while nobody looked.
#[expect(clippy::disallowed_methods, reason = "this looks for the file that was moved aside")]
pub(super) fn moved_aside(path: &Path, mark: &Mark) -> Option<Open> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let neighbours = std::fs::read_dir(folder).ok()?.take(MAX_NEIGHBOURS).filter_map(Result::ok);
    let mut same = neighbours.filter(|entry| entry.metadata().is_ok_and(|data| identity(&data) == mark.identity));
    same.find_map(|entry| {
        let mut open = Open::at(&entry.path()).ok()?;
        open.is_of(mark).ok()?.then_some(open)
    })
}

/// The mark beside `path`; none when it was never read.
#[expect(clippy::disallowed_methods, reason = "this is the mark beside the file")]
pub(super) fn load(path: &Path) -> io::Result<Option<Mark>> {
    match std::fs::read(beside(path)) {
        Ok(bytes) => match serde_json::from_slice::<Mark>(&bytes) {
            Ok(mark) if mark.v == 1 => Ok(Some(mark)),
            _ => Err(io::Error::new(ErrorKind::InvalidData, "it is not as it was written")),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the mark, whole or not at all.
#[expect(clippy::disallowed_methods, reason = "this is the mark beside the file")]
pub(super) fn save(path: &Path, mark: &Mark) -> io::Result<()> {
    let place = beside(path);
    let mut scratch = place.clone().into_os_string();
    scratch.push(".tmp");
    let scratch = PathBuf::from(scratch);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&scratch)?;
    file.write_all(&serde_json::to_vec(mark)?)?;
    file.sync_all()?;
    std::fs::rename(&scratch, &place)?;
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) {
        // The new name is on disk when its folder is.
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// `metrics.ndjson.rollgate-offset` beside `metrics.ndjson`.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".rollgate-offset");
    path.with_file_name(name)
}

#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    Identity { device: metadata.dev(), inode: metadata.ino() }
}

/// Elsewhere the beginning of a file alone tells it from another.
#[cfg(not(unix))]
fn identity(_: &std::fs::Metadata) -> Identity {
    Identity { device: 0, inode: 0 }
}

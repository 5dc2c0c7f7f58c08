//! Writes files whole or not at all: a reader, or a power cut, sees the old text or the new one and never half of it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Replaces `path` by `bytes` in one step. Keeps the permissions of the file it replaces.
///
/// # Errors
/// The file system's; the old file is then still there.
#[expect(clippy::disallowed_methods, reason = "this is the place that writes")]
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A symlink is followed: replacing the link itself would cut the file loose from where it is kept.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let scratch = beside(&target);
    let written = (|| {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&scratch)?;
        file.write_all(bytes)?;
        if let Ok(old) = fs::metadata(&target) {
            fs::set_permissions(&scratch, old.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&scratch, &target)
    })();
    if written.is_err() {
        // The first error is the one worth telling; a scratch file that cannot be removed changes nothing.
        drop(fs::remove_file(&scratch));
    }
    written
}

/// Creates `path` with `bytes` and the folders above it; refuses when it is there already.
///
/// # Errors
/// The file system's.
#[expect(clippy::disallowed_methods, reason = "this is the place that writes")]
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes)
}

/// A new file that grows line by line, and the folders above it; refuses when it is there already.
///
/// # Errors
/// The file system's.
#[expect(clippy::disallowed_methods, reason = "this is the place that writes")]
pub fn growing(path: &Path) -> io::Result<io::BufWriter<fs::File>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(io::BufWriter::new(fs::OpenOptions::new().write(true).create_new(true).open(path)?))
}

/// Whether nothing is at `path`, or only an empty folder: nothing there can be overwritten.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place that writes")]
pub fn is_free(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Creates or replaces `path`, and the folders above it.
///
/// # Errors
/// The file system's.
pub fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match create(path, bytes) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => replace(path, bytes),
        other => other,
    }
}

/// Creates or replaces `path` with `bytes` that only its owner may read, in one step.
///
/// # Errors
/// The file system's; an old file is then still there.
#[expect(clippy::disallowed_methods, reason = "this is the place that writes")]
pub fn secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let scratch = beside(path);
    let written = (|| {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&scratch)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&scratch, path)
    })();
    if written.is_err() {
        // The first error is the one worth telling.
        drop(fs::remove_file(&scratch));
    }
    written
}

/// Removes `path`; one that is not there is nothing to complain about.
///
/// # Errors
/// The file system's.
#[expect(clippy::disallowed_methods, reason = "this is the place that writes")]
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A scratch name in the same folder, so that the rename stays on one file system.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at what was written")]
mod tests {
    use super::*;

    #[test]
    fn replaces_whole_files_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        create(&path, b"old").unwrap();
        assert_eq!(create(&path, b"other").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

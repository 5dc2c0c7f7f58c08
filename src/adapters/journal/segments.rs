//! The segments of a journal: their names, what is known of each, and reading one line by line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::line;
use crate::model::time::Time;

const ENDING: &str = ".ndjson";

/// What is known of a segment that is not written any more.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Closed {
    pub(super) bytes: u64,
    /// The newest that came in; not looked up yet when absent.
    pub(super) newest: Option<Time>,
}

/// The file name of a segment.
pub(super) fn name(number: u64) -> String {
    format!("{number:010}{ENDING}")
}

/// The segments in `folder` with their sizes, oldest first.
#[expect(clippy::disallowed_methods, reason = "the journal is a folder of files")]
pub(super) fn list(folder: &Path) -> io::Result<BTreeMap<u64, Closed>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(ENDING)).and_then(|name| name.parse().ok());
        if let Some(number) = number {
            found.insert(number, Closed { bytes: entry.metadata()?.len(), newest: None });
        }
    }
    Ok(found)
}

/// Hands every line of a segment to `each`, with its line break where it has one; memory does not grow with the file. A
/// segment that was dropped meanwhile has none. Zeros are no line: a segment that was made ahead of time ends in them.
#[expect(clippy::disallowed_methods, reason = "the journal is a folder of files")]
pub(super) fn lines(path: &Path, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut text = Vec::new();
    while skip_zeros(&mut reader)? {
        text.clear();
        read_line(&mut reader, &mut text)?;
        each(&text);
    }
    Ok(())
}

/// Goes to the next byte that is no zero; false at the end.
fn skip_zeros(reader: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let read = reader.fill_buf()?;
        let (zeros, all) = (read.iter().take_while(|byte| **byte == 0).count(), read.len());
        reader.consume(zeros);
        if all == 0 || zeros < all {
            return Ok(all > 0);
        }
    }
}

/// Reads to the end of a line, or of what is left of one.
fn read_line(reader: &mut impl BufRead, text: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let read = reader.fill_buf()?;
        let end = memchr::memchr2(b'\n', 0, read);
        let is_whole = end.is_some_and(|end| read.get(end) == Some(&b'\n'));
        let length = end.unwrap_or(read.len()).saturating_add(usize::from(is_whole));
        text.extend_from_slice(read.get(..length).unwrap_or_default());
        reader.consume(length);
        if end.is_some() || length == 0 {
            return Ok(());
        }
    }
}

/// When the newest whole line of a segment came in.
pub(super) fn newest(folder: &Path, number: u64) -> io::Result<Option<Time>> {
    let (name, path) = place(folder, number);
    let mut newest = None;
    lines(&path, &mut |text| newest = newest.max(line::came_in(&name, text)))?;
    Ok(newest)
}

/// The name and the path of a segment.
pub(super) fn place(folder: &Path, number: u64) -> (String, PathBuf) {
    let name = name(number);
    let path = folder.join(&name);
    (name, path)
}

//! A file of snapshots that somebody else writes, one JSON a line, followed as it grows.
//!
//! A last line without its end waits for it. A file that was moved aside (rotated) is read to its end before the new one
//! is begun, also when that happened while nobody looked; one that was cut short, or written anew in its place, is read
//! from its beginning. How far it was read is kept beside it, in `FILE.rollgate-offset`, once what was read is kept.
//!
//! Reading a file does not wait for anybody: the deadline of sentence 1 is kept by refusing pipes and devices, and by
//! taking a bounded piece at a time.

mod disk;

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use crate::model::snapshot::Snapshot;
use crate::model::time::Time;
use crate::ports::source::{Source, SourceError};

use super::line::{self, MAX_SNAPSHOT_BYTES, Problems};
use super::sheet::About;
use disk::{Mark, Open};

/// The most that is read in one call.
const MAX_PIECE_BYTES: u64 = 4 * 1024 * 1024;
/// How often a file that was moved aside is looked at in vain before it is let go: whoever wrote it may not know yet.
const LAST_LOOKS: u32 = 2;

/// Which file, and where to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The source's name; every snapshot carries it.
    pub name: String,
    /// What snapshots that do not say it are about.
    pub about: About,
    /// The file.
    pub path: PathBuf,
    /// Where to begin when it was never read before.
    pub start: Start,
}

/// Where to begin in a file that was never read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// Behind what is there: the past is no news.
    #[default]
    End,
    /// At its first line.
    Beginning,
}

/// A growing file.
#[derive(Debug)]
pub struct GrowingFile {
    config: Config,
    following: Option<Following>,
    /// The mark on disk.
    kept: Option<Mark>,
    /// It was looked for and not there: when it comes, all of it is news.
    awaited: bool,
    problems: Vec<String>,
}

/// A file being read.
#[derive(Debug)]
struct Following {
    open: Open,
    /// How far it was read: what the mark on disk will say once that is kept.
    mark: Mark,
    /// In the middle of a line that is too long to be taken.
    skipping: bool,
    /// How often it was found at its end since another file took its name.
    looks: u32,
}

impl GrowingFile {
    /// Follows the file; nothing is read yet.
    #[must_use]
    pub fn new(config: Config) -> GrowingFile {
        GrowingFile { config, following: None, kept: None, awaited: false, problems: Vec::new() }
    }

    /// Opens the file where it was left, or where the settings say.
    fn begin(&mut self) -> Result<Following, SourceError> {
        let path = &self.config.path;
        self.kept = disk::load(path).map_err(|error| {
            let place = disk::beside(path);
            let why = format!("`{}`: {error}; remove it to begin as if the file was never read", place.display());
            SourceError::Malformed(why)
        })?;
        if let Some(mark) = &self.kept {
            let named = Open::at(path).ok().filter(|open| open.identity == mark.identity);
            let left = named.map_or_else(|| disk::moved_aside(path, mark), Some);
            // Whatever it has become since is seen where it is read.
            if let Some(open) = left {
                return Ok(Following { open, mark: mark.clone(), skipping: false, looks: 0 });
            }
            return self.follow(0);
        }
        if disk::named(path).map_err(|error| self.failed(&error))?.is_none() {
            self.awaited = true;
            return Err(self.missing());
        }
        match self.config.start {
            Start::Beginning => self.follow(0),
            Start::End if self.awaited => self.follow(0),
            Start::End => {
                let mut open = Open::at(path).map_err(|error| self.failed(&error))?;
                let offset = open.last_line(MAX_SNAPSHOT_BYTES as u64).map_err(|error| self.failed(&error))?;
                self.follow(offset)
            }
        }
    }

    /// Follows the file that has the name now, and keeps where it began: what comes from here on comes again until it
    /// is acknowledged.
    fn follow(&mut self, offset: u64) -> Result<Following, SourceError> {
        let path = &self.config.path;
        let mut open = Open::at(path).map_err(|error| self.failed(&error))?;
        let mark = open.mark(offset).map_err(|error| self.failed(&error))?;
        if self.kept.is_none() {
            disk::save(path, &mark).map_err(|error| self.unkept(&error))?;
            self.kept = Some(mark.clone());
        }
        Ok(Following { open, mark, skipping: false, looks: 0 })
    }

    /// The next piece of the file, and how to go on.
    fn advance(&mut self, following: &mut Following, problems: &mut Problems) -> Result<Vec<Snapshot>, SourceError> {
        let failed = |error: &io::Error| self.failed(error);
        if !following.open.is_of(&following.mark).map_err(|error| failed(&error))? {
            let what = format!(
                "`{}` was cut short or written anew; it is read from its beginning",
                self.config.path.display()
            );
            problems.add(what);
            following.mark = following.open.mark(0).map_err(|error| failed(&error))?;
            following.skipping = false;
        }
        let piece = following.open.read(following.mark.offset, MAX_PIECE_BYTES).map_err(|error| failed(&error))?;
        let (snapshots, taken) = self.lines(&piece, following, problems);
        if taken > 0 {
            let offset = following.mark.offset + taken as u64;
            following.mark = following.open.mark(offset).map_err(|error| failed(&error))?;
        }
        Ok(snapshots)
    }

    /// Every whole line of `piece`, and how many bytes they were.
    fn lines(&self, piece: &[u8], following: &mut Following, problems: &mut Problems) -> (Vec<Snapshot>, usize) {
        let mut snapshots = Vec::new();
        let mut taken = 0;
        for end in memchr::memchr_iter(b'\n', piece) {
            let text = piece.get(taken..end).unwrap_or_default();
            let at = following.mark.offset + taken as u64;
            taken = end + 1;
            if std::mem::take(&mut following.skipping) || text.trim_ascii().is_empty() {
                continue;
            }
            match line::read(text, &self.config.name, &self.config.about) {
                Ok(snapshot) => snapshots.push(snapshot),
                Err(why) => problems.add(format!("the line at byte {at} is no snapshot: {why}")),
            }
        }
        if piece.len() - taken > MAX_SNAPSHOT_BYTES {
            if !following.skipping {
                let at = following.mark.offset + taken as u64;
                problems.add(format!("the line at byte {at} is too long to be a snapshot, and passed over"));
            }
            (following.skipping, taken) = (true, piece.len());
        }
        (snapshots, taken)
    }

    /// A file that lost its name is let go when nothing comes any more. True when the next one may be begun.
    fn let_go(&self, following: &mut Following, moved: bool, problems: &mut Problems) -> Result<bool, SourceError> {
        if !moved {
            following.looks = 0;
            return Ok(false);
        }
        following.looks += 1;
        if following.looks < LAST_LOOKS {
            return Ok(false);
        }
        let length = following.open.length().map_err(|error| self.failed(&error))?;
        if length > following.mark.offset {
            problems.add(format!("`{}` was moved aside in the middle of its last line", self.config.path.display()));
        }
        Ok(true)
    }

    fn missing(&self) -> SourceError {
        SourceError::Unreachable(format!("`{}` is not there", self.config.path.display()))
    }

    fn failed(&self, error: &io::Error) -> SourceError {
        let why = format!("`{}`: {error}", self.config.path.display());
        match error.kind() {
            ErrorKind::NotFound => self.missing(),
            ErrorKind::PermissionDenied => SourceError::Denied(why),
            ErrorKind::InvalidInput => SourceError::Refused(why),
            _ => SourceError::Unreachable(why),
        }
    }

    fn unkept(&self, error: &io::Error) -> SourceError {
        let place = disk::beside(&self.config.path);
        SourceError::Refused(format!("how far it was read cannot be kept in `{}`: {error}", place.display()))
    }
}

impl Source for GrowingFile {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn poll(&mut self, _: Time) -> Result<Vec<Snapshot>, SourceError> {
        self.problems.clear();
        let mut following = match self.following.take() {
            Some(following) if self.kept.as_ref() == Some(&following.mark) => following,
            // What was handed out was not kept: it comes again, from where the mark on disk is.
            _ => self.begin()?,
        };
        let mut problems = Problems::default();
        // Looked at before reading: what is written to it until then is read, whatever happens to its name meanwhile.
        let named = disk::named(&self.config.path).map_err(|error| self.failed(&error))?;
        let mut snapshots = self.advance(&mut following, &mut problems)?;
        if snapshots.is_empty() {
            let moved = named.is_some_and(|named| named != following.open.identity);
            if self.let_go(&mut following, moved, &mut problems)? {
                following = self.follow(0)?;
                snapshots = self.advance(&mut following, &mut problems)?;
            }
        }
        self.following = Some(following);
        self.problems = problems.finish();
        // What is left of it can be read; that it has no name any more is worth saying once it is.
        if named.is_none() && snapshots.is_empty() {
            return Err(self.missing());
        }
        Ok(snapshots)
    }

    fn problems(&self) -> &[String] {
        &self.problems
    }

    fn acknowledge(&mut self) -> Result<(), SourceError> {
        let Some(following) = &self.following else { return Ok(()) };
        if self.kept.as_ref() == Some(&following.mark) {
            return Ok(());
        }
        disk::save(&self.config.path, &following.mark).map_err(|error| self.unkept(&error))?;
        self.kept = Some(following.mark.clone());
        Ok(())
    }
}

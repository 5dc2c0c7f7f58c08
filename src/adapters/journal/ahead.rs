//! The next segment, made while the one before it is written to, and full of zeros.
//!
//! A flush of a file that grows has to write the file's size as well, through the file system's own log: on ext4 that is
//! half of what it costs, and most of what it costs when it costs much. Lines that take the place of zeros change no size.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::medium::{Medium, Sink};
use crate::ports::crash;

/// Makes one segment at a time, on a thread of its own.
pub(super) struct Ahead {
    medium: Arc<dyn Medium>,
    /// What a segment is called before it has a number.
    path: PathBuf,
    work: Option<JoinHandle<io::Result<Box<dyn Sink>>>>,
    closing: Arc<AtomicBool>,
}

impl Ahead {
    pub(super) fn new(medium: Arc<dyn Medium>, path: PathBuf) -> Ahead {
        Ahead { medium, path, work: None, closing: Arc::default() }
    }

    /// Begins with a segment of `bytes` zeros, unless one is made already.
    pub(super) fn ask(&mut self, bytes: u64) {
        if self.work.is_some() {
            return;
        }
        let (medium, path, closing) = (Arc::clone(&self.medium), self.path.clone(), Arc::clone(&self.closing));
        let make = move || {
            let mut sink = medium.create(&path)?;
            sink.fill(bytes, &|| closing.load(Ordering::Relaxed))?;
            crash::here("journal.filled");
            Ok(sink)
        };
        // With no thread left for it, segments are made when they are needed.
        self.work = std::thread::Builder::new().name("journal ahead".to_owned()).spawn(make).ok();
    }

    /// Whether the segment that was asked for is made, or cannot be.
    pub(super) fn is_over(&self) -> bool {
        self.work.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// The segment that was asked for, under the name `to`; none when there is none, or it could not be made.
    pub(super) fn take(&mut self, to: &Path) -> Option<Box<dyn Sink>> {
        let made = self.work.take_if(|work| work.is_finished())?.join();
        let named = made.ok().and_then(Result::ok).filter(|_| self.medium.rename(&self.path, to).is_ok());
        if named.is_none() {
            self.tidy();
        }
        named
    }

    /// Nobody misses a file that is not a segment yet, and the next journal that is opened here tries again.
    pub(super) fn tidy(&self) {
        drop(self.medium.remove(&self.path));
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        if let Some(work) = self.work.take() {
            drop(work.join());
            self.tidy();
        }
    }
}

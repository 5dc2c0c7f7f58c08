//! Tells when something below a directory changes. Directories are watched, not files: editors save by renaming, and a
//! Kubernetes ConfigMap swaps a symlink beside them. Where the system cannot watch, it polls.

pub mod trees;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use notify::{Config, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};

/// How long nothing must happen before a change is told: one save is several events.
pub const DEBOUNCE: Duration = Duration::from_millis(50);
/// How often to look where the system does not tell.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// Watches until dropped.
pub struct Watch {
    events: Receiver<notify::Result<Event>>,
    // Dropping the watcher ends the watching.
    _watcher: Box<dyn Watcher + Send>,
}

impl Watch {
    /// Starts watching `paths` and everything below them.
    ///
    /// # Errors
    /// Neither the system's watching nor polling could be started.
    pub fn start(paths: &[PathBuf]) -> notify::Result<Watch> {
        let (sender, events) = channel();
        let native = RecommendedWatcher::new(sender.clone(), Config::default()).and_then(|mut watcher| {
            add(&mut watcher, paths)?;
            Ok(watcher)
        });
        let watcher: Box<dyn Watcher + Send> = match native {
            Ok(watcher) => Box::new(watcher),
            // Out of inotify watches, or a file system that has none: polling always works.
            Err(_) => {
                let mut watcher = PollWatcher::new(sender, Config::default().with_poll_interval(POLL_EVERY))?;
                add(&mut watcher, paths)?;
                Box::new(watcher)
            }
        };
        Ok(Watch { events, _watcher: watcher })
    }

    /// Waits for a change and until it has settled. False when nothing can come any more.
    #[must_use]
    pub fn wait(&self) -> bool {
        loop {
            match self.events.recv() {
                Ok(event) if matters(&event) => break,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
        loop {
            match self.events.recv_timeout(DEBOUNCE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }
}

fn add(watcher: &mut dyn Watcher, paths: &[PathBuf]) -> notify::Result<()> {
    for path in paths {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or_else(|| Path::new(".")) };
        watcher.watch(folder, RecursiveMode::Recursive)?;
    }
    Ok(())
}

/// Reading a file is not a change, or our own reading would wake us; an error means that events may have been lost.
fn matters(event: &notify::Result<Event>) -> bool {
    match event {
        Ok(event) => !matches!(event.kind, EventKind::Access(_)),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_file_is_told_once_it_has_settled() {
        let folder = tempfile::tempdir().unwrap();
        let watch = Watch::start(&[folder.path().to_path_buf()]).unwrap();
        crate::shell::write::create(&folder.path().join("policy.toml"), b"schema = 1").unwrap();
        assert!(watch.wait());
    }
}

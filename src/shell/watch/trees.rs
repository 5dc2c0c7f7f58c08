//! Watches trees for as long as the controller runs, whatever happens to them: a root that is swapped, deleted and
//! written again, or not there yet, is watched again as soon as it is back.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::matters;
use crate::shell::clock::Stopwatch;
use crate::shell::files::{Identity, identity};

/// A tree that never rests is looked at all the same after so many debounces, and after a second at the least.
const AT_MOST: u32 = 20;
/// How often the roots themselves are looked at: nobody tells when one is swapped for another.
const ROOTS_EVERY: Duration = Duration::from_secs(1);

/// How to watch.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// How long nothing must happen before a change is told.
    pub debounce: Duration,
    /// How often to look where the system does not tell.
    pub poll: Duration,
    /// Never ask the system to tell: it cannot, for some network file systems, and does not say so.
    pub only_poll: bool,
}

/// Why waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Something may have changed, and has settled.
    Look,
    /// Nobody wants to know any more.
    Stop,
}

enum Message {
    Happened(notify::Result<Event>),
    Look,
    Stop,
}

/// Ends or hurries the waiting of somebody else.
#[derive(Debug, Clone)]
pub struct Nudge(Sender<Message>);

impl Nudge {
    /// Has the trees looked at now.
    pub fn look(&self) {
        // Whoever is gone needs no telling.
        drop(self.0.send(Message::Look));
    }

    /// Ends the waiting.
    pub fn stop(&self) {
        drop(self.0.send(Message::Stop));
    }
}

/// Trees that are watched.
pub struct Trees {
    roots: Vec<Root>,
    how: How,
    messages: Receiver<Message>,
    sender: Sender<Message>,
    watcher: Option<RecommendedWatcher>,
}

struct Root {
    path: PathBuf,
    /// What stood there when it was last watched; none when nothing did.
    watched: Option<Identity>,
}

impl Trees {
    /// Watches `roots`, which need not be there yet. Where the system cannot tell of changes, it looks for itself.
    #[must_use]
    pub fn start(roots: &[PathBuf], how: How) -> Trees {
        let (sender, messages) = channel();
        // The system tells of whole paths, however a root was named.
        let whole = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let roots = roots.iter().map(|path| Root { path: whole(path), watched: None }).collect();
        let mut trees = Trees { roots, how, messages, sender, watcher: None };
        if !how.only_poll {
            trees.watch_natively();
        }
        trees
    }

    /// A handle for other threads.
    #[must_use]
    pub fn nudge(&self) -> Nudge {
        Nudge(self.sender.clone())
    }

    /// Whether it looks for itself because the system does not tell.
    #[must_use]
    pub const fn polls(&self) -> bool {
        self.watcher.is_none()
    }

    /// Waits until there is something to look at.
    pub fn wait(&mut self) -> Wake {
        loop {
            let tick = if self.polls() { self.how.poll } else { ROOTS_EVERY };
            match self.messages.recv_timeout(tick) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return Wake::Stop,
                Ok(Message::Look) => return Wake::Look,
                Ok(Message::Happened(event)) if self.is_ours(&event) => return self.settle(),
                Ok(Message::Happened(_)) => {}
                Err(RecvTimeoutError::Timeout) if self.polls() || self.swapped() => return self.settle(),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Waits until nothing more happens. One save is several events, and one deployment many saves.
    fn settle(&mut self) -> Wake {
        let stopwatch = Stopwatch::start();
        let longest = (self.how.debounce * AT_MOST).max(Duration::from_secs(1)).as_millis();
        loop {
            match self.messages.recv_timeout(self.how.debounce) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return Wake::Stop,
                Ok(Message::Happened(event)) if !self.is_ours(&event) => {}
                Ok(_) if u128::try_from(stopwatch.elapsed().as_millis()).is_ok_and(|spent| spent < longest) => {}
                Ok(_) | Err(RecvTimeoutError::Timeout) => break,
            }
        }
        if self.watcher.is_some() && self.swapped() {
            self.watch_natively();
        }
        Wake::Look
    }

    /// Beside a root stand files that are none of our business, such as the store.
    fn is_ours(&self, event: &notify::Result<Event>) -> bool {
        let below = |path: &PathBuf| self.roots.iter().any(|root| path.starts_with(&root.path));
        matters(event) && event.as_ref().map_or(true, |event| event.paths.is_empty() || event.paths.iter().any(below))
    }

    /// Whether a root is not what it was when it was last watched.
    fn swapped(&self) -> bool {
        self.roots.iter().any(|root| identity(&root.path) != root.watched)
    }

    /// Watches every root, and the folder it stands in, from where a root comes back. A failure to watch one of them
    /// means looking for oneself.
    fn watch_natively(&mut self) {
        let sender = self.sender.clone();
        let tell = move |event| drop(sender.send(Message::Happened(event)));
        self.watcher = RecommendedWatcher::new(tell, Config::default()).ok();
        let mut failed = false;
        for root in &mut self.roots {
            root.watched = identity(&root.path);
            let Some(watcher) = &mut self.watcher else { return };
            let is_file = root.path.is_file();
            let mode = if is_file { RecursiveMode::NonRecursive } else { RecursiveMode::Recursive };
            failed |= root.watched.is_some() && watcher.watch(&root.path, mode).is_err();
            if let Some(folder) = parent(&root.path) {
                // Without it a swapped root is noticed a little later.
                drop(watcher.watch(&folder, RecursiveMode::NonRecursive));
            }
        }
        if failed {
            self.watcher = None;
        }
    }
}

fn parent(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    folder.is_dir().then(|| folder.to_path_buf())
}

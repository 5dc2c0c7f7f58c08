//! What makes somebody who watches look again: news from a controller, time, or Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

#[cfg(feature = "live")]
use anyhow::Context as _;

#[cfg(feature = "live")]
use crate::daemon::client::{Client, Heard};

/// One change often comes as several entries: they are waited for before anything is drawn.
const TOGETHER: Duration = Duration::from_millis(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heeded {
    News,
    End,
}

/// Listens while somebody watches.
pub(super) struct Ears {
    sender: Sender<Heeded>,
    receiver: Receiver<Heeded>,
    /// A connection to a controller is open.
    listens: Arc<AtomicBool>,
}

impl Ears {
    /// From now on Ctrl-C no longer kills: it is heard.
    #[cfg(feature = "live")]
    pub(super) fn open() -> anyhow::Result<Ears> {
        use crate::shell::signals::{Wanted, catch};
        let (sender, receiver) = channel();
        let (signals, told) = (catch().context("cannot listen to signals")?, sender.clone());
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            signals.wait(|wanted| wanted == Wanted::End);
            // Whoever watched may have gone already.
            let _: Result<(), _> = told.send(Heeded::End);
        })?;
        Ok(Ears { sender, receiver, listens: Arc::default() })
    }

    /// This build knows no signals: Ctrl-C ends it as it ends any program.
    #[cfg(not(feature = "live"))]
    pub(super) fn open() -> anyhow::Result<Ears> {
        let (sender, receiver) = channel();
        Ok(Ears { sender, receiver, listens: Arc::default() })
    }

    /// Listens to a controller, unless it is listened to already. One that lets nobody listen is looked at by and by.
    #[cfg(feature = "live")]
    pub(super) fn listen_to(&self, client: &Client) {
        if self.listens.swap(true, Ordering::AcqRel) {
            return;
        }
        let (client, told, listens) = (client.clone(), self.sender.clone(), Arc::clone(&self.listens));
        let listen = move || {
            // What goes wrong shows when it is looked at next.
            drop(client.listen(&mut |heard| match heard {
                // What happened before somebody listened is news as well.
                Heard::Begun | Heard::News => told.send(Heeded::News).is_ok(),
                Heard::Still => true,
            }));
            listens.store(false, Ordering::Release);
            let _: Result<(), _> = told.send(Heeded::News);
        };
        if std::thread::Builder::new().name("events".to_owned()).spawn(listen).is_err() {
            self.listens.store(false, Ordering::Release);
        }
    }

    /// Waits for news, but no longer than this; false when somebody wants it to end.
    pub(super) fn wait(&self, at_most: Duration) -> bool {
        let mut heeded = self.receiver.recv_timeout(at_most);
        while let Ok(heard) = heeded {
            if heard == Heeded::End {
                return false;
            }
            heeded = self.receiver.recv_timeout(TOGETHER);
        }
        matches!(heeded, Err(RecvTimeoutError::Timeout))
    }
}

//! What makes somebody who watches look again: news from a controller, time, or Ctrl-C.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// One change often comes as several entries: they are waited for before anything is drawn.
const TOGETHER: Duration = Duration::from_millis(30);
/// A controller that lets nobody listen is not asked more often than this.
#[cfg(feature = "live")]
const AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heeded {
    /// Something happened.
    #[cfg(feature = "live")]
    News,
    /// Somebody wants it to end.
    #[cfg(feature = "live")]
    End,
}

/// Listens while somebody watches.
pub(super) struct Ears {
    /// What nobody sends to any more would be heard as an end.
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "this build hears nothing"))]
    sender: Sender<Heeded>,
    receiver: Receiver<Heeded>,
    /// A connection to a controller is open.
    #[cfg(feature = "live")]
    listens: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Ears {
    /// From now on Ctrl-C no longer kills: it is heard. A build that knows no signals ends as any program does.
    pub(super) fn open() -> anyhow::Result<Ears> {
        let (sender, receiver) = channel();
        #[cfg(feature = "live")]
        heed_signals(sender.clone())?;
        Ok(Ears {
            sender,
            receiver,
            #[cfg(feature = "live")]
            listens: std::sync::Arc::default(),
        })
    }

    /// Waits for news, but no longer than this; false when somebody wants it to end.
    pub(super) fn wait(&self, at_most: Duration) -> bool {
        let mut heeded = self.receiver.recv_timeout(at_most);
        while let Ok(heard) = heeded {
            if heard.is_end() {
                return false;
            }
            heeded = self.receiver.recv_timeout(TOGETHER);
        }
        matches!(heeded, Err(RecvTimeoutError::Timeout))
    }
}

impl Heeded {
    const fn is_end(self) -> bool {
        match self {
            #[cfg(feature = "live")]
            Heeded::News => false,
            #[cfg(feature = "live")]
            Heeded::End => true,
        }
    }
}

#[cfg(feature = "live")]
fn heed_signals(told: Sender<Heeded>) -> anyhow::Result<()> {
    use crate::shell::signals::{Wanted, catch};
    use anyhow::Context as _;
    let signals = catch().context("cannot listen to signals")?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        signals.wait(|wanted| wanted == Wanted::End);
        // Whoever watched may have gone already.
        let _: Result<(), _> = told.send(Heeded::End);
    })?;
    Ok(())
}

#[cfg(feature = "live")]
impl Ears {
    /// Listens to a controller, unless it is listened to already. One that lets nobody listen is looked at by and by.
    pub(super) fn listen_to(&self, client: &crate::daemon::client::Client) {
        use crate::daemon::client::Heard;
        use std::sync::atomic::Ordering;
        if self.listens.swap(true, Ordering::AcqRel) {
            return;
        }
        let (client, told, listens) = (client.clone(), self.sender.clone(), std::sync::Arc::clone(&self.listens));
        let listen = move || {
            // What goes wrong shows when it is looked at next.
            drop(client.listen(&mut |heard| match heard {
                // What happened before somebody listened is news as well.
                Heard::Begun | Heard::News => told.send(Heeded::News).is_ok(),
                Heard::Still => true,
            }));
            let _: Result<(), _> = told.send(Heeded::News);
            std::thread::park_timeout(AGAIN);
            listens.store(false, Ordering::Release);
        };
        if std::thread::Builder::new().name("events".to_owned()).spawn(listen).is_err() {
            self.listens.store(false, Ordering::Release);
        }
    }
}

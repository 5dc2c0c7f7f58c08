//! Signals: when to end, and when to look again.

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What somebody wants of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Look at the files again (SIGHUP).
    Look,
    /// End, in good order (SIGTERM, SIGINT).
    End,
}

/// Signals that are caught from now on: one that comes before [`Signals::wait`] is not lost, and kills nobody.
pub struct Signals {
    runtime: Runtime,
    end: Signal,
    interrupt: Signal,
    look: Signal,
}

/// Begins to catch them.
///
/// # Errors
/// The system does not let this process listen.
pub fn catch() -> std::io::Result<Signals> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (end, interrupt, look) = runtime.block_on(async {
        let end = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        std::io::Result::Ok((end, interrupt, signal(SignalKind::hangup())?))
    })?;
    Ok(Signals { runtime, end, interrupt, look })
}

impl Signals {
    /// Waits on the calling thread until `each` answers that it is enough.
    pub fn wait(self, mut each: impl FnMut(Wanted) -> bool) {
        let Signals { runtime, mut end, mut interrupt, mut look } = self;
        runtime.block_on(async {
            loop {
                let wanted = tokio::select! {
                    _ = end.recv() => Wanted::End,
                    _ = interrupt.recv() => Wanted::End,
                    _ = look.recv() => Wanted::Look,
                };
                if each(wanted) {
                    return;
                }
            }
        });
    }
}

/// Turns true when somebody wants this process to end: for work that ends in good order between two steps. From then on
/// the signals no longer end it at once.
///
/// # Errors
/// The system does not let this process listen, or gives no thread.
pub fn ends() -> std::io::Result<Ending> {
    let ending = Ending::default();
    let (signals, told) = (catch()?, ending.clone());
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        signals.wait(|wanted| wanted == Wanted::End);
        told.tell();
    })?;
    Ok(ending)
}

/// Whether somebody wants this process to end.
#[derive(Debug, Clone, Default)]
pub struct Ending(std::sync::Arc<(std::sync::Mutex<bool>, std::sync::Condvar)>);

impl Ending {
    fn tell(&self) {
        *self.0.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Sleeps for so long, or until somebody wants it to end; whether somebody does.
    #[must_use]
    pub fn sleep(&self, length: std::time::Duration) -> bool {
        let ends = self.0.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let slept = self.0.1.wait_timeout_while(ends, length, |ends| !*ends);
        *slept.unwrap_or_else(std::sync::PoisonError::into_inner).0
    }
}

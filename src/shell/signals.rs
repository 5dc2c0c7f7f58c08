//! Signals: when to end, and when to look again.

use tokio::signal::unix::{SignalKind, signal};

/// What somebody wants of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Look at the files again (SIGHUP).
    Look,
    /// End, in good order (SIGTERM, SIGINT).
    End,
}

/// Waits for signals on the calling thread until `each` answers that it is enough.
///
/// # Errors
/// The system does not let this process listen.
pub fn wait(mut each: impl FnMut(Wanted) -> bool) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut end = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut look = signal(SignalKind::hangup())?;
        loop {
            let wanted = tokio::select! {
                _ = end.recv() => Wanted::End,
                _ = interrupt.recv() => Wanted::End,
                _ = look.recv() => Wanted::Look,
            };
            if each(wanted) {
                return Ok(());
            }
        }
    })
}

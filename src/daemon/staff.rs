//! The house's staff: threads that do one thing over and over until the house closes.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Tells every thread at once that it is time to go.
#[derive(Debug, Default)]
pub struct Closing {
    told: Mutex<bool>,
    changed: Condvar,
}

impl Closing {
    /// Sleeps for `length`, or until it is time to go; whether it is.
    #[must_use]
    pub fn sleep(&self, length: Duration) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(told, length, |told| !*told);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Sleeps until it is time to go.
    pub fn wait(&self) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(told, |told| !*told));
    }

    /// It is time to go.
    pub fn tell(&self) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Whether it is time to go.
    #[must_use]
    pub fn is_told(&self) -> bool {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads.
#[derive(Debug, Default)]
pub struct Staff {
    closing: Arc<Closing>,
    threads: Vec<JoinHandle<()>>,
}

impl Staff {
    /// What the threads sleep on.
    #[must_use]
    pub fn closing(&self) -> Arc<Closing> {
        Arc::clone(&self.closing)
    }

    /// Starts a thread that does `work` until it is told to go.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn hire(&mut self, name: &str, work: impl FnOnce(&Closing) + Send + 'static) -> std::io::Result<()> {
        let closing = Arc::clone(&self.closing);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&closing))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Tells every thread to go, and waits until all are gone.
    pub fn dismiss(self) {
        self.closing.tell();
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread had died");
            }
        }
    }
}

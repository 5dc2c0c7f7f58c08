//! A source whose secrets are looked up again when they are not taken any more: somebody rotated them, and the file or
//! Secret Manager has the new one. Nothing has to be restarted for it.

use crate::model::snapshot::Snapshot;
use crate::model::time::{Duration, Time};
use crate::ports::source::{Source, SourceError};

/// How long it waits before it looks secrets up once more that were not taken.
const AGAIN: Duration = Duration::from_secs(10);

type Build = dyn Fn() -> Result<Box<dyn Source>, String> + Send;

/// Builds a source anew when it is denied.
pub(super) struct Renewing {
    source: Box<dyn Source>,
    build: Box<Build>,
    looked_up: Option<Time>,
}

impl Renewing {
    /// What `build` builds, now and whenever it is denied.
    ///
    /// # Errors
    /// It cannot be built.
    pub(super) fn new(
        build: impl Fn() -> Result<Box<dyn Source>, String> + Send + 'static,
    ) -> Result<Renewing, String> {
        Ok(Renewing { source: build()?, build: Box::new(build), looked_up: None })
    }

    fn is_due(&self, now: Time) -> bool {
        // A clock that was set back does not put it off for ever.
        self.looked_up.is_none_or(|before| now.since(before) >= AGAIN || now < before)
    }
}

impl Source for Renewing {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn poll(&mut self, now: Time) -> Result<Vec<Snapshot>, SourceError> {
        let denied = match self.source.poll(now) {
            Err(SourceError::Denied(why)) if self.is_due(now) => why,
            outcome => return outcome,
        };
        self.looked_up = Some(now);
        match (self.build)() {
            // It was denied at once, or it would not have answered: there is time left for one more try.
            Ok(source) => {
                self.source = source;
                self.source.poll(now)
            }
            Err(why) => Err(SourceError::Denied(format!("{denied}; and no other secret is to be had: {why}"))),
        }
    }

    fn problems(&self) -> &[String] {
        self.source.problems()
    }

    fn acknowledge(&mut self) -> Result<(), SourceError> {
        self.source.acknowledge()
    }
}

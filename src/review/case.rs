//! Fixtures as text and bytes in memory, so that one reading of the disk serves any number of policies.

use std::io::Cursor;
use std::sync::Arc;

use crate::fixture::data::open::open_all;
use crate::fixture::directory::{EXPECT_FILE, FIXTURE_FILE, Fixture, Head, TIMELINE_FILE, read_fixture, read_head};
use crate::fixture::{DataError, Frames, ReadOptions, Recording};
use crate::policy::compiled::Policy;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::source::PolicySource;

/// A fixture's directory, read once.
#[derive(Debug, Clone)]
pub struct FixtureText {
    /// Its files as text, for messages; the root is the path as the user would write it.
    pub source: PolicySource,
    /// What can be known without a policy.
    pub head: Head,
    /// The recordings: names, which tell the format, and their bytes, unpacked.
    pub data: Vec<(String, Arc<[u8]>)>,
}

impl FixtureText {
    /// From its files. The problems say why there is no fixture.
    ///
    /// # Errors
    /// `fixture.toml` is not one.
    pub fn new(source: PolicySource, data: Vec<(String, Arc<[u8]>)>) -> Result<FixtureText, Vec<Diagnostic>> {
        let (head, problems) = read_head(source.get(FIXTURE_FILE).map_or("", AsRef::as_ref));
        match head {
            Some(head) if problems.is_empty() => Ok(FixtureText { source, head, data }),
            _ => Err(problems),
        }
    }

    /// Read against a policy, with every problem.
    #[must_use]
    pub fn against(&self, policy: &Policy) -> (Fixture, Vec<Diagnostic>) {
        let text = self.source.get(FIXTURE_FILE).map_or("", AsRef::as_ref);
        read_fixture(text, self.source.get(EXPECT_FILE).map(AsRef::as_ref), policy)
    }

    /// The golden timeline, when there is one.
    #[must_use]
    pub fn golden(&self) -> Option<&str> {
        self.source.get(TIMELINE_FILE).map(AsRef::as_ref)
    }

    /// Read against a policy without what must come of it: where it starts, how its data is read, its label.
    #[must_use]
    pub fn start_under(&self, policy: &Policy) -> (Fixture, Vec<Diagnostic>) {
        read_fixture(self.source.get(FIXTURE_FILE).map_or("", AsRef::as_ref), None, policy)
    }

    /// Its recordings, from the beginning.
    #[must_use]
    pub fn recordings(&self) -> Vec<Recording> {
        let recording = |(name, bytes): &(String, Arc<[u8]>)| Recording {
            name: name.clone(),
            reader: Box::new(Cursor::new(Arc::clone(bytes))),
            series: None,
            format: None,
        };
        self.data.iter().map(recording).collect()
    }

    /// How its data is read.
    #[must_use]
    pub fn reading(fixture: &Fixture, policy: &Policy) -> ReadOptions {
        ReadOptions {
            assume_samples: fixture.assume_samples,
            mapping: fixture.mapping.clone(),
            rollout: Some(policy.rollout.clone()),
            ..ReadOptions::default()
        }
    }

    /// Its frames, from the beginning.
    ///
    /// # Errors
    /// The data is in none of the formats, or its mapping does not fit the policy.
    pub fn frames(&self, fixture: &Fixture, policy: &Policy) -> Result<Box<dyn Frames>, DataError> {
        let catalogue = Arc::new(policy.catalogue.clone());
        open_all(self.recordings(), &catalogue, &FixtureText::reading(fixture, policy))
    }
}

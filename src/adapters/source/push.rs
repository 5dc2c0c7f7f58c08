//! What others send. The API receives it and keeps it; here bytes become snapshots, by a mapping from their names to
//! the policy's. Nothing in here waits, asks or remembers: the same bytes give the same snapshots.

pub mod alertmanager;
mod mapping;
pub mod otlp;

use crate::model::snapshot::Snapshot;
use crate::ports::source::SourceError;

pub use mapping::{GroupBy, Labels, Matcher, Place, RegionBy};

/// The most that is read of one push. It comes unpacked: that is the API's work, within its own limit.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// What a push turned out to be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decoded {
    /// What is to be kept, in order of time.
    pub snapshots: Vec<Snapshot>,
    /// Points or alerts that the mapping asks for and that could not be taken.
    pub rejected: u64,
    /// Points or alerts that the mapping does not ask for. That is as it should be.
    pub unmapped: u64,
    /// What was wrong, for whoever sent it: the first reason, and how many more.
    pub message: Option<String>,
}

fn within_limit(body: &[u8]) -> Result<(), SourceError> {
    match body.len() <= MAX_BODY_BYTES {
        true => Ok(()),
        false => Err(SourceError::Malformed(format!("the body is longer than {} MiB", MAX_BODY_BYTES / 1024 / 1024))),
    }
}

/// The part of a `Content-Type` before its parameters.
fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What was wrong with single points: the first reason and a count.
#[derive(Debug, Default)]
struct Rejections {
    count: u64,
    first: Option<String>,
}

impl Rejections {
    fn add(&mut self, why: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(why);
    }

    fn message(self) -> Option<String> {
        self.first.map(|first| match self.count {
            0 | 1 => first,
            more => format!("{first}; and {} more", more - 1),
        })
    }
}

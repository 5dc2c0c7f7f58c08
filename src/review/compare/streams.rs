//! One reading of the data for both policies where they number metrics alike, else one reading each, in lockstep.

use std::sync::Arc;

use crate::fixture::data::open::open_all;
use crate::fixture::data::prefetch::{Prefetch, prefetch};
use crate::fixture::{DataError, DataReport, Frames as _};
use crate::model::frame::Frame;
use crate::model::time::Time;
use crate::policy::compiled::Policy;

use super::{Case, Reading, Source};

/// The frames of a recording, as each of the two policies reads them.
pub(super) enum Streams {
    /// Both read the same: parsing is what costs.
    One(Box<Feed>),
    /// Their catalogues differ, or the way names lead into them.
    Two(Box<[Feed; 2]>),
}

/// The frames of one instant: of the old policy, and of the new one.
pub(super) type Instant<'f> = (Time, Option<&'f Frame>, Option<&'f Frame>);

impl Streams {
    pub(super) fn open(
        case: &Case<'_>,
        old: &Arc<Policy>,
        new: &Arc<Policy>,
        until: Option<Time>,
    ) -> Result<Streams, DataError> {
        let before = Feed::open(&case.source, old, &case.before, until)?;
        if old.catalogue == new.catalogue && case.before.options == case.after.options {
            return Ok(Streams::One(Box::new(before)));
        }
        Ok(Streams::Two(Box::new([before, Feed::open(&case.source, new, &case.after, until)?])))
    }

    /// The next instant; none when both have ended.
    pub(super) fn next(&mut self) -> Result<Option<Instant<'_>>, DataError> {
        match self {
            Streams::One(feed) => {
                feed.taken();
                Ok(feed.peek()?.map(|frame| (frame.time, Some(frame), Some(frame))))
            }
            Streams::Two(feeds) => {
                let [before, after] = &mut **feeds;
                let (was, is) = (before.time()?, after.time()?);
                let now = match (was, is) {
                    (Some(was), Some(is)) => was.min(is),
                    (Some(only), None) | (None, Some(only)) => only,
                    (None, None) => return Ok(None),
                };
                Ok(Some((now, before.take_at(now), after.take_at(now))))
            }
        }
    }

    /// What was met in the data, under each policy.
    pub(super) fn reports(&self) -> (DataReport, DataReport) {
        match self {
            Streams::One(feed) => (feed.frames.report().clone(), feed.frames.report().clone()),
            Streams::Two(feeds) => {
                let [before, after] = &**feeds;
                (before.frames.report().clone(), after.frames.report().clone())
            }
        }
    }
}

/// One reading, with the frame that comes next.
pub(super) struct Feed {
    frames: Prefetch,
    frame: Frame,
    /// The frame is there and was not handed out yet.
    waits: bool,
    ended: bool,
}

impl Feed {
    pub(super) fn open(
        source: &Source<'_>,
        policy: &Policy,
        reading: &Reading,
        until: Option<Time>,
    ) -> Result<Feed, DataError> {
        let catalogue = Arc::new(policy.catalogue.clone());
        let frames = prefetch(open_all(source()?, &catalogue, &reading.options)?, until)?;
        Ok(Feed { frames, frame: Frame::default(), waits: false, ended: false })
    }

    fn taken(&mut self) {
        self.waits = false;
    }

    fn peek(&mut self) -> Result<Option<&Frame>, DataError> {
        if !self.waits && !self.ended {
            self.waits = self.frames.next_frame(&mut self.frame)?;
            self.ended = !self.waits;
        }
        Ok(self.waits.then_some(&self.frame))
    }

    fn time(&mut self) -> Result<Option<Time>, DataError> {
        Ok(self.peek()?.map(|frame| frame.time))
    }

    /// Its frame, when it is of `now`.
    fn take_at(&mut self, now: Time) -> Option<&Frame> {
        let is_there = self.waits && self.frame.time == now;
        self.waits &= !is_there;
        is_there.then_some(&self.frame)
    }
}

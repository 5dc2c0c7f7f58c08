//! Known incidents that an edit lets go on: the worst that it can do, so every report has to be red about them.

use crate::fixture::score::Caught;
use crate::review::verdict::Compared;

/// The incidents that the old policy caught and the new one does not. A roll back that now comes before the incident
/// began does not catch it: nobody had a reason for it, and the release is rolled out again.
pub(crate) fn uncaught(one: &Compared) -> Vec<Caught> {
    let (Some(before), Some(after)) = (&one.before.score, &one.after.score) else { return Vec::new() };
    let is_caught = |caught: &Caught| after.caught.iter().any(|still| still.from == caught.from);
    before.caught.iter().filter(|caught| !is_caught(caught)).copied().collect()
}

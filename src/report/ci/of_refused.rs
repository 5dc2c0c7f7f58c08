//! A comparison that cannot be made, for other tools: a side does not compile. The old comment must not stay as if it
//! were the answer.

use super::item::Level;
use super::of_check::{CheckedPolicy, of_check};
use super::{Report, markdown};

/// A report of `diff` where a side does not compile: its problems as remarks, and no comparison. `why` is one sentence:
/// `the new side does not compile`.
#[must_use]
pub fn of_refused(policies: &[CheckedPolicy<'_>], why: &str) -> Report {
    let closing = format!("rollgate diff: cannot be compared: {why}");
    let mut report = of_check(policies, Level::Error, closing, &[]);
    report.command = "diff";
    let name = |policy: &CheckedPolicy<'_>| policy.rollout.clone().unwrap_or_else(|| last_of(policy.name()));
    let names: Vec<String> = policies.iter().map(name).collect();
    report.markdown = markdown::refused::write(&names, why, &report.items);
    report
}

/// The directory's own name, where neither side says which rollout it governs.
fn last_of(root: &str) -> String {
    root.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default().to_owned()
}

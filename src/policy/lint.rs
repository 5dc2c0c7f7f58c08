//! How the parts of a policy fit together: "valid" against "does what you meant".

mod compare;
mod limits;
mod severity;
mod stages;
mod unused;
mod way_out;

use super::check::Checked;
use super::sink::Sink;

/// All lints. Every one sees the whole policy; none looks at recordings (`rollgate test` does).
pub(crate) fn lint(policy: &Checked<'_>, sink: &mut Sink) {
    severity::lint(policy, sink);
    stages::lint(policy, sink);
    way_out::lint(policy, sink);
    limits::lint(policy, sink);
    unused::lint(policy, sink);
}

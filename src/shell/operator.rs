//! Who runs this process, and a name for what they order.

use crate::model::ids::Actor;

/// The login name, when the environment tells it. Behind `sudo` it is the person's, not the one they became.
#[must_use]
pub fn login() -> Option<Actor> {
    ["SUDO_USER", "USER", "LOGNAME", "USERNAME"].into_iter().find_map(variable).map(Actor::new)
}

/// The name of this machine; in a container, of the container.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place that reads who runs the process")]
pub fn machine() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| variable("HOSTNAME"));
    named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "machine".to_owned())
}

/// The token that commands show to a controller's API. Only ever from the environment: arguments are there for everybody
/// on the machine to see.
#[must_use]
pub fn api_token() -> Option<String> {
    variable("ROLLGATE_TOKEN").map(|text| text.trim().to_owned())
}

/// A name for one command: no two commands, on one machine or several, share it.
#[must_use]
pub fn token() -> String {
    use std::hash::{BuildHasher as _, Hasher as _};
    // Seeded by the system's randomness, anew for each.
    let random = || std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

/// Where Google's metadata server is, where that is said.
#[must_use]
pub fn metadata_host() -> Option<String> {
    variable("GCE_METADATA_HOST")
}

/// Arms the crash point that a test named in the environment; a release build has none.
#[cfg(debug_assertions)]
pub fn arm_crash_point() {
    if let Some(point) = variable("ROLLGATE_CRASH_AT") {
        crate::ports::crash::arm(&point);
    }
}

/// Arms nothing.
#[cfg(not(debug_assertions))]
pub const fn arm_crash_point() {}

#[expect(clippy::disallowed_methods, reason = "this is the place that reads who runs the process")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.trim().is_empty())
}

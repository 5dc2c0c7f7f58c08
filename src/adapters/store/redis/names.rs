//! The names of keys. Everything of one rollout has one hash tag, so that in a cluster it lives in one slot and one
//! script may touch all of it; what belongs to no rollout has tags of its own.

use crate::ledger::hash::Key;

use super::slots;

/// How every name begins, so that several stores may share a server.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
}

/// The keys of one rollout.
#[derive(Debug, Clone)]
pub(super) struct Rollout {
    tag: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Names {
        Names { prefix: prefix.to_owned() }
    }

    pub(super) fn rollout(&self, key: &Key) -> Rollout {
        let (rollout, environment) = (plain(key.rollout.as_str()), plain(key.environment.as_str()));
        Rollout { tag: format!("{{{}/{rollout}/{environment}}}", self.prefix) }
    }

    /// Shape and identity: a hash.
    pub(super) fn store(&self) -> String {
        format!("{{{}}}:store", self.prefix)
    }

    /// Which rollouts there are: a hash from the rollout to whether anything was written.
    pub(super) fn index(&self) -> String {
        format!("{{{}}}:rollouts", self.prefix)
    }

    /// Policies put beside the chains: a hash by digest.
    pub(super) fn policies(&self) -> String {
        format!("{{{}}}:policies", self.prefix)
    }

    /// The lease: a hash.
    pub(super) fn lease(&self) -> String {
        format!("{{{}}}:lease", self.prefix)
    }
}

impl Rollout {
    /// Head and exposure: a hash.
    pub(super) fn state(&self) -> String {
        format!("{}:state", self.tag)
    }

    /// Entries: a stream whose ids are the entries' places.
    pub(super) fn entries(&self) -> String {
        format!("{}:entries", self.tag)
    }

    /// Checkpoints: a sorted set by place.
    pub(super) fn checkpoints(&self) -> String {
        format!("{}:checkpoints", self.tag)
    }

    /// Tokens of batches that were written: a sorted set by where they ended.
    pub(super) fn tokens(&self) -> String {
        format!("{}:tokens", self.tag)
    }

    /// Policies that this chain names: a hash by digest.
    pub(super) fn policies(&self) -> String {
        format!("{}:policies", self.tag)
    }

    /// Decision records: a hash by id.
    pub(super) fn decisions(&self) -> String {
        format!("{}:decisions", self.tag)
    }

    /// Where each decision was written, for retention: a sorted set of ids.
    pub(super) fn decided(&self) -> String {
        format!("{}:decided", self.tag)
    }

    /// What this rollout's slot knows of the lease; only in a cluster.
    pub(super) fn lease(&self) -> String {
        format!("{}:lease", self.tag)
    }

    /// The slot of all of them.
    pub(super) fn slot(&self) -> u16 {
        slots::of(&self.tag)
    }
}

/// A name without anything that means something in a key; two names never become one.
fn plain(name: &str) -> String {
    name.bytes().fold(String::with_capacity(name.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02x}"));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(rollout: &str, environment: &str) -> String {
        Names::new("p").rollout(&Key::new(rollout.into(), environment.into())).tag
    }

    #[test]
    fn a_name_with_braces_or_slashes_is_still_one_tag_of_its_own() {
        assert_eq!(tag("checkout-v2", "production"), "{p/checkout-v2/production}");
        assert_eq!(tag("a}{/b", "c d"), "{p/a%7d%7b%2fb/c%20d}");
        assert_ne!(tag("a", "b/c"), tag("a/b", "c"));
        assert_ne!(tag("%41", ""), tag("A", ""));
    }
}

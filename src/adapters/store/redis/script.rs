//! Scripts: what must be one step for the server. Sent by name; a server that does not know the name is sent the text.

use std::sync::LazyLock;

use redis::{Cmd, Script as Hashed, cmd};
use serde::Serialize;

use super::fault::{Fault, corrupt};

/// A script and the name a server gives it.
pub(super) struct Script {
    text: String,
    hash: String,
}

/// Every script begins with these helpers.
const COMMON: &str = include_str!("scripts/common.lua");

macro_rules! script {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        $(#[$doc])*
        pub(super) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!($file)));
    };
}

script!(
    /// Finds the store, or makes it.
    SETTLE,
    "scripts/settle.lua"
);
script!(
    /// Writes a batch.
    APPEND,
    "scripts/append.lua"
);
script!(
    /// Drops entries.
    PRUNE,
    "scripts/prune.lua"
);
script!(
    /// Writes a chain that comes from elsewhere, in pieces.
    RESTORE,
    "scripts/restore.lua"
);
script!(
    /// Takes, extends, gives back and looks at the lease.
    LEASE,
    "scripts/lease.lua"
);
script!(
    /// Tells a rollout's slot of a cluster about the lease.
    RAISE,
    "scripts/raise.lua"
);

impl Script {
    fn new(text: &str) -> Script {
        let text = format!("{COMMON}\n{text}");
        let hash = Hashed::new(&text).get_hash().to_owned();
        Script { text, hash }
    }

    /// By name.
    pub(super) fn by_name(&self, call: &Call) -> Cmd {
        call.command("EVALSHA", &self.hash)
    }

    /// In full.
    pub(super) fn in_full(&self, call: &Call) -> Cmd {
        call.command("EVAL", &self.text)
    }
}

/// What a script is called with: keys, a record of settings, and lines of data.
#[derive(Debug, Clone)]
pub(super) struct Call {
    keys: Vec<String>,
    settings: String,
    lines: Vec<String>,
}

impl Call {
    pub(super) fn new(keys: Vec<String>, settings: &impl Serialize) -> Result<Call, Fault> {
        let settings = serde_json::to_string(settings).map_err(|error| corrupt(error.to_string()))?;
        Ok(Call { keys, settings, lines: Vec::new() })
    }

    pub(super) fn with(mut self, lines: Vec<String>) -> Call {
        self.lines = lines;
        self
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = cmd(name);
        command.arg(script).arg(self.keys.len()).arg(&self.keys).arg(&self.settings).arg(&self.lines);
        command
    }
}

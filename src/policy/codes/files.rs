//! Codes about files and text: RG001 to RG019.

use super::{FoundBy, Page};
use crate::policy::diagnostic::{Code, Level};

pub(super) static PAGES: &[Page] = &[
    Page {
        code: Code(1),
        level: Level::Error,
        title: "not valid TOML",
        meaning: "The text cannot be read as TOML at this place. What lies around it is still checked.",
        bad: "rollout = request-isolation",
        good: r#"rollout = "request-isolation""#,
        why: "A policy that can be read in two ways is not reviewed by anybody.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(2),
        level: Level::Error,
        title: "unknown key",
        meaning: "Nothing reads this key. The help lists the keys that are accepted here.",
        bad: r#"[[stages]]
name = "canary"
trafic = "10%""#,
        good: r#"[[stages]]
name = "canary"
traffic = "10%""#,
        why: "A misspelt key that is skipped in silence is a threshold nobody has. Every unknown key is an error, in \
              overlays too.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(3),
        level: Level::Error,
        title: "missing key",
        meaning: "A key that has no safe default is not there.",
        bad: r#"error_rate = { unit = "percent", better = "lower", max_age = "90s" }"#,
        good: r#"error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }"#,
        why: "There is no default that lets an absent metric pass: what silence means is stated for every metric.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(4),
        level: Level::Error,
        title: "wrong type",
        meaning: "The value is of another TOML type than the key takes.",
        bad: r#"features = "request_isolation""#,
        good: r#"features = ["request_isolation"]"#,
        why: "rollgate never converts: a text that happens to look like a list is a mistake, not a spelling.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(5),
        level: Level::Error,
        title: "written twice",
        meaning: "A key stands twice in one table, or a name (stage, feature, region) twice in one list.",
        bad: r#"[[stages]]
name = "canary"

[[stages]]
name = "canary""#,
        good: r#"[[stages]]
name = "canary"

[[stages]]
name = "staged""#,
        why: "Names are how checks, approvals and people refer to things; one name has one meaning.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(6),
        level: Level::Error,
        title: "schema newer than this rollgate",
        meaning: "The policy says that it is written in a schema this binary does not know.",
        bad: "schema = 2",
        good: "schema = 1",
        why: "An older binary would skip what it does not know. It refuses instead; use a newer rollgate.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(7),
        level: Level::Error,
        title: "schema missing or too old",
        meaning: "The policy does not say which schema it is written in, or names one that is no longer read.",
        bad: r#"rollout = "request-isolation""#,
        good: r#"schema  = 1
rollout = "request-isolation""#,
        why: "The number is what lets a key change its meaning later without changing the meaning of this file. \
              `rollgate fix` adds or migrates it.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(8),
        level: Level::Error,
        title: "file too large",
        meaning: "A policy file is over 256 KiB and was not parsed.",
        bad: "# a generated file with ten thousand thresholds",
        good: "# one policy for each rollout",
        why: "A policy is read by people in a review. The limit also keeps a reload fast whatever is saved.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(9),
        level: Level::Error,
        title: "not UTF-8",
        meaning: "A policy file holds bytes that are not UTF-8 text.",
        bad: "# saved as UTF-16 or Latin-1",
        good: "# saved as UTF-8",
        why: "Two tools that guess at an encoding may see two policies.",
        found_by: FoundBy::Loader,
    },
    Page {
        code: Code(10),
        level: Level::Error,
        title: "link leaves the tree",
        meaning: "A file of the policy is a symbolic link to something outside the policy tree.",
        bad: "policies/checkout/env/staging.toml -> /etc/elsewhere.toml",
        good: "policies/checkout/env/staging.toml",
        why: "What is reviewed must be what runs: a link out of the tree can change without a commit. Links inside the \
              tree, as ConfigMaps make them, are fine.",
        found_by: FoundBy::Loader,
    },
    Page {
        code: Code(11),
        level: Level::Error,
        title: "no policy.toml",
        meaning: "The directory has no policy.toml.",
        bad: "policies/checkout/rules.rhai",
        good: r#"policies/checkout/policy.toml
policies/checkout/rules.rhai"#,
        why: "A directory is a policy because of its policy.toml; without one there is nothing to decide by.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(12),
        level: Level::Error,
        title: "overlay adds",
        meaning: "An overlay (env/NAME.toml) adds a check, a stage, a metric or a param, changes how many bounds a level \
              has, or renames the rollout.",
        bad: r#"# env/staging.toml
[thresholds.new_metric]
p0 = { above = "1%" }"#,
        good: r#"# policy.toml declares thresholds.error_rate.p0; env/staging.toml changes it
[thresholds.error_rate]
p0 = { above = "10%" }"#,
        why: "Environments differ in numbers. If they differed in checks, passing staging would say nothing about \
              production.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(13),
        level: Level::Error,
        title: "file cannot be read",
        meaning: "A file of the policy exists and could not be read.",
        bad: "# no permission, or it vanished while reading",
        good: "# readable by the user rollgate runs as",
        why: "A file that is skipped is a policy with a hole.",
        found_by: FoundBy::Loader,
    },
    Page {
        code: Code(14),
        level: Level::Error,
        title: "unknown environment",
        meaning: "There is no env/NAME.toml for the environment asked for, and it is not `production`.",
        bad: "rollgate check --environment stagin",
        good: "rollgate check --environment staging",
        why: "Production is the policy as written; every other environment says so with an overlay, even an empty one.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(15),
        level: Level::Error,
        title: "too many files",
        meaning: "The directory of the policy holds more than 64 files, its tests included.",
        bad: "policies/checkout/tests/0001.toml ... 0500.toml",
        good: "policies/checkout/tests/errors.toml",
        why: "A policy is read by people in a review, and read again whole at every change.",
        found_by: FoundBy::Loader,
    },
    Page {
        code: Code(16),
        level: Level::Error,
        title: "anybody may change the file",
        meaning: "A file of the policy may be written by every user of the machine. Only the live controller refuses it.",
        bad: "-rw-rw-rw-  policies/checkout/policy.toml",
        good: "-rw-r--r--  policies/checkout/policy.toml",
        why: "Whoever can write a policy can move production traffic without a review. Mend: chmod o-w",
        found_by: FoundBy::Loader,
    },
];

//! The stable codes of diagnostics about settings, RG110 to RG129, each with its page. What TOML itself can get wrong
//! (syntax, unknown keys, types, durations) has the codes it has in a policy.

use crate::policy::codes::{FoundBy, Page};
use crate::policy::diagnostic::{Code, Level};

/// A secret that stands in the file.
pub const SECRET_WRITTEN_OUT: Code = Code(110);
/// A reference that cannot lead to a secret.
pub const SECRET_REFERENCE: Code = Code(111);
/// An address that anybody may use.
pub const OPEN_DOOR: Code = Code(112);
/// Tokens that travel in the clear.
pub const PLAIN_HTTP: Code = Code(113);
/// Settings that exclude each other.
pub const EXCLUSIVE: Code = Code(114);
/// Times that do not go together.
pub const TIMES: Code = Code(115);
/// Not an address.
pub const ADDRESS: Code = Code(116);
/// Not a size, a rate or a share.
pub const AMOUNT: Code = Code(117);
/// Not the hash of a token.
pub const TOKEN_HASH: Code = Code(118);
/// A source that gives nothing.
pub const NOTHING_ASKED: Code = Code(119);
/// Queries that cannot tell the groups apart.
pub const GROUPS: Code = Code(120);

/// The page of a code.
#[must_use]
pub fn page(code: Code) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.code == code)
}

/// Every code of this layer, in order.
pub static PAGES: &[Page] = &[
    Page {
        code: SECRET_WRITTEN_OUT,
        level: Level::Error,
        title: "secret written out",
        meaning: "A password, a token or a secret address stands in rollgate.toml itself. It is not shown: neither here \
                  nor in logs.",
        bad: "[store]\nurl = \"redis://:hunter2@redis:6379\"",
        good: "[store]\nurl = \"redis://redis:6379\"\npassword = \"env:REDIS_PASSWORD\"",
        why: "Settings are committed, mounted and pasted into tickets. rollgate can move production traffic; what opens \
              its door is named in the file and kept elsewhere. Change a secret that was written out.",
        found_by: FoundBy::Settings,
    },
    Page {
        code: SECRET_REFERENCE,
        level: Level::Error,
        title: "reference leads to no secret",
        meaning: "The text begins like a reference to a secret, and what follows cannot be looked up.",
        bad: "url = \"gsm:heartbeat-url\"",
        good: "url = \"gsm:projects/shop/secrets/heartbeat-url/versions/7\"",
        why: "A name that leads nowhere is found here and not at the first use, which may be at night.",
        found_by: FoundBy::Settings,
    },
    Page {
        code: OPEN_DOOR,
        level: Level::Error,
        title: "open to other machines without a token",
        meaning: "The API listens on an address that other machines reach, and no token is asked for.",
        bad: "[api]\nlisten = \"0.0.0.0:7878\"",
        good: "[api]\nlisten = \"0.0.0.0:7878\"\n\n[[api.tokens]]\nname = \"ci\"\nrole = \"operator\"\nsha256 = \"<64 hex \
               digits>\"",
        why: "Whoever reaches the API could advance a rollout, or disable a feature. On a loopback address only this \
              machine's users can.",
        found_by: FoundBy::Settings,
    },
    Page {
        code: PLAIN_HTTP,
        level: Level::Warning,
        title: "tokens travel in the clear",
        meaning: "The API listens on an address that other machines reach, without a certificate.",
        bad: "[api]\nlisten = \"0.0.0.0:7878\"",
        good: "[api]\nlisten = \"0.0.0.0:7878\"\ntls = { cert = \"tls.crt\", key = \"tls.key\" }",
        why: "Whoever reads a token on its way may use it. A warning and no error, because a proxy or a mesh in front \
              may do the encrypting.",
        found_by: FoundBy::Settings,
    },
    Page {
        code: EXCLUSIVE,
        level: Level::Error,
        title: "settings exclude each other",
        meaning: "Two keys answer one question: two stores, or two ways to prove who asks.",
        bad: "[store]\npath = \"rollgate.redb\"\nurl = \"redis://redis:6379\"",
        good: "[store]\nurl = \"redis://redis:6379\"",
        why: "Which of them would win is nothing to guess at: a controller on the wrong store governs from an empty \
              ledger.",
        found_by: FoundBy::Settings,
    },
    Page {
        code: TIMES,
        level: Level::Error,
        title: "times do not go together",
        meaning: "A leader would step down after its lease is over, has fewer than two tries to renew it, or a source is \
                  given more time than there is between two calls.",
        bad: "[lease]\nterm = \"4s\"\nstep_down = \"6s\"",
        good: "[lease]\nterm = \"4s\"\nrenew = \"1200ms\"\nstep_down = \"2800ms\"",
        why: "A leader that nobody hears must have stopped before another may begin, by clocks that run at different \
              rates.",
        found_by: FoundBy::Settings,
    },
    Page {
        code: ADDRESS,
        level: Level::Error,
        title: "not an address",
        meaning: "The text is not an address to listen on, or to call.",
        bad: "[api]\nlisten = \":7878\"",
        good: "[api]\nlisten = \"0.0.0.0:7878\"",
        why: "Which interfaces are meant is said in full: an address that is guessed may be open to the world.",
        found_by: FoundBy::Settings,
    },
    Page {
        code: AMOUNT,
        level: Level::Error,
        title: "not a size, a rate or a share",
        meaning: "The text is not a number with the unit that is due.",
        bad: "[api.limits]\nbody = \"1MB\"",
        good: "[api.limits]\nbody = \"1MiB\"\ncalls = \"100/s\"",
        why: "Every number carries its unit, as in a policy.",
        found_by: FoundBy::Settings,
    },
    Page {
        code: TOKEN_HASH,
        level: Level::Error,
        title: "not the hash of a token",
        meaning: "`sha256` is not 64 hex digits. What stands there is not shown: it may be the token itself.",
        bad: "sha256 = \"<the token>\"",
        good: "sha256 = \"<64 hex digits, as rollgate token new prints them>\"",
        why: "Only the hash is kept, so that reading this file opens nothing.",
        found_by: FoundBy::Settings,
    },
    Page {
        code: NOTHING_ASKED,
        level: Level::Error,
        title: "source gives nothing",
        meaning: "The source names no query and no alert, so no reading can come of it.",
        bad: "[[sources]]\nkind = \"prometheus\"\nname = \"prom\"\nurl = \"http://prometheus:9090\"",
        good: "[[sources]]\nkind = \"prometheus\"\nname = \"prom\"\nurl = \"http://prometheus:9090\"\n\n\
               [sources.queries]\nerror_rate = \"job:errors:percent\"",
        why: "It would look healthy for ever, while every metric it was meant for is unknown.",
        found_by: FoundBy::Settings,
    },
    Page {
        code: GROUPS,
        level: Level::Error,
        title: "groups cannot be told apart",
        meaning: "A query says `$group` and nothing says what your metrics call the group, or it is asked for two groups \
                  and does not say `$group`.",
        bad: "[sources.queries]\nerror_rate = \"sum(rate(errors{variant=\\\"$group\\\"}[1m]))\"",
        good: "[sources]\ngroups = { treatment = \"canary\", control = \"stable\" }",
        why: "Treatment and control with one value between them always agree: a comparison of the two would never fire.",
        found_by: FoundBy::Settings,
    },
];

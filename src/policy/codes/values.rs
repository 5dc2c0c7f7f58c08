//! Codes about values and names: RG020 to RG039.

use super::{FoundBy, Page};
use crate::policy::diagnostic::{Code, Level};

pub(super) static PAGES: &[Page] = &[
    Page {
        code: Code(20),
        level: Level::Error,
        title: "number without a unit",
        meaning: "A bare number stands where a quantity with its unit is due.",
        bad: "p0 = { below = 95 }",
        good: r#"p0 = { below = "95%" }"#,
        why: "250 may be milliseconds, seconds or a count, and the diff of a threshold must show which. Counts and \
              plain numbers alone are written bare. `rollgate fix` adds a unit where only one is possible.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(21),
        level: Level::Error,
        title: "can never fire, or always fires",
        meaning: "The bound lies outside what the metric can read, so the check never fires or always does (a gate is \
              always open or never).",
        bad: r#"p2 = { above = "100%" }   # of a percent metric"#,
        good: r#"p2 = { above = "99%" }"#,
        why: "A check that cannot fire looks like protection in every review. Bounds are strict, so `above 100%` of a \
              metric that ends at 100% is one. Declare `range` where a metric's range is wider.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(22),
        level: Level::Error,
        title: "unit of the wrong kind",
        meaning: "The quantity has a unit that cannot be converted into the metric's.",
        bad: r#"error_rate = { above = "250ms" }   # of a percent metric"#,
        good: r#"error_rate = { above = "1%" }"#,
        why: "Comparing milliseconds with percent is always a mistake.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(23),
        level: Level::Error,
        title: "not a quantity",
        meaning: "The text is not a number with a unit that rollgate knows.",
        bad: r#"p0 = { above = "five percent" }"#,
        good: r#"p0 = { above = "5%" }"#,
        why: "Units: %, pp, us, ms, s, m, h, /s, B, kB, MB, GB, KiB, MiB, GiB.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(24),
        level: Level::Error,
        title: "not a duration",
        meaning: "The text is not a length of time, or is not longer than zero.",
        bad: r#"bake = "two days""#,
        good: r#"bake = "48h""#,
        why: "Durations are written 90s, 5m, 1h30m or 2d; a day is 24 hours.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(25),
        level: Level::Error,
        title: "not a window",
        meaning: "`for` or `clear_after` is neither a duration nor `k of n`, or k and n are impossible (1 <= k <= n <= \
              64).",
        bad: r#"p1 = { above = "1%", for = "5 of 3" }"#,
        good: r#"p1 = { above = "1%", for = "3 of 5" }"#,
        why: "A window that cannot be filled is a check that cannot fire.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(26),
        level: Level::Error,
        title: "not one of the words",
        meaning: "The key takes one of a few words, and this is none of them.",
        bad: r#"on_unknown = "ignore""#,
        good: r#"on_unknown = "hold""#,
        why: "Unknown holds or rolls back; there is no word that lets silence pass.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(27),
        level: Level::Error,
        title: "not finite",
        meaning: "nan, inf or a number too large to hold.",
        bad: "p0 = { above = inf }",
        good: "p0 = { above = 1000000 }",
        why: "Every comparison with nan is false, so such a bound would be a check that cannot fire.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(28),
        level: Level::Error,
        title: "not a time",
        meaning: "A freeze window has a time, a day or a zone that does not exist, or ends before it starts.",
        bad: r#"windows = [{ days = ["fri"], from = "16:00", to = "23:59", zone = "Berlin" }]"#,
        good: r#"windows = [{ days = ["fri"], from = "16:00", to = "23:59", zone = "Europe/Berlin" }]"#,
        why: "A freeze that is read wrongly is an advance at the wrong hour. Ranges are RFC 3339; weekly windows name \
              a zone of the tz database.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(29),
        level: Level::Error,
        title: "out of range",
        meaning: "A number is outside what is possible here: a share over 100%, a negative count, an empty range.",
        bad: r#"traffic = "150%""#,
        good: r#"traffic = "50%""#,
        why: "The value cannot mean what it says.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(30),
        level: Level::Error,
        title: "name cannot be used",
        meaning: "A name is empty, longer than 64 characters, or has other characters than letters, digits, `_` and `-`.",
        bad: r#"[[stages]]
name = "canary 10%""#,
        good: r#"[[stages]]
name = "canary""#,
        why: "Names appear in alerts, series, command lines and the ledger, where spaces and dots have a meaning of \
              their own.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(31),
        level: Level::Error,
        title: "unknown metric",
        meaning: "A check or a stage names a metric that [metrics] does not declare.",
        bad: r#"[thresholds.eror_rate]
p0 = { above = "5%" }"#,
        good: r#"[thresholds.error_rate]
p0 = { above = "5%" }"#,
        why: "A check on a metric that never arrives would hold for ever, or be forgotten.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(32),
        level: Level::Error,
        title: "unknown stage",
        meaning: "`in`, `target` or `rollback_to` names a stage that does not exist.",
        bad: r#"runaway = { in = ["canry"], script = "runaway" }"#,
        good: r#"runaway = { in = ["canary"], script = "runaway" }"#,
        why: "A trigger that is active nowhere protects nothing.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(33),
        level: Level::Error,
        title: "unknown gate",
        meaning: "A stage asks for a gate that [gates] does not declare, or names a check that is not a gate.",
        bad: r#"gates = ["paritty"]"#,
        good: r#"gates = ["parity"]"#,
        why: "A gate that does not exist can neither open nor close.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(34),
        level: Level::Error,
        title: "one id for two checks",
        meaning: "Thresholds, triggers and gates share one namespace, and this id is taken.",
        bad: r#"[triggers]
slow = { metric = "latency", above = "1s" }
[gates]
slow = { metric = "latency", at_most = "1s" }"#,
        good: r#"[triggers]
slow = { metric = "latency", above = "1s" }
[gates]
quick = { metric = "latency", at_most = "1s" }"#,
        why: "Ids appear alone in alerts, tests and the ledger, and are permanent.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(35),
        level: Level::Error,
        title: "one bound, please",
        meaning: "A check has no bound, or two at once.",
        bad: r#"p0 = { above = "1%", below = "5%" }"#,
        good: r#"p0 = [{ above = "5%" }, { below = "1%" }]"#,
        why: "One line, one bound: that is what makes the diff of a threshold readable.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(36),
        level: Level::Error,
        title: "change without a comparison",
        meaning: "The bound has a sign and `than` is missing, or `than` is there and the bound has no sign.",
        bad: r#"p1 = { above = "+10%" }"#,
        good: r#"p1 = { above = "+10%", than = "baseline", and_above = "+20ms" }"#,
        why: "`+10%` is a change against something. Baseline (frozen before the rollout) and control (the other group, \
              now) answer different questions, so it is written down.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(37),
        level: Level::Error,
        title: "keys that do not go together",
        meaning: "Two keys contradict each other: `metric` and `script`, a floor on the other side, `on_max` without \
              `max`, `unless_control` on a relative bound.",
        bad: r#"p1 = { above = "+10%", than = "baseline", and_below = "+20ms" }"#,
        good: r#"p1 = { above = "+10%", than = "baseline", and_above = "+20ms" }"#,
        why: "One of the two would be ignored, and which one is a guess.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(38),
        level: Level::Error,
        title: "state and number mixed",
        meaning: "A metric of unit `state` takes `is`, every other takes `above` or `below`.",
        bad: r#"deploy = { metric = "deploy_health", above = 0 }"#,
        good: r#"deploy = { metric = "deploy_health", is = "failed" }"#,
        why: "A state is ok or failed; a bound on it hides that.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(39),
        level: Level::Error,
        title: "empty",
        meaning: "A list or table that must name something is empty: features, stages, metrics, `in`, roles.",
        bad: "features = []",
        good: r#"features = ["request_isolation"]"#,
        why: "A rollout without a feature moves nothing; a check active in no stage checks nothing.",
        found_by: FoundBy::Policy,
    },
];

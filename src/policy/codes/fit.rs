//! Codes about how the parts of a policy fit together: RG040 to RG059, and RG090 up.

use super::{FoundBy, Page};
use crate::policy::diagnostic::{Code, Level};

pub(super) static PAGES: &[Page] = &[
    Page {
        code: Code(40),
        level: Level::Warning,
        title: "two answers",
        meaning: "A trigger fires before any severity of the same metric would: in this stage one value rolls back, and no \
              P0, P1 or P2 ever said a word.",
        bad: r#"[thresholds.isolation_score]
p1 = { below = "99%" }
[triggers]
internal-score = { in = ["internal"], metric = "isolation_score", below = "100%" }"#,
        good: r#"internal-score = { in = ["internal"], metric = "isolation_score", below = "100%", allow = { RG040 = "internal is zero tolerance" } }"#,
        why: "Triggers and severities are two layers and the worse wins. Where the trigger is the stricter one, nobody \
              is warned before the roll back. That may be meant; then say so.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(41),
        level: Level::Error,
        title: "milder level is not stricter",
        meaning: "A P1 (or P2) threshold fires only when a worse one has fired already, `for` considered, so it is never \
              seen.",
        bad: r#"[thresholds.isolation_score]
p0 = { below = "95%" }
p1 = { below = "90%" }"#,
        good: r#"[thresholds.isolation_score]
p0 = { below = "95%" }
p1 = { below = "99%" }"#,
        why: "Levels are a ladder: warn, hold, roll back. A level that cannot come first is a typing mistake in one of \
              the two.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(42),
        level: Level::Error,
        title: "no way back",
        meaning: "A stage exposes people, and no check that rolls back is active in it.",
        bad: r#"[[stages]]
name = "canary"
traffic = "10%"
# thresholds have only p1 and p2"#,
        good: r#"[thresholds.error_rate]
p0 = { above = "5%" }"#,
        why: "Exposure without a way back is what rollgate exists to prevent.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(43),
        level: Level::Error,
        title: "exposure does not grow",
        meaning: "A stage exposes no more than the one before it. An audience alone counts as 0%.",
        bad: r#"[[stages]]
name = "staged"
traffic = "50%"
[[stages]]
name = "canary"
traffic = "10%""#,
        good: r#"[[stages]]
name = "canary"
traffic = "10%"
[[stages]]
name = "staged"
traffic = "50%""#,
        why: "A roll back goes to a lower stage and must never raise exposure; that needs the ladder in order.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(44),
        level: Level::Warning,
        title: "bake shorter than a `for`",
        meaning: "A check needs longer to fire than the stage is sure to last.",
        bad: r#"bake = "10m"   # and a check with for = "30m""#,
        good: r#"bake = "2h""#,
        why: "The stage may be left before the check has had its time, so the check protects the next stage at best.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(45),
        level: Level::Warning,
        title: "metric no check reads",
        meaning: "A metric is declared and no threshold, trigger, gate or script reads it.",
        bad: r#"[metrics]
cascade_failures = { unit = "count", better = "lower", max_age = "90s", on_unknown = "hold" }"#,
        good: r#"[thresholds.cascade_failures]
p0 = { above = 3 }"#,
        why: "Somebody believes it is watched.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(46),
        level: Level::Error,
        title: "control at 100 %",
        meaning: "A check compares with control in a stage where everybody has the change.",
        bad: r#"p1 = { above = "+10%", than = "control" }   # active in stage full, 100%"#,
        good: r#"p1 = { above = "+10%", than = "control", in = ["canary", "staged"] }"#,
        why: "There is no control group at 100%: the check would be unknown for ever, and unknown never advances.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(47),
        level: Level::Warning,
        title: "too few samples for the bound",
        meaning: "An error bound fires on one reading that may rest on fewer than 3 / bound samples.",
        bad: r#"error_rate = { unit = "percent", min_samples = 200, ... }
p1 = { above = "1%" }"#,
        good: r#"p1 = { above = "1%", for = "2m" }"#,
        why: "At 200 samples two unlucky requests are 1%. 3 / bound samples (300 for 1%) keep one healthy reading \
              below the bound; so does a run of 2 minutes.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(48),
        level: Level::Warning,
        title: "relative bound without a floor",
        meaning: "A relative bound has no floor (`and_above`, `and_below`).",
        bad: r#"p1 = { above = "+10%", than = "baseline", for = "30m" }"#,
        good: r#"p1 = { above = "+10%", than = "baseline", and_above = "+20ms", for = "30m" }"#,
        why: "Ten percent of 9 ms is noise. A floor of +20ms took false alarms on such a line from 49 to 19 and lost \
              no real one.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(49),
        level: Level::Warning,
        title: "odd max_age",
        meaning: "`max_age` is shorter than 5 seconds or longer than an hour.",
        bad: r#"max_age = "1s""#,
        good: r#"max_age = "90s""#,
        why: "Shorter than the source's step, every reading is stale on arrival and the rollout holds for ever; very \
              long, it decides on yesterday's traffic.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(50),
        level: Level::Warning,
        title: "early exit is not early",
        meaning: "`early_exit.after` is not shorter than the bake.",
        bad: r#"bake = "24h"
early_exit = { after = "48h" }"#,
        good: r#"bake = "48h"
early_exit = { after = "24h" }"#,
        why: "It can never matter, so one of the two numbers is not what was meant.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(51),
        level: Level::Warning,
        title: "gate no stage asks",
        meaning: "A gate is declared and no stage names it.",
        bad: r#"[gates]
parity = { script = "parity" }"#,
        good: r#"[[stages]]
name = "canary"
gates = ["parity"]"#,
        why: "Gates act only where a stage names them; this one guards nothing.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(52),
        level: Level::Error,
        title: "target is not lower",
        meaning: "`rollback_to` or a check's `target` is not below the stage it is rolled back from.",
        bad: r#"[[stages]]
name = "canary"
rollback_to = "staged""#,
        good: r#"[[stages]]
name = "canary"
rollback_to = "internal""#,
        why: "A roll back never raises exposure.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(53),
        level: Level::Warning,
        title: "P0 only warns",
        meaning: "[severities] says that P0 does no more than warn.",
        bad: r#"[severities]
p0 = { then = "warn" }"#,
        good: r#"[severities]
p0 = { then = "rollback" }"#,
        why: "P0 is read as an emergency by everybody who is paged by it. To try a policy out without acting, use mode \
              = \"shadow\".",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(54),
        level: Level::Warning,
        title: "allow accepts nothing",
        meaning: "An `allow` names a warning that is not there.",
        bad: r#"p0 = { above = "5%", allow = { RG048 = "absolute" } }"#,
        good: r#"p0 = { above = "5%" }"#,
        why: "It would hide the warning when it comes for another reason.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(55),
        level: Level::Error,
        title: "allow without a reason",
        meaning: "An `allow` has an empty reason.",
        bad: r#"allow = { RG040 = "" }"#,
        good: r#"allow = { RG040 = "internal is zero tolerance" }"#,
        why: "The reason is what the next reviewer needs.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(56),
        level: Level::Error,
        title: "allow of what cannot be allowed",
        meaning: "An `allow` names a code that does not exist, or an error.",
        bad: r#"allow = { RG043 = "we know" }"#,
        good: "# put the stages in order",
        why: "Warnings are matters of judgement; errors are not.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(57),
        level: Level::Error,
        title: "two policies own one feature",
        meaning: "Two policies of one tree move the same feature in the same environment.",
        bad: r#"# checkout/policy.toml and basket/policy.toml both say
features = ["new_cart"]"#,
        good: "# one of them owns it",
        why: "The two would overwrite each other's exposure, and a roll back of one would be undone by the other.",
        found_by: FoundBy::Tree,
    },
    Page {
        code: Code(58),
        level: Level::Error,
        title: "stage ends before its bake",
        meaning: "`max` is not longer than `bake`.",
        bad: r#"bake = "48h"
max = "24h""#,
        good: r#"bake = "48h"
max = "72h""#,
        why: "`max` is wall time and `bake` is good time, so the bake takes at least as long. The stage could never be \
              left.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(59),
        level: Level::Warning,
        title: "check never applies",
        meaning: "A check reads a group that is empty by design in every stage where it is active.",
        bad: r#"probe = { in = ["off"], metric = "error_rate", above = "1%" }"#,
        good: r#"probe = { in = ["off"], metric = "error_rate", above = "1%", group = "all" }"#,
        why: "Treatment is empty before exposure and control is empty at 100%: the check is listed as not applicable \
              and says nothing.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(90),
        level: Level::Error,
        title: "unknown severity",
        meaning: "A threshold has a level that is not p0, p1 or p2.",
        bad: r#"[thresholds.error_rate]
p3 = { above = "1%" }"#,
        good: r#"[thresholds.error_rate]
p2 = { above = "1%" }"#,
        why: "There are three levels, and each has a meaning that people act on.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(91),
        level: Level::Warning,
        title: "milder level does more",
        meaning: "A milder level obliges more than a worse one.",
        bad: r#"[severities]
p0 = { then = "hold" }
p1 = { then = "rollback" }"#,
        good: r#"[severities]
p0 = { then = "rollback" }
p1 = { then = "hold" }"#,
        why: "People read P0 as the worst; what the levels do should agree.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(92),
        level: Level::Error,
        title: "two policies govern one rollout",
        meaning: "Two policies of one tree carry the same rollout name.",
        bad: r#"# checkout/policy.toml and basket/policy.toml both say
rollout = "new-cart""#,
        good: "# each rollout has one policy",
        why: "The rollout's name is its salt, its ledger and its latch.",
        found_by: FoundBy::Tree,
    },
    Page {
        code: Code(93),
        level: Level::Warning,
        title: "baseline of few readings",
        meaning: "`baseline.min_points` is under 30.",
        bad: r#"[baseline]
min_points = 5"#,
        good: r#"[baseline]
min_points = 30"#,
        why: "Measured on recordings, a median of 5 readings is off by -23 to +18 percent, of 30 by -8 to +4: fewer \
              start false alarms at +10%.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(94),
        level: Level::Warning,
        title: "gates that nothing asks",
        meaning: "A stage without a bake has gates or an early exit.",
        bad: r#"[[stages]]
name = "full"
traffic = "100%"
gates = ["parity"]"#,
        good: r#"[[stages]]
name = "full"
traffic = "100%"
bake = "24h"
gates = ["parity"]"#,
        why: "A stage without a bake is never left by itself, so what guards the way out is never asked.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(95),
        level: Level::Error,
        title: "too many",
        meaning: "More stages (64) or checks (65535) than fit.",
        bad: "# a generated ladder of 100 stages",
        good: "# a ladder that people can read",
        why: "The limits keep a decision fast and a policy readable.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(96),
        level: Level::Warning,
        title: "param no script uses",
        meaning: "[params] names a number that no script reads.",
        bad: r#"[params]
margin = "1%""#,
        good: r#"[params]
margin = "1%"   # and param("margin") in rules.rhai"#,
        why: "Somebody will change it and expect something to happen.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(97),
        level: Level::Warning,
        title: "no time to measure a baseline",
        meaning: "A check compares with the baseline, and already the first stage exposes people.",
        bad: r#"[[stages]]
name = "canary"
traffic = "10%""#,
        good: r#"[[stages]]
name = "off"
bake = "2h"
[[stages]]
name = "canary"
traffic = "10%""#,
        why: "The baseline is frozen when the rollout first leaves zero exposure. Without a stage at zero it can only \
              come from a recording, and a check without a baseline is unknown.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(98),
        level: Level::Error,
        title: "gate that can never open",
        meaning: "A stage asks for a gate that reads a group which this stage leaves empty: treatment while nobody has the \
                  change, control once everybody has it.",
        bad: r#"[[stages]]
name = "off"
gates = ["score-held"]   # reads treatment, and nobody is in it"#,
        good: r#"[[stages]]
name = "canary"
traffic = "10%"
gates = ["score-held"]"#,
        why: "Nothing there can be known to hold, so the gate stays closed and the stage is never left. At 3 a.m. that looks \
              like a rollout that is waiting for something.",
        found_by: FoundBy::Policy,
    },
    Page {
        code: Code(99),
        level: Level::Error,
        title: "more approvers than roles",
        meaning: "`approvals.people` is larger than the number of roles named.",
        bad: r#"approvals = { roles = ["manager"], people = 2 }"#,
        good: r#"approvals = { roles = ["manager", "sre"], people = 2 }"#,
        why: "Each role approves once; a second approval in the same role replaces the first. Fewer people than roles is \
              right: one person may hold two of them.",
        found_by: FoundBy::Policy,
    },
];

//! A policy for controllers that run in tests.

/// A rollout whose stages take a second: nobody sees anything in the first, which a person leaves.
pub const POLICY: &str = r#"
schema   = 1
rollout  = "checkout"
features = ["new_checkout", "new_basket"]

[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }

[thresholds.error_rate]
p0 = { above = "5%" }

[[stages]]
name = "off"

[[stages]]
name    = "canary"
traffic = "10%"
bake    = "1s"

[[stages]]
name    = "staged"
traffic = "50%"
bake    = "1h"

[[stages]]
name    = "full"
traffic = "100%"
"#;

/// The same, edited: every piece of it that is named is there.
pub fn with(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(POLICY.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "`{from}` is not in the policy");
        text.replace(from, to)
    })
}

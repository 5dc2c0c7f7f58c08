//! `--show-origin`: the checks and stages in force in each environment, and the file and line each comes from.

use crate::report::layout::table;
use crate::report::screen::{PLACE, QUIET, STRONG, Screen, paint};

use super::Checked;

/// One table per environment.
pub(super) fn table_of(one: &Checked, screen: Screen) -> String {
    let mut text = String::new();
    for (environment, policy) in &one.policies {
        text.push_str(&format!("{} {}\n", paint(STRONG, environment), paint(QUIET, policy.digest.short())));
        let mut rows = Vec::new();
        for stage in &policy.stages {
            let bake = stage.bake.map_or_else(|| "no bake".to_owned(), |bake| format!("bake {bake}"));
            let what = format!("{}%, {bake}", stage.traffic);
            rows.push(vec![format!("  stage {}", stage.name), what, paint(PLACE, &stage.origin)]);
        }
        for check in &policy.checks {
            let what = format!("{} {} {}", check.words, screen.arrow(), check.response);
            rows.push(vec![format!("  {}", check.id), what, paint(PLACE, &check.origin)]);
        }
        for line in table(&rows) {
            text.push_str(&line);
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

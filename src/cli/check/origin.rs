//! `--show-origin`: every value in force in each environment, and the file and line it comes from.

use crate::policy::source::POLICY_FILE;
use crate::report::layout::{cut, table};
use crate::report::screen::{PLACE, QUIET, STRONG, Screen, paint};

use super::Checked;

/// One table per environment; what an overlay set stands out.
pub(super) fn table_of(one: &Checked, screen: Screen) -> String {
    let mut text = String::new();
    for (environment, values) in &one.origins {
        let digest = one.policies.get(environment).map_or("not loadable", |policy| policy.digest.short());
        text.push_str(&format!("{} {}\n", paint(STRONG, environment), paint(QUIET, digest)));
        let room = (screen.width / 3).max(20);
        let rows: Vec<Vec<String>> = values
            .iter()
            .map(|value| {
                let origin = format!("{}:{}", value.file, value.line);
                let overlaid = value.file != POLICY_FILE;
                let origin = if overlaid { paint(PLACE, origin + "  <- overlay") } else { paint(QUIET, origin) };
                let one_line = value.value.split_whitespace().collect::<Vec<_>>().join(" ");
                vec![format!("  {}", value.path), cut(&one_line, room, screen.ellipsis()), origin]
            })
            .collect();
        for line in table(&rows) {
            text.push_str(&line);
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

//! One line each, without drawings or columns: for screen readers, `grep` and editors that jump to `file:line:column`.

use crate::policy::diagnostic::{Diagnostic, Label, Level};
use crate::policy::source::PolicySource;

use super::diagnostics::path;
use super::position::Position;

/// `policies/x/policy.toml:14:1: error RG012: unknown key `trafic`; did you mean `traffic`?; help: ...`
#[must_use]
pub fn diagnostic(diagnostic: &Diagnostic, source: &PolicySource) -> String {
    let level = match diagnostic.level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let place = place(&diagnostic.primary, source);
    let mut line = format!("{place}: {level} {}: {}", diagnostic.code, diagnostic.message);
    if !diagnostic.primary.text.is_empty() {
        line.push_str(&format!("; {}", diagnostic.primary.text));
    }
    for label in &diagnostic.secondary {
        line.push_str(&format!("; see {} {}", self::place(label, source), label.text));
    }
    for help in &diagnostic.help {
        line.push_str(&format!("; help: {help}"));
    }
    if !diagnostic.environments.is_empty() {
        line.push_str(&format!("; only in {}", diagnostic.environments.join(", ")));
    }
    line.replace('\n', " ")
}

fn place(label: &Label, source: &PolicySource) -> String {
    let file = path(source, &label.place.file);
    match source.get(&label.place.file) {
        Some(text) => format!("{file}:{}", Position::of(text, label.place.span.start)),
        None => file,
    }
}

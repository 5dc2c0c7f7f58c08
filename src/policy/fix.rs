//! `rollgate fix`: mends that leave no room for doubt. Everything else stays with the person who edits.

use crate::model::ids::Environment;

use super::raw::SCHEMA;
use super::sink::Mend;
use super::source::{POLICY_FILE, PolicySource};
use super::tree::{self, Value};
use super::{PRODUCTION, run};

/// The line that tells editors which schema a policy has.
const SCHEMA_LINE: &str = "#:schema ../../schemas/policy.schema.json";
/// Mending one thing may uncover the next; a policy that is not done after this many rounds needs a person.
const ROUNDS: usize = 4;

/// A mended policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The new text; the old one when nothing was to mend.
    pub text: String,
    /// What was done, one sentence each.
    pub changes: Vec<String>,
}

/// Migrates `text` (a policy.toml) to the current schema, and mends bare numbers whose unit is certain and misspelt
/// names with one near candidate. A text that is not TOML is left alone.
#[must_use]
pub fn fix(text: &str) -> Fixed {
    let mut fixed = Fixed { text: text.to_owned(), changes: Vec::new() };
    if !parses(text) {
        return fixed;
    }
    migrate(&mut fixed);
    for _ in 0..ROUNDS {
        let mends = mends(&fixed.text);
        if mends.is_empty() {
            break;
        }
        let next = apply(&fixed.text, &mends);
        if !parses(&next) {
            break;
        }
        fixed.text = next;
        fixed.changes.extend(mends.into_iter().map(|mend| mend.what));
    }
    fixed
}

fn parses(text: &str) -> bool {
    tree::parse(&POLICY_FILE.into(), text).problems.is_empty()
}

/// The schema's number and the editor's line.
fn migrate(fixed: &mut Fixed) {
    let root = tree::parse(&POLICY_FILE.into(), &fixed.text).root;
    let Value::Table(table) = &root.value else { return };
    match table.get("schema").map(|entry| (&entry.node.value, entry.node.place.span.clone())) {
        None => {
            // Root keys stand before the first table; comments at the top stay at the top.
            let at = first_statement(&fixed.text);
            fixed.text.insert_str(at, &format!("schema = {SCHEMA}\n"));
            fixed.changes.push(format!("added schema = {SCHEMA}"));
        }
        Some((Value::Integer(number), span)) if *number < SCHEMA.cast_signed() => {
            let changes = format!("schema {number} migrated to {SCHEMA}");
            fixed.text.replace_range(span, &SCHEMA.to_string());
            fixed.changes.push(changes);
        }
        Some(_) => {}
    }
    if !fixed.text.lines().any(|line| line.starts_with("#:schema")) {
        fixed.text.insert_str(0, &format!("{SCHEMA_LINE}\n"));
        fixed.changes.push("added the #:schema line for editors".to_owned());
    }
}

fn first_statement(text: &str) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start_matches('\u{feff}').trim();
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            break;
        }
        at += line.len();
    }
    at
}

/// Safe mends of policy.toml, in order of place, none touching another.
fn mends(text: &str) -> Vec<Mend> {
    let mut source = PolicySource::new("");
    source.insert(POLICY_FILE, text);
    let mut mends = run(&source, &Environment::new(PRODUCTION)).sink.mends;
    mends.retain(|mend| &*mend.place.file == POLICY_FILE);
    mends.sort_by_key(|mend| mend.place.span.start);
    let mut end = 0;
    mends.retain(|mend| {
        let free = mend.place.span.start >= end && text.get(mend.place.span.clone()).is_some();
        end = if free { mend.place.span.end } else { end };
        free
    });
    mends
}

fn apply(text: &str, mends: &[Mend]) -> String {
    let mut text = text.to_owned();
    for mend in mends.iter().rev() {
        text.replace_range(mend.place.span.clone(), &mend.text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "# our policy\nrollout = \"r\"\nfeatures = [\"f\"]\n\n[metrics]\nerrors = { unit = \"percent\", beter = \"lower\", max_age = \"90s\", on_unknown = \"hold\" }\n\n[thresholds.errors]\np0 = { above = 5, for = \"2m\" }\n\n[[stages]]\nname = \"off\"\nbake = \"1h\"\n[[stages]]\nname = \"canary\"\ntraffic = 10\n";

    #[test]
    fn mends_what_is_certain_until_the_policy_is_clean() {
        let fixed = fix(OLD);
        let mut source = PolicySource::new("");
        source.insert(POLICY_FILE, &fixed.text);
        assert_eq!(crate::policy::check(&source).diagnostics, []);
        assert!(fixed.text.starts_with("#:schema ../../schemas/policy.schema.json\n# our policy\nschema = 1\nrollout"));
        assert!(fixed.text.contains("better = \"lower\""));
        assert!(fixed.text.contains("above = \"5%\""));
        assert!(fixed.text.contains("traffic = \"10%\""));
        assert_eq!(fixed.changes.len(), 5, "{:?}", fixed.changes);
        assert_eq!(fix(&fixed.text), Fixed { text: fixed.text.clone(), changes: Vec::new() });
    }

    #[test]
    fn leaves_alone_what_is_not_toml() {
        assert_eq!(fix("a = = 1"), Fixed { text: "a = = 1".to_owned(), changes: Vec::new() });
    }
}

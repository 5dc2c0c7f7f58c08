//! How a mutant's text comes about: bytes replaced, or an entry taken out with everything that leans on it.

use std::ops::Range;

use toml_edit::{DocumentMut, Item, Value};

use crate::model::ids::Environment;
use crate::policy::compiled::{Policy, StageSet};
use crate::policy::source::PolicySource;
use crate::policy::{self, Compiled};

/// One change of a policy's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Other bytes in one file, in order of place.
    Replace {
        /// The file.
        file: String,
        /// Which bytes, and by what.
        parts: Vec<(Range<usize>, String)>,
    },
    /// An entry taken out of one file: keys, and positions in lists.
    Remove {
        /// The file.
        file: String,
        /// The way to it.
        path: Vec<String>,
    },
    /// A check active in no stage, a gate asked for by none. Its name stays: tests that name it can be read, and see
    /// that it never fires.
    Silence {
        /// Its id.
        check: String,
    },
}

impl Edit {
    /// The policy with this change made. Files that the change does not fit stay as they are.
    #[must_use]
    pub fn applied(&self, source: &PolicySource) -> PolicySource {
        let mut mutated = source.clone();
        match self {
            Edit::Replace { file, parts } => {
                if let Some(text) = source.get(file) {
                    mutated.insert(file, replaced(text, parts));
                }
            }
            Edit::Remove { file, path } => {
                change(&mut mutated, file, |root| remove(root, path));
            }
            Edit::Silence { .. } => {}
        }
        mutated
    }

    /// One environment's policy with this change made. `source` is the text with it.
    #[must_use]
    pub fn compiled(&self, source: &PolicySource, environment: &Environment) -> Compiled {
        let mut compiled = policy::compile(source, environment);
        if let (Edit::Silence { check }, Some(policy)) = (self, &mut compiled.policy) {
            silence(policy, check);
        }
        compiled
    }
}

fn silence(policy: &mut Policy, id: &str) {
    let Some(ix) = policy.find_check(id) else { return };
    if let Some(check) = policy.checks.get_mut(usize::from(ix.0)) {
        check.stages = StageSet::default();
    }
    for stage in &mut policy.stages {
        stage.gates.retain(|gate| *gate != ix);
        if let Some(exit) = &mut stage.early_exit {
            exit.gates.retain(|gate| *gate != ix);
        }
    }
}

fn replaced(text: &str, parts: &[(Range<usize>, String)]) -> String {
    let mut new = String::with_capacity(text.len() + 16);
    let mut at = 0;
    for (span, with) in parts {
        new.push_str(text.get(at..span.start).unwrap_or(""));
        new.push_str(with);
        at = span.end;
    }
    new.push_str(text.get(at..).unwrap_or(""));
    new
}

fn change(source: &mut PolicySource, file: &str, edit: impl FnOnce(&mut Item) -> bool) {
    let Some(Ok(mut document)) = source.get(file).map(|text| text.parse::<DocumentMut>()) else { return };
    if edit(document.as_item_mut()) {
        source.insert(file, document.to_string());
    }
}

/// Takes out what `path` leads to; false when it leads nowhere.
fn remove(item: &mut Item, path: &[String]) -> bool {
    match (item, path) {
        (Item::Value(value), path) => remove_value(value, path),
        (Item::Table(table), [last]) => table.remove(last).is_some(),
        (Item::Table(table), [first, rest @ ..]) => table.get_mut(first).is_some_and(|item| remove(item, rest)),
        (Item::ArrayOfTables(tables), [first, rest @ ..]) => match (first.parse::<usize>(), rest) {
            (Ok(at), []) if at < tables.len() => {
                tables.remove(at);
                true
            }
            (Ok(at), rest) => tables.get_mut(at).is_some_and(|table| match rest {
                [last] => table.remove(last).is_some(),
                [first, rest @ ..] => table.get_mut(first).is_some_and(|item| remove(item, rest)),
                [] => false,
            }),
            (Err(_), _) => false,
        },
        _ => false,
    }
}

fn remove_value(value: &mut Value, path: &[String]) -> bool {
    match (value, path) {
        (Value::InlineTable(table), [last]) => table.remove(last).is_some(),
        (Value::InlineTable(table), [first, rest @ ..]) => {
            table.get_mut(first).is_some_and(|value| remove_value(value, rest))
        }
        (Value::Array(items), [first, rest @ ..]) => match (first.parse::<usize>(), rest) {
            (Ok(at), []) if at < items.len() => {
                items.remove(at);
                true
            }
            (Ok(at), rest) if !rest.is_empty() => items.get_mut(at).is_some_and(|value| remove_value(value, rest)),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "[[stages]]\nname = \"canary\"\ngates = [\"safe\", \"sound\"]\n\
                          early_exit = { after = \"1h\", gates = [\"safe\"] }\n";

    fn edited(edit: &Edit) -> PolicySource {
        let mut source = PolicySource::new("");
        source.insert("policy.toml", POLICY);
        edit.applied(&source)
    }

    #[test]
    fn an_entry_of_a_list_in_a_list_of_tables_is_taken_out() {
        let path = ["stages", "0", "gates", "1"].map(str::to_owned).to_vec();
        let source = edited(&Edit::Remove { file: "policy.toml".to_owned(), path });
        assert!(source.get("policy.toml").unwrap().contains("\ngates = [\"safe\"]\n"));
        let path = ["stages", "0", "early_exit", "gates"].map(str::to_owned).to_vec();
        let source = edited(&Edit::Remove { file: "policy.toml".to_owned(), path });
        let exit = source.get("policy.toml").unwrap().split("early_exit").nth(1).unwrap().to_owned();
        assert!(exit.contains("after = \"1h\"") && !exit.contains("gates"), "{exit}");
    }

    #[test]
    fn bytes_are_replaced_in_order() {
        let parts = vec![(2..8, "floors".to_owned()), (11..15, "called".to_owned())];
        let source = edited(&Edit::Replace { file: "policy.toml".to_owned(), parts });
        assert!(source.get("policy.toml").unwrap().starts_with("[[floors]]\ncalled = "));
    }
}

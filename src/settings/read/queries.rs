//! `[sources.queries]`: a metric of the policy, and the query that gives it, for each group.

use crate::model::frame::Group;
use crate::model::ids::MetricName;
use crate::policy::diagnostic::{Diagnostic, Place};
use crate::policy::raw::fields::{At, Fields, wrong_type};
use crate::policy::tree::Value;

use super::super::codes;
use super::super::sources::{GroupWords, QuerySettings};
use super::{Entry, Reader};

/// What stands in a query for the group's own word.
const GROUP: &str = "$group";

pub(super) const GROUPS: [(&str, Group); 3] =
    [("treatment", Group::Treatment), ("control", Group::Control), ("all", Group::All)];

/// `groups = { treatment = "canary", control = "stable" }`.
pub(super) fn groups(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> GroupWords {
    let Some(entry) = fields.get("groups") else { return GroupWords::default() };
    r.table(entry, "`groups`", |fields, r| GroupWords {
        treatment: r.filled(fields, "treatment").map(|word| word.value),
        control: r.filled(fields, "control").map(|word| word.value),
        all: r.filled(fields, "all").map(|word| word.value),
    })
}

/// Every query; a source that asks for nothing is a mistake.
pub(super) fn queries(
    fields: &mut Fields<'_>,
    place: &Place,
    groups: &GroupWords,
    r: &mut Reader<'_>,
) -> Option<Vec<QuerySettings>> {
    let help = "add the metrics it gives: [sources.queries] with error_rate = \"...\"";
    let entry = fields.get("queries");
    let Some(entry) = entry else {
        r.sink.push(
            Diagnostic::error(
                codes::NOTHING_ASKED,
                "the source has no `queries`: nothing would be read",
                place.clone(),
            )
            .help(help),
        );
        return None;
    };
    let Value::Table(table) = &entry.node.value else {
        wrong_type(r.sink, &entry.node.place, "queries", "a table of metrics to queries", &entry.node.value);
        return None;
    };
    if table.entries.is_empty() {
        let message = "`queries` is empty: nothing would be read";
        r.sink.push(Diagnostic::error(codes::NOTHING_ASKED, message, entry.key_place.clone()).help(help));
    }
    let mut found: Vec<QuerySettings> = table.entries.iter().filter_map(|entry| query(entry, groups, r)).collect();
    found.sort_by(|a, b| a.metric.cmp(&b.metric));
    Some(found)
}

/// A query alone, or a table with how many samples it rests on and the groups it is for.
fn query(entry: &Entry, words: &GroupWords, r: &mut Reader<'_>) -> Option<QuerySettings> {
    let metric = MetricName::new(&entry.key);
    let (query, (samples, age), groups) = match &entry.node.value {
        Value::Text(text) => {
            (r.not_empty(At::new(text.clone(), entry.node.place.clone()), &entry.key), (None, None), None)
        }
        Value::Table(_) => {
            let what = format!("the query of `{}`", entry.key);
            let mut fields = Fields::of(&entry.node, &entry.key_place, what, r.sink)?;
            let query = r.filled(&mut fields, "query");
            let samples = r.filled(&mut fields, "samples");
            let age = r.filled(&mut fields, "age").map(|age| age.value);
            let groups = fields.get("groups").map(|entry| (entry, asked(entry, r)));
            fields.required("query", "write the PromQL: query = \"...\"", r.sink);
            fields.finish(r.sink);
            (query, (samples.map(|samples| samples.value), age), groups)
        }
        other => {
            let key = format!("`{}`", entry.key);
            wrong_type(r.sink, &entry.node.place, &key, "a query, or a table with one", other);
            return None;
        }
    };
    let query = query?;
    per_group(&query, groups.as_ref().map(|(entry, groups)| (*entry, groups.as_slice())), words, r);
    let groups = groups.map(|(_, groups)| groups);
    Some(QuerySettings { metric, query: query.value, samples, age, groups })
}

fn asked(entry: &Entry, r: &mut Reader<'_>) -> Vec<Group> {
    let listed = r.listed(entry, "groups").unwrap_or_default();
    let found = listed
        .into_iter()
        .filter_map(|word| crate::policy::raw::fields::word(word, "groups", &GROUPS, r.sink).map(|group| group.value));
    found.collect()
}

/// `$group` needs a word to stand for, and a query without it cannot tell two groups apart.
fn per_group(query: &At<String>, asked: Option<(&Entry, &[Group])>, words: &GroupWords, r: &mut Reader<'_>) {
    let by_group = query.value.contains(GROUP);
    let word = |group: Group| match group {
        Group::Treatment => words.treatment.is_some(),
        Group::Control => words.control.is_some(),
        Group::All => words.all.is_some(),
    };
    let without = match asked {
        Some((_, groups)) => groups.iter().copied().find(|group| !word(*group)),
        None if GROUPS.iter().any(|(_, group)| word(*group)) => None,
        None => Some(Group::Treatment),
    };
    if let (true, Some(group)) = (by_group, without) {
        let name = GROUPS.iter().find(|(_, other)| *other == group).map_or("", |(name, _)| *name);
        let message = format!("`$group` stands for nothing when `{name}` is asked for");
        r.sink.push(
            Diagnostic::error(codes::GROUPS, message, query.place.clone())
                .help("say what your metrics call it: groups = { treatment = \"canary\", control = \"stable\" }"),
        );
    }
    if let (false, Some((entry, [_, _, ..]))) = (by_group, asked) {
        let message = "the query has no `$group`, and would give every group the same value";
        r.sink.push(
            Diagnostic::error(codes::GROUPS, message, entry.node.place.clone())
                .help("put $group where the query selects it, as in variant=\"$group\", or name one group"),
        );
    }
}

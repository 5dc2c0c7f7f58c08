//! Where a metric comes from: the query of whichever provider, and the arguments put in place.

use std::collections::BTreeMap;

use crate::import::flagger::quoted;
use crate::import::yaml::Node;

/// A metric's provider.
pub(super) struct Source {
    /// `prometheus`, `job`, ...
    pub(super) provider: String,
    /// What it asks, as text.
    pub(super) query: String,
    /// The same as comments.
    pub(super) comments: Vec<String>,
}

/// The provider of a metric, its query with arguments in place where they are known.
pub(super) fn of(metric: &Node, arguments: &BTreeMap<String, String>) -> Source {
    let Some((provider, node)) = metric.get("provider").and_then(|provider| provider.entries().first()) else {
        return Source { provider: String::new(), query: String::new(), comments: vec!["No provider.".to_owned()] };
    };
    let words = ["query", "jsonPath", "measurement", "expression"];
    let asked = words.iter().find_map(|word| node.text_of(word)).or_else(|| several(node));
    let query = asked.map(|query| known(&query, arguments)).unwrap_or_default();
    let address = ["address", "url", "profile", "apiVersion"].iter().find_map(|word| node.text_of(word));
    let whence = address.map_or(provider.clone(), |address| format!("{provider}, {}", known(&address, arguments)));
    let comments =
        if query.is_empty() { vec![format!("From {whence}.")] } else { quoted(&format!("Query ({whence}):"), &query) };
    Source { provider: provider.clone(), query, comments }
}

/// Datadog's `queries`, CloudWatch's `metricDataQueries`.
fn several(node: &Node) -> Option<String> {
    if let Some(queries) = node.get("queries") {
        let mut lines: Vec<String> =
            queries.entries().iter().filter_map(|(name, query)| Some(format!("{name}: {}", query.text()?))).collect();
        lines.extend(node.text_of("formula").map(|formula| format!("formula: {formula}")));
        return Some(lines.join("\n"));
    }
    let data = node.get("metricDataQueries")?;
    let line = |item: &Node| {
        let id = item.text_of("id").unwrap_or_default();
        let what = item.text_of("expression").or_else(|| item.at(&["metricStat", "metric", "metricName"])?.text());
        format!("{id}: {}", what.unwrap_or_default())
    };
    Some(data.items().iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// `text` with the arguments that have a value put in place.
fn known(text: &str, arguments: &BTreeMap<String, String>) -> String {
    put(text, arguments).0
}

/// `text` with its arguments in place.
///
/// # Errors
/// The first argument without a value.
pub(super) fn complete(text: &str, arguments: &BTreeMap<String, String>) -> Result<String, String> {
    match put(text, arguments) {
        (text, None) => Ok(text),
        (_, Some(missing)) => Err(missing),
    }
}

/// Puts arguments in place; also the first that has no value.
fn put(text: &str, arguments: &BTreeMap<String, String>) -> (String, Option<String>) {
    let (mut done, mut rest, mut missing) = (String::new(), text, None);
    while let Some((before, after)) = rest.split_once("{{") {
        done.push_str(before);
        let Some((inside, left)) = after.split_once("}}") else {
            done.push_str("{{");
            rest = after;
            continue;
        };
        let name = inside.trim().strip_prefix("args.").or_else(|| inside.trim().strip_prefix("inputs."));
        match name.and_then(|name| arguments.get(name)) {
            Some(value) => done.push_str(value),
            None => {
                done.push_str(&format!("{{{{{inside}}}}}"));
                missing = missing.or_else(|| name.map(str::to_owned));
            }
        }
        rest = left;
    }
    done.push_str(rest);
    (done, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_put_in_place_and_missing_ones_are_named() {
        let arguments = BTreeMap::from([("limit".to_owned(), "0.95".to_owned())]);
        assert_eq!(complete("result >= {{args.limit}}", &arguments), Ok("result >= 0.95".to_owned()));
        assert_eq!(complete("result >= {{ args.limit }}", &arguments), Ok("result >= 0.95".to_owned()));
        assert_eq!(complete("result >= {{args.other}}", &arguments), Err("other".to_owned()));
        assert_eq!(complete("all(result, {# < 1})", &arguments), Ok("all(result, {# < 1})".to_owned()));
        assert_eq!(complete("a {{", &arguments), Ok("a {{".to_owned()));
        assert_eq!(known("{{args.a}} {{args.limit}}", &arguments), "{{args.a}} 0.95");
    }
}

//! `rollgate fmt`: one canonical spelling, comments kept, meaning untouched.
//!
//! Canonical: one blank line between tables, `=` aligned inside a block of lines, `{ a = 1, b = 2 }` with the bound
//! first and what qualifies it after, lists on one line or one item a line, a newline at the end.

use std::str::FromStr;

use toml_edit::{Array, Decor, DocumentMut, InlineTable, Item, RawString, Table, Value};

/// Why a text cannot be formatted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Not TOML; `rollgate check` says where.
    #[error("not valid TOML: {0}")]
    Syntax(String),
}

/// `text` in canonical spelling. Formatting twice is formatting once, and the values stay what they were.
///
/// # Errors
/// The text is not TOML.
pub fn format(text: &str) -> Result<String, FormatError> {
    let unix = text.replace("\r\n", "\n");
    let mut document = DocumentMut::from_str(&unix).map_err(|error| FormatError::Syntax(error.message().to_owned()))?;
    let trailing = tidy_lines(&format!("{}\n", document.trailing().as_str().unwrap_or_default()));
    table(document.as_table_mut(), &mut Vec::new());
    document.set_trailing(trailing.trim_end());
    let mut formatted = document.to_string().trim().to_owned();
    formatted.push('\n');
    // The guard against a mistake here: a formatter must not be able to change a threshold.
    Ok(if same_values(text, &formatted) { formatted } else { text.to_owned() })
}

fn same_values(before: &str, after: &str) -> bool {
    match (before.parse::<toml::Table>(), after.parse::<toml::Table>()) {
        (Ok(before), Ok(after)) => before == after,
        _ => false,
    }
}

/// Whole lines without trailing spaces, and never two blank ones in a row. What follows the last line break is the
/// indentation of a key or header, which is dropped.
fn tidy_lines(raw: &str) -> String {
    let Some((whole, _)) = raw.rsplit_once('\n') else { return String::new() };
    let mut lines: Vec<&str> = Vec::new();
    for line in whole.split('\n').map(str::trim) {
        let blank_twice = line.is_empty() && lines.last().is_some_and(|last| last.is_empty());
        if !blank_twice {
            lines.push(line);
        }
    }
    lines.into_iter().map(|line| format!("{line}\n")).collect()
}

fn text(raw: Option<&RawString>) -> &str {
    raw.and_then(RawString::as_str).unwrap_or_default()
}

/// What stands before a table header or a key: comment lines, and at most one blank line before them.
fn before(decor: &Decor) -> String {
    tidy_lines(text(decor.prefix()))
}

fn trailing_comment(decor: &Decor) -> String {
    let comment = text(decor.suffix()).trim();
    if comment.is_empty() { String::new() } else { format!(" {comment}") }
}

fn table(table: &mut Table, path: &mut Vec<String>) {
    keys(table, path);
    for (key, item) in table.iter_mut() {
        path.push(key.get().to_owned());
        match item {
            Item::Table(inner) => {
                if !inner.is_dotted() {
                    header(inner.decor_mut());
                }
                self::table(inner, path);
            }
            Item::ArrayOfTables(list) => {
                for inner in list.iter_mut() {
                    header(inner.decor_mut());
                    self::table(inner, path);
                }
            }
            Item::None | Item::Value(_) => {}
        }
        path.pop();
    }
}

/// One blank line, then the comments that belong to the table, then its header.
fn header(decor: &mut Decor) {
    let comments = before(decor);
    let comments = comments.trim_matches('\n');
    let prefix = if comments.is_empty() { "\n".to_owned() } else { format!("\n{comments}\n") };
    let suffix = trailing_comment(decor);
    *decor = Decor::new(prefix, suffix);
}

/// Aligns `=` in blocks: runs of keys with neither a blank line nor a comment between them.
fn keys(table: &mut Table, path: &[String]) {
    let has_dotted = table.iter().any(|(_, item)| matches!(item, Item::Table(inner) if inner.is_dotted()));
    let widths = if has_dotted { Vec::new() } else { block_widths(table) };
    let mut widths = widths.into_iter();
    let mut first = true;
    for (mut key, item) in table.iter_mut() {
        let Item::Value(value) = item else { continue };
        let written = key.display_repr().len();
        let pad = widths.next().unwrap_or(written).saturating_sub(written) + 1;
        let lines = before(key.leaf_decor());
        // The first key follows its header directly.
        let lines = if first { lines.trim_start_matches('\n') } else { lines.as_str() };
        *key.leaf_decor_mut() = Decor::new(lines, " ".repeat(pad));
        first = false;
        let suffix = trailing_comment(value.decor());
        let here: Vec<&str> = path.iter().map(String::as_str).chain([key.get()]).collect();
        self::value(value, &here);
        *value.decor_mut() = Decor::new(" ", suffix);
    }
}

/// For every key that holds a value, the width of the longest key of its block.
fn block_widths(table: &Table) -> Vec<usize> {
    let mut blocks: Vec<Vec<usize>> = Vec::new();
    for key in value_keys(table) {
        let starts = blocks.is_empty() || before(key.leaf_decor()).contains(['\n', '#']);
        let length = key.display_repr().len();
        match blocks.last_mut() {
            Some(block) if !starts => block.push(length),
            _ => blocks.push(vec![length]),
        }
    }
    blocks
        .into_iter()
        .flat_map(|block| {
            let widest = block.iter().copied().max().unwrap_or(0);
            std::iter::repeat_n(widest, block.len())
        })
        .collect()
}

/// The keys that hold values, as written.
fn value_keys(table: &Table) -> Vec<&toml_edit::Key> {
    let names: Vec<&str> = table.iter().filter(|(_, item)| item.is_value()).map(|(name, _)| name).collect();
    names.into_iter().filter_map(|name| table.get_key_value(name)).map(|(key, _)| key).collect()
}

fn value(value: &mut Value, path: &[&str]) {
    match value {
        Value::InlineTable(inner) => inline(inner, path),
        Value::Array(items) => array(items, path),
        _ => {}
    }
}

fn inline(table: &mut InlineTable, path: &[&str]) {
    // Comments and line breaks inside braces are somebody's layout.
    let written = table.to_string();
    let has_dotted = table.iter().any(|(_, value)| matches!(value, Value::InlineTable(inner) if inner.is_dotted()));
    if written.trim().contains('\n') || has_dotted {
        return;
    }
    let order = order(path);
    let rank = |key: &str| order.iter().position(|known| *known == key).unwrap_or(order.len());
    table.sort_values_by(|a, _, b, _| rank(a.get()).cmp(&rank(b.get())));
    table.set_trailing("");
    table.set_trailing_comma(false);
    let last = table.len().saturating_sub(1);
    for (at, (mut key, inner)) in table.iter_mut().enumerate() {
        *key.leaf_decor_mut() = Decor::new(" ", " ");
        let here: Vec<&str> = path.iter().copied().chain([key.get()]).collect();
        value(inner, &here);
        *inner.decor_mut() = Decor::new(" ", if at == last { " " } else { "" });
    }
}

fn array(items: &mut Array, path: &[&str]) {
    let layout = layout(items);
    for item in items.iter_mut() {
        let decor = item.decor().clone();
        value(item, path);
        *item.decor_mut() = decor;
    }
    match layout {
        // Comments between items are somebody's layout.
        Layout::Commented => {}
        Layout::Lines => {
            items.iter_mut().for_each(|item| *item.decor_mut() = Decor::new("\n  ", ""));
            items.set_trailing("\n");
            items.set_trailing_comma(true);
        }
        Layout::Line => {
            for (at, item) in items.iter_mut().enumerate() {
                *item.decor_mut() = Decor::new(if at == 0 { "" } else { " " }, "");
            }
            items.set_trailing("");
            items.set_trailing_comma(false);
        }
    }
}

enum Layout {
    Line,
    Lines,
    Commented,
}

fn layout(items: &Array) -> Layout {
    let between = items.iter().flat_map(|item| [text(item.decor().prefix()), text(item.decor().suffix())]);
    let all: String = between.chain([items.trailing().as_str().unwrap_or_default()]).collect();
    match (all.contains('#'), all.contains('\n') && !items.is_empty()) {
        (true, _) => Layout::Commented,
        (false, true) => Layout::Lines,
        (false, false) => Layout::Line,
    }
}

/// The order of keys in the inline tables of a part of the policy; keys that are not listed keep theirs, at the end.
fn order(path: &[&str]) -> &'static [&'static str] {
    match path {
        [.., "allow"] => &[],
        [.., "approvals"] => &["roles", "people"],
        [.., "early_exit"] => &["after", "gates", "samples"],
        ["metrics", ..] | ["stages", "metrics", ..] => &[
            "unit",
            "better",
            "max_age",
            "min_samples",
            "on_unknown",
            "range",
            "kind",
            "group",
            "unknown_after",
            "stuck_after",
            "allow",
        ],
        ["severities", ..] => &["then", "notify", "allow"],
        ["thresholds", ..] => &[
            "is",
            "below",
            "above",
            "than",
            "and_below",
            "and_above",
            "for",
            "clear_after",
            "group",
            "in",
            "target",
            "unless_control",
            "shadow",
            "allow",
        ],
        // A trigger is read "in these stages, this metric, this bound".
        ["triggers", ..] => &[
            "in",
            "metric",
            "script",
            "is",
            "below",
            "above",
            "than",
            "and_below",
            "and_above",
            "for",
            "clear_after",
            "group",
            "severity",
            "target",
            "unless_control",
            "shadow",
            "allow",
        ],
        ["gates", ..] => &["metric", "script", "is", "at_least", "at_most", "than", "for", "group", "shadow", "allow"],
        ["freeze", ..] => &["days", "from", "to", "zone", "note"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_one_canonical_spelling_and_keeps_comments() {
        let text = "\n\n# top\nschema=1\nrollout   =  'r' # name\n\n\n\nfeatures = [ 'a' ,'b', ]\n[metrics]\n\n# errors\nerror_rate={better=\"lower\",unit='percent'}\nx = {}   #  why\n\n\n\n  # about p0\n[thresholds.x]\n  p0={for='2m',above='1%'}\np1 = [ {for='2m',above='1%'},\n {above='1%'} ]\n# the end\n\n\n";
        let expected = "# top\nschema  = 1\nrollout = 'r' # name\n\nfeatures = ['a', 'b']\n\n[metrics]\n# errors\nerror_rate = { unit = 'percent', better = \"lower\" }\nx          = {} #  why\n\n# about p0\n[thresholds.x]\np0 = { above = '1%', for = '2m' }\np1 = [\n  { above = '1%', for = '2m' },\n  { above = '1%' },\n]\n# the end\n";
        let once = format(text).unwrap();
        assert_eq!(once, expected);
        assert_eq!(format(&once).unwrap(), once);
    }

    #[test]
    fn refuses_what_is_not_toml() {
        assert!(matches!(format("a = = 1"), Err(FormatError::Syntax(_))));
    }
}

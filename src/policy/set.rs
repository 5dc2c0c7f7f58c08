//! One value of one check changed in a policy's text, as if it had been typed into the file: what stands around it, and
//! the comment beside it, stay. The changed text is compiled like any other, so a wrong value is refused with the same
//! words.

use toml_edit::{DocumentMut, Item, TableLike, Value};

use crate::model::ids::Environment;

use super::source::{POLICY_FILE, PolicySource};

/// Changes `key` of `check` in the policy as `environment` reads it; gives the value it had, `nothing` when it had none.
/// None when no check is called so.
pub fn set(
    source: &mut PolicySource,
    environment: &Environment,
    check: &str,
    key: &str,
    value: &str,
) -> Option<String> {
    let mut old = None;
    for file in files(environment) {
        let Some(mut document) = parsed(source, &file) else { continue };
        let Some(table) = find(document.as_item_mut(), check) else { continue };
        let before = table.get(key).and_then(Item::as_value).map(plain);
        // An overlay says only what differs: a key it does not have stays as the policy has it.
        if before.is_none() && file != POLICY_FILE {
            continue;
        }
        table.insert(key, toml_edit::value(typed(value.trim(), table.get(key))));
        old = Some(before.unwrap_or_else(|| "nothing".to_owned()));
        let text = document.to_string();
        source.insert(file, text);
    }
    old
}

/// The keys of `check` with their values, as `environment` reads them; none when no check is called so.
#[must_use]
pub fn values(source: &PolicySource, environment: &Environment, check: &str) -> Option<Vec<(String, String)>> {
    let mut values: Option<Vec<(String, String)>> = None;
    for file in files(environment) {
        let Some(mut document) = parsed(source, &file) else { continue };
        let Some(table) = find(document.as_item_mut(), check) else { continue };
        let all = values.get_or_insert_default();
        for (key, item) in table.iter() {
            let Some(value) = item.as_value().map(plain) else { continue };
            match all.iter_mut().find(|(known, _)| known == key) {
                Some((_, known)) => *known = value,
                None => all.push((key.to_owned(), value)),
            }
        }
    }
    values
}

/// The policy, and the overlay that has the last word.
fn files(environment: &Environment) -> [String; 2] {
    [POLICY_FILE.to_owned(), format!("env/{environment}.toml")]
}

/// A file that does not parse is reported by the compiler, with its place.
fn parsed(source: &PolicySource, file: &str) -> Option<DocumentMut> {
    source.get(file)?.parse().ok()
}

/// The table of a check: `triggers.ID`, `gates.ID`, `thresholds.METRIC.p0`, the second of several as `METRIC.p0.2`.
fn find<'a>(root: &'a mut Item, check: &str) -> Option<&'a mut dyn TableLike> {
    for kind in ["triggers", "gates"] {
        if root.get(kind).and_then(|kind| kind.get(check)).is_some() {
            return root.get_mut(kind)?.get_mut(check)?.as_table_like_mut();
        }
    }
    let words: Vec<&str> = check.split('.').collect();
    let (metric, severity, nth) = match words.as_slice() {
        [metric, severity] => (*metric, *severity, 1),
        [metric, severity, nth] => (*metric, *severity, nth.parse::<usize>().ok()?),
        _ => return None,
    };
    let level = root.get_mut("thresholds")?.get_mut(metric)?.get_mut(severity)?;
    if level.is_array() {
        return Some(level.as_array_mut()?.get_mut(nth.checked_sub(1)?)?.as_inline_table_mut()?);
    }
    if level.is_array_of_tables() {
        return Some(level.as_array_of_tables_mut()?.get_mut(nth.checked_sub(1)?)?);
    }
    if nth == 1 { level.as_table_like_mut() } else { None }
}

/// Texts stay texts; a switch or a list that was one stays one.
fn typed(text: &str, before: Option<&Item>) -> Value {
    let is_text = before.and_then(Item::as_value).is_none_or(Value::is_str);
    let parsed = if is_text { None } else { text.parse::<Value>().ok() };
    parsed.unwrap_or_else(|| Value::from(text))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string().trim().to_owned(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> PolicySource {
        let mut source = PolicySource::new("x");
        source.insert(
            POLICY_FILE,
            "[thresholds.score]\np0 = { below = \"95%\" } # why\np2 = [{ below = \"99%\" }, { above = \"100%\" }]\n\
             [triggers]\nerrors = { metric = \"e\", above = \"1%\", shadow = false }\n",
        );
        source.insert("env/staging.toml", "[thresholds.score]\np0 = { below = \"90%\" }\n");
        source
    }

    fn production() -> Environment {
        Environment::new("production")
    }

    #[test]
    fn one_value_changes_and_the_comment_beside_it_stays() {
        let mut source = source();
        assert_eq!(set(&mut source, &production(), "score.p0", "below", "96%").as_deref(), Some("95%"));
        let text = source.get(POLICY_FILE).unwrap();
        assert!(text.contains("p0 = { below = \"96%\" } # why"), "{text}");
        assert!(source.get("env/staging.toml").unwrap().contains("90%"));
    }

    #[test]
    fn an_overlay_that_has_the_value_is_changed_too() {
        let mut source = source();
        set(&mut source, &Environment::new("staging"), "score.p0", "below", "96%").unwrap();
        assert!(source.get("env/staging.toml").unwrap().contains("96%"));
    }

    #[test]
    fn several_bounds_triggers_and_new_keys_are_reached() {
        let mut source = source();
        for (check, key, value) in
            [("score.p2.2", "above", "101%"), ("errors", "for", "2m"), ("errors", "shadow", "true")]
        {
            set(&mut source, &production(), check, key, value).unwrap();
        }
        let text = source.get(POLICY_FILE).unwrap();
        assert!(text.contains("above = \"101%\"") && text.contains("for = \"2m\"") && text.contains("shadow = true"));
        assert_eq!(set(&mut source, &production(), "score.p1", "below", "96%"), None);
    }

    #[test]
    fn the_values_in_force_are_those_of_the_overlay() {
        let of = |environment: &str| values(&source(), &Environment::new(environment), "score.p0").unwrap();
        assert_eq!(of("production"), [("below".to_owned(), "95%".to_owned())]);
        assert_eq!(of("staging"), [("below".to_owned(), "90%".to_owned())]);
        assert_eq!(values(&source(), &production(), "score.p1"), None);
    }
}

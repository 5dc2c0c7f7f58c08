//! `--set CHECK.KEY=VALUE`: the policy with one value changed, as if it had been typed into the file. The changed text
//! is compiled like any other, so a wrong value is refused with the same words.

use toml_edit::{DocumentMut, Item, TableLike, Value};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::model::ids::Environment;
use crate::policy::source::{POLICY_FILE, PolicySource};

/// Changes one value in `source`; says what was changed: `isolation_score.p0: below 95% -> 96%`.
///
/// # Errors
/// Not of the form `CHECK.KEY=VALUE`, or no such check.
pub fn set(source: &mut PolicySource, environment: &Environment, wanted: &str) -> Result<String, Failure> {
    let usage = || {
        Failure::new(Exit::Usage, format!("`{wanted}` is not of the form CHECK.KEY=VALUE"))
            .help("for example: --set isolation_score.p0.below=96%")
    };
    let (path, value) = wanted.split_once('=').ok_or_else(usage)?;
    let (check, key) = path.trim().rsplit_once('.').ok_or_else(usage)?;
    let mut old = None;
    let overlay = format!("env/{environment}.toml");
    for file in [POLICY_FILE, overlay.as_str()] {
        let Some(text) = source.get(file) else { continue };
        // A file that does not parse is reported by the compiler, with its place.
        let Ok(mut document) = text.parse::<DocumentMut>() else { continue };
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
    match old {
        Some(old) => Ok(format!("{check}: {key} {old} -> {}", value.trim())),
        None => Err(Failure::new(Exit::Usage, format!("`--set`: no check is called `{check}`"))
            .help("see the checks and their values with: rollgate check --show-origin")),
    }
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

    #[test]
    fn one_value_changes_and_the_comment_beside_it_stays() {
        let mut source = source();
        let said = set(&mut source, &Environment::new("production"), "score.p0.below=96%").unwrap();
        assert_eq!(said, "score.p0: below 95% -> 96%");
        let text = source.get(POLICY_FILE).unwrap();
        assert!(text.contains("p0 = { below = \"96%\" } # why"), "{text}");
        assert!(source.get("env/staging.toml").unwrap().contains("90%"));
    }

    #[test]
    fn an_overlay_that_has_the_value_is_changed_too() {
        let mut source = source();
        set(&mut source, &Environment::new("staging"), "score.p0.below=96%").unwrap();
        assert!(source.get("env/staging.toml").unwrap().contains("96%"));
    }

    #[test]
    fn several_bounds_triggers_and_new_keys_are_reached() {
        let mut source = source();
        let production = Environment::new("production");
        for wanted in ["score.p2.2.above=101%", "errors.for=2m", "errors.shadow=true"] {
            set(&mut source, &production, wanted).unwrap();
        }
        let text = source.get(POLICY_FILE).unwrap();
        assert!(text.contains("above = \"101%\"") && text.contains("for = \"2m\"") && text.contains("shadow = true"));
        for wrong in ["score.p1.below=96%", "nonsense", "a=b"] {
            assert_eq!(set(&mut source, &production, wrong).unwrap_err().exit, Exit::Usage, "{wrong}");
        }
    }
}

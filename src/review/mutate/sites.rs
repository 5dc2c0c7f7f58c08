//! Everything in a policy's files that decides, and what can be tried in its place.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::model::ids::Environment;
use crate::model::time::Duration;
use crate::policy::compiled::Policy;
use crate::policy::script::mutate::turns;
use crate::policy::source::{POLICY_FILE, PolicySource, RULES_FILE};

use super::edit::Edit;
use super::nudge;
use super::roles::{Role, roles, turned};
use super::{Kind, Site};

/// One change to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// How.
    pub kind: Kind,
    /// What stands there instead; empty when nothing does.
    pub tried: String,
    /// The change of the text.
    pub edit: Edit,
}

/// A site with everything that can be tried there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub site: Site,
    /// What to try; empty when it decides nothing.
    pub mutants: Vec<Mutant>,
    /// Why nothing is tried.
    pub idle: Option<String>,
}

/// Every site of `source`, in order of file and place; lengths of time move by `step`.
///
/// A file that is not TOML has none: such a policy does not compile, which is said elsewhere.
#[must_use]
pub fn sites(source: &PolicySource, step: Duration) -> Vec<Found> {
    let overlays: Vec<Environment> = source.environments().map(Environment::new).collect();
    let mut found = of_toml(source, POLICY_FILE, None, step);
    for environment in overlays {
        found.extend(of_toml(source, &format!("env/{environment}.toml"), Some(environment), step));
    }
    let scripts = source.iter().filter(|(file, _)| ***file == *RULES_FILE || file.starts_with("@shared/"));
    for (file, text) in scripts {
        found.extend(of_script(file, text));
    }
    found
}

fn of_script(file: &str, text: &str) -> Vec<Found> {
    let found = turns(text).into_iter().map(|turn| {
        let written = text.get(turn.span.clone()).unwrap_or("").to_owned();
        let kind = if turn.with.is_empty() { Kind::Drop } else { Kind::Flip };
        let edit = Edit::Replace { file: file.to_owned(), parts: vec![(turn.span.clone(), turn.with.to_owned())] };
        let (subject, line) = (format!("{}()", turn.function), line(text, turn.span.start));
        let site = Site { subject, part: String::new(), written, file: file.to_owned(), line, environment: None };
        Found { site, mutants: vec![Mutant { kind, tried: turn.with.to_owned(), edit }], idle: None }
    });
    found.collect()
}

fn of_toml(source: &PolicySource, file: &str, environment: Option<Environment>, step: Duration) -> Vec<Found> {
    let Some(text) = source.get(file) else { return Vec::new() };
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Ok(root) = DeTable::parse(body) else { return Vec::new() };
    let mut walk = Walk { file, text, shift: text.len() - body.len(), environment, step, found: Vec::new() };
    walk.table(&mut Vec::new(), root.get_ref());
    walk.found.sort_by_key(|(start, _)| *start);
    walk.found.into_iter().map(|(_, found)| found).collect()
}

fn line(text: &str, at: usize) -> u32 {
    let before = text.get(..at).map_or(0, |before| before.matches('\n').count());
    u32::try_from(before + 1).unwrap_or(u32::MAX)
}

/// One step of the way to a value: the key as it is in the file, and the name it goes by.
#[derive(Clone)]
struct Step {
    key: String,
    /// A stage's own name where the key is its position.
    name: String,
}

struct Walk<'a> {
    file: &'a str,
    text: &'a str,
    shift: usize,
    environment: Option<Environment>,
    step: Duration,
    /// With the byte each begins at.
    found: Vec<(usize, Found)>,
}

impl Walk<'_> {
    fn table(&mut self, path: &mut Vec<Step>, table: &DeTable<'_>) {
        for (key, value) in table {
            let key_span = self.span(&key.span());
            path.push(Step { key: key.get_ref().to_string(), name: key.get_ref().to_string() });
            self.value(path, &key_span, value);
            path.pop();
        }
    }

    fn value(&mut self, path: &mut Vec<Step>, key: &Range<usize>, value: &Spanned<DeValue<'_>>) {
        self.check(path, key, value);
        let keys: Vec<&str> = path.iter().map(|step| step.key.as_str()).collect();
        let roles = roles(&keys);
        if !roles.is_empty() {
            self.site(path, key, value, roles);
        }
        match value.get_ref() {
            _ if matches!(roles, [Role::Idle(_)]) => {}
            DeValue::Table(inner) => self.table(path, inner),
            DeValue::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    let named = item.get_ref().get("name").and_then(|name| name.get_ref().as_str());
                    let name = named.map_or_else(|| (at + 1).to_string(), str::to_owned);
                    path.push(Step { key: at.to_string(), name });
                    let span = self.span(&item.span());
                    self.value(path, &span, item);
                    path.pop();
                }
            }
            _ => {}
        }
    }

    fn span(&self, span: &Range<usize>) -> Range<usize> {
        span.start + self.shift..span.end + self.shift
    }

    /// A whole check: left out, and with its comparison the other way round. An overlay declares none.
    fn check(&mut self, path: &[Step], key: &Range<usize>, value: &Spanned<DeValue<'_>>) {
        let Some(table) = value.get_ref().as_table().filter(|_| self.environment.is_none() && is_check(path)) else {
            return;
        };
        let mut whole = self.new_site(path, key, String::new());
        whole.part = String::new();
        let edit = Edit::Silence { check: whole.subject.clone() };
        let drop = Mutant { kind: Kind::Drop, tried: String::new(), edit };
        self.found.push((key.start, Found { site: whole, mutants: vec![drop], idle: None }));
        self.turn(path, table);
    }

    /// `above = "+10%", and_above = "+20ms"` becomes `below = "-10%", and_below = "-20ms"`: the mirror image.
    fn turn(&mut self, path: &[Step], table: &DeTable<'_>) {
        let (mut parts, mut first) = (Vec::new(), None);
        for (key, value) in table {
            let Some(with) = turned(key.get_ref()) else { continue };
            let span = self.span(&key.span());
            if !with.starts_with("and_") {
                first = Some((span.clone(), key.get_ref().to_string(), with));
            }
            parts.push((span, with.to_owned()));
            let value = self.span(&value.span());
            let sign = self.text.get(value.clone()).and_then(|text| text.find(['+', '-']).map(|at| value.start + at));
            if let Some(at) = sign.filter(|at| *at <= value.start + 1) {
                let mirrored = if self.text.get(at..=at) == Some("+") { "-" } else { "+" };
                parts.push((at..at + 1, mirrored.to_owned()));
            }
        }
        let Some((span, word, with)) = first else { return };
        parts.sort_by_key(|(span, _)| span.start);
        let edit = Edit::Replace { file: self.file.to_owned(), parts };
        let mut site = self.new_site(path, &span, word.clone());
        site.part = word;
        let mutants = vec![Mutant { kind: Kind::Flip, tried: with.to_owned(), edit }];
        self.found.push((span.start, Found { site, mutants, idle: None }));
    }

    fn new_site(&self, path: &[Step], at: &Range<usize>, written: String) -> Site {
        let (subject, part) = subject(path);
        let line = line(self.text, at.start);
        Site { subject, part, written, file: self.file.to_owned(), line, environment: self.environment.clone() }
    }

    fn site(&mut self, path: &[Step], key: &Range<usize>, value: &Spanned<DeValue<'_>>, roles: &[Role]) {
        let span = self.span(&value.span());
        let raw = self.text.get(span.clone()).unwrap_or("");
        let short = raw.len() <= 60 && !raw.contains('\n');
        let written = if short { raw.trim_matches('"').to_owned() } else { String::new() };
        let site = self.new_site(path, key, written);
        if let [Role::Idle(why)] = roles {
            self.found.push((span.start, Found { site, mutants: Vec::new(), idle: Some((*why).to_owned()) }));
            return;
        }
        let mut mutants = Vec::new();
        for role in roles {
            match role {
                Role::Optional => mutants.push(self.left_out(path, None)),
                Role::Names | Role::Gates => {
                    let items = value.get_ref().as_array().map_or(0, |items| items.len());
                    let least = usize::from(*role == Role::Names);
                    if items > least {
                        mutants.extend(self.each_left_out(path, value));
                    }
                }
                role => mutants.extend(self.instead(*role, value, &span)),
            }
        }
        if !mutants.is_empty() {
            self.found.push((span.start, Found { site, mutants, idle: None }));
        }
    }

    fn left_out(&self, path: &[Step], item: Option<(usize, &str)>) -> Mutant {
        let mut path: Vec<String> = path.iter().map(|step| step.key.clone()).collect();
        path.extend(item.map(|(at, _)| at.to_string()));
        let tried = item.map_or_else(String::new, |(_, name)| format!("without {name}"));
        Mutant { kind: Kind::Drop, tried, edit: Edit::Remove { file: self.file.to_owned(), path } }
    }

    fn each_left_out(&self, path: &[Step], value: &Spanned<DeValue<'_>>) -> Vec<Mutant> {
        let items = value.get_ref().as_array().map(|items| items.iter().collect::<Vec<_>>()).unwrap_or_default();
        let named = items.iter().enumerate().filter_map(|(at, item)| Some((at, item.get_ref().as_str()?)));
        named.map(|item| self.left_out(path, Some(item))).collect()
    }

    fn instead(&self, role: Role, value: &Spanned<DeValue<'_>>, span: &Range<usize>) -> Vec<Mutant> {
        let raw = self.text.get(span.clone()).unwrap_or("");
        let quoted = value.get_ref().as_str();
        let text = quoted.unwrap_or(raw);
        let (kind, tried): (Kind, Vec<String>) = match role {
            Role::Quantity => (Kind::Nudge, nudge::quantity(text)),
            Role::Duration => (Kind::Nudge, nudge::duration(text, self.step)),
            Role::Window => (Kind::Nudge, nudge::window(text, self.step)),
            Role::Clock if text.contains('-') => (Kind::Nudge, nudge::instant(text, self.step)),
            Role::Clock => (Kind::Nudge, nudge::clock(text, self.step)),
            Role::Word(words) => {
                (Kind::Flip, words.iter().filter(|word| **word != text).map(|word| (*word).to_owned()).collect())
            }
            _ => return Vec::new(),
        };
        let replacing = |tried: String| {
            let with = if quoted.is_some() { format!("\"{tried}\"") } else { tried.clone() };
            let edit = Edit::Replace { file: self.file.to_owned(), parts: vec![(span.clone(), with)] };
            Mutant { kind, tried, edit }
        };
        tried.into_iter().map(replacing).collect()
    }
}

/// `thresholds.METRIC.LEVEL`, one of several bounds of it, `triggers.ID`, `gates.ID`.
fn is_check(path: &[Step]) -> bool {
    let keys: Vec<&str> = path.iter().map(|step| step.key.as_str()).collect();
    let nth = path.get(3).is_some_and(|step| step.key != step.name);
    match keys.as_slice() {
        ["thresholds", _, _] | ["triggers" | "gates", _] => true,
        ["thresholds", _, _, _] => nth,
        _ => false,
    }
}

/// Whose part it is, and which.
fn subject(path: &[Step]) -> (String, String) {
    let names: Vec<&str> = path.iter().map(|step| step.name.as_str()).collect();
    let is_position = |at: usize| path.get(at).is_some_and(|step| step.key != step.name);
    match names.as_slice() {
        // The first bound of a level has the level's own id.
        ["thresholds", metric, level, nth, part @ ..] if is_position(3) => {
            let id = if *nth == "1" { format!("{metric}.{level}") } else { format!("{metric}.{level}.{nth}") };
            (id, part.join("."))
        }
        ["thresholds", metric, level, part @ ..] => (format!("{metric}.{level}"), part.join(".")),
        ["triggers" | "gates", id, part @ ..] => ((*id).to_owned(), part.join(".")),
        ["freeze", "windows", nth, part @ ..] => (format!("freeze.windows.{nth}"), part.join(".")),
        ["metrics" | "stages" | "severities" | "params", name, part @ ..] => {
            (format!("{}.{name}", names.first().unwrap_or(&"")), part.join("."))
        }
        [table, part @ ..] if !part.is_empty() => ((*table).to_owned(), part.join(".")),
        _ => ("policy".to_owned(), names.join(".")),
    }
}

/// The sites whose mutants change what the check `id` means: its own, and those of the scripts and params behind it.
#[must_use]
pub fn of_check(found: &[Found], source: &PolicySource, policy: &Policy, id: &str) -> Vec<Found> {
    let fingerprint =
        |policy: &Policy| policy.checks.iter().find(|check| check.id.as_str() == id).map(|c| c.fingerprint);
    let before = fingerprint(policy);
    let behind = |found: &Found| {
        let subject = &found.site.subject;
        (subject.ends_with("()") || subject.starts_with("params."))
            && found.mutants.iter().any(|mutant| {
                let mutated = mutant.edit.compiled(&mutant.edit.applied(source), &policy.environment).policy;
                mutated.is_some_and(|mutated| fingerprint(&mutated) != before)
            })
    };
    found.iter().filter(|found| found.site.subject == id || behind(found)).cloned().collect()
}

/// Every subject, in order of name: what `--why` and `--check` can ask for.
#[must_use]
pub fn subjects(found: &[Found]) -> BTreeSet<&str> {
    found.iter().map(|found| found.site.subject.as_str()).collect()
}

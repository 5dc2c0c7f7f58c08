//! From a tree to settings: every key asked for, every problem reported, a default wherever nothing is written.

mod api;
mod pushed;
mod queries;
mod sources;
mod store;
mod telemetry;

use std::path::PathBuf;

use crate::model::ids::Environment;
use crate::model::time::Duration;
use crate::policy::codes as shared;
use crate::policy::diagnostic::{Diagnostic, Place};
use crate::policy::raw::fields::{At, Fields, text, wrong_type};
use crate::policy::sink::Sink;
use crate::policy::tree::{Entry, Node, Value};

use super::hide::{Hidden, has_password};
use super::secret::{NoReference, Open, SecretRef};
use super::values::{
    HeartbeatSettings, JournalSettings, LeaseSettings, LogFormat, LogLevel, LogSettings, ReloadSettings, Settings,
};
use super::{address, codes};

/// What reading needs beside the tree.
pub(super) struct Reader<'s> {
    sink: &'s mut Sink,
    hidden: &'s mut Hidden,
}

/// Reads the whole file. What could not be read stands at its default; the sink says whether anything could not.
pub(super) fn settings(root: &Node, sink: &mut Sink, hidden: &mut Hidden) -> Settings {
    let mut reader = Reader { sink, hidden };
    let mut settings = Settings::default();
    let Some(mut fields) = Fields::of(root, &root.place, "the settings", reader.sink) else { return settings };
    let r = &mut reader;
    if let Some(name) = fields.text("environment", r.sink).and_then(|name| r.name(name, "environment")) {
        settings.environment = Environment::new(name);
    }
    if let Some(listed) = fields.get("policies").and_then(|entry| r.paths(entry, "policies")) {
        settings.policies = listed;
    }
    if let Some(entry) = fields.get("store") {
        settings.store = store::store(entry, r);
    }
    if let Some(entry) = fields.get("journal") {
        settings.journal = r.table(entry, "[journal]", journal);
    }
    if let Some(entry) = fields.get("api") {
        settings.api = api::api(entry, r);
    }
    if let Some(entry) = fields.get("lease") {
        settings.lease = r.table(entry, "[lease]", lease);
    }
    if let Some(entry) = fields.get("heartbeat") {
        settings.heartbeat = r.table(entry, "[heartbeat]", heartbeat);
    }
    if let Some(entry) = fields.get("log") {
        settings.log = r.table(entry, "[log]", log);
    }
    if let Some(entry) = fields.get("telemetry") {
        settings.telemetry = r.table(entry, "[telemetry]", telemetry::telemetry);
    }
    if let Some(entry) = fields.get("reload") {
        settings.reload = r.table(entry, "[reload]", reload);
    }
    if let Some(entry) = fields.get("sources") {
        settings.sources = sources::sources(entry, r);
    }
    fields.finish(r.sink);
    settings
}

fn journal(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> JournalSettings {
    let usual = JournalSettings::default();
    JournalSettings {
        path: r.path(fields, "path").unwrap_or(usual.path),
        keep: r.duration(fields, "keep", "10m", "30d").unwrap_or(usual.keep),
    }
}

fn lease(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> LeaseSettings {
    let usual = LeaseSettings::default();
    let place = |entry: &Entry| entry.node.place.clone();
    let places = ["term", "step_down", "renew"].map(|key| fields.get(key).map(place));
    let lease = LeaseSettings {
        term: r.duration(fields, "term", "1s", "5m").unwrap_or(usual.term),
        renew: r.duration(fields, "renew", "100ms", "1m").unwrap_or(usual.renew),
        step_down: r.duration(fields, "step_down", "200ms", "5m").unwrap_or(usual.step_down),
    };
    let [term_at, step_at, renew_at] = places;
    let here = |first: Option<Place>, second: Option<Place>| first.or(second).unwrap_or_else(|| fields.place.clone());
    let (term, renew, step_down) = (lease.term, lease.renew, lease.step_down);
    if step_down >= term {
        let message = format!("`step_down` is {step_down}, and has to come before the term of {term} is over");
        r.sink.push(
            Diagnostic::error(codes::TIMES, message, here(step_at, term_at))
                .help("whoever was not heard stops leading before another may begin: two leaders decide twice"),
        );
    } else if renew + renew > step_down {
        let message =
            format!("`renew` is {renew}, which leaves fewer than two tries before `step_down` at {step_down}");
        r.sink.push(
            Diagnostic::error(codes::TIMES, message, here(renew_at, step_at))
                .help("one lost packet must not cost the lead: let `renew` be at most half of `step_down`"),
        );
    }
    lease
}

fn heartbeat(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> Option<HeartbeatSettings> {
    let help = "name where the address is kept: url = \"env:ROLLGATE_HEARTBEAT_URL\"";
    let every = r.duration(fields, "every", "1s", "1h");
    let entry = fields.required("url", help, r.sink)?;
    let url = r.secret(entry, "url")?;
    Some(HeartbeatSettings { url, every: every.unwrap_or(Duration::from_millis(30_000)) })
}

fn log(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> LogSettings {
    let usual = LogSettings::default();
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    let levels = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
    let levels = levels.map(|level| (level.as_str(), level));
    LogSettings {
        format: fields.word("format", &formats, r.sink).map_or(usual.format, |format| format.value),
        level: fields.word("level", &levels, r.sink).map_or(usual.level, |level| level.value),
    }
}

fn reload(fields: &mut Fields<'_>, r: &mut Reader<'_>) -> ReloadSettings {
    let usual = ReloadSettings::default();
    ReloadSettings {
        debounce: r.duration(fields, "debounce", "1ms", "10s").unwrap_or(usual.debounce),
        poll: r.duration(fields, "poll", "100ms", "10m").unwrap_or(usual.poll),
        tests_budget: r.duration(fields, "tests_budget", "100ms", "1m").unwrap_or(usual.tests_budget),
    }
}

impl Reader<'_> {
    /// Reads a table with `read`; a default where it is none.
    fn table<T: Default>(
        &mut self,
        entry: &Entry,
        what: &str,
        read: impl FnOnce(&mut Fields<'_>, &mut Reader<'_>) -> T,
    ) -> T {
        let Some(mut fields) = Fields::of(&entry.node, &entry.key_place, what, self.sink) else { return T::default() };
        let value = read(&mut fields, self);
        fields.finish(self.sink);
        value
    }

    /// The tables of `[[key]]`, with what a message calls each.
    fn tables<'a>(&mut self, entry: &'a Entry, key: &str) -> Vec<&'a Node> {
        match &entry.node.value {
            Value::List(items) => items.iter().collect(),
            other => {
                wrong_type(self.sink, &entry.node.place, key, &format!("a list of tables ([[{key}]])"), other);
                Vec::new()
            }
        }
    }

    /// A duration of at least `least` and at most `most`.
    fn duration(&mut self, fields: &mut Fields<'_>, key: &'static str, least: &str, most: &str) -> Option<Duration> {
        let found = fields.duration(key, self.sink)?;
        let (low, high) = (Duration::parse(least).ok()?, Duration::parse(most).ok()?);
        if (low..=high).contains(&found.value) {
            return Some(found.value);
        }
        let message = format!("`{key}` is {}, and {least} to {most} is possible", found.value);
        self.sink.push(Diagnostic::error(shared::OUT_OF_RANGE, message, found.place));
        None
    }

    /// A whole number of at most `most`.
    fn count(&mut self, fields: &mut Fields<'_>, key: &'static str, most: u32) -> Option<u32> {
        let found = fields.whole(key, 0, self.sink)?;
        match u32::try_from(found.value) {
            Ok(number) if number <= most => Some(number),
            _ => {
                let message = format!("`{key}` is {}, and at most {most} is possible", found.value);
                self.sink.push(Diagnostic::error(shared::OUT_OF_RANGE, message, found.place));
                None
            }
        }
    }

    /// A text that is not empty.
    fn filled(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<At<String>> {
        let found = fields.text(key, self.sink)?;
        self.not_empty(found, key)
    }

    fn not_empty(&mut self, found: At<String>, key: &str) -> Option<At<String>> {
        if found.value.trim().is_empty() {
            self.sink.push(Diagnostic::error(shared::EMPTY, format!("`{key}` is empty"), found.place));
            return None;
        }
        Some(found)
    }

    fn path(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<PathBuf> {
        self.filled(fields, key).map(|path| path.value.into())
    }

    fn paths(&mut self, entry: &Entry, key: &str) -> Option<Vec<PathBuf>> {
        let listed = self.listed(entry, key)?;
        if listed.is_empty() {
            let message = format!("`{key}` is empty: there would be nothing to govern");
            self.sink.push(Diagnostic::error(shared::EMPTY, message, entry.node.place.clone()));
            return None;
        }
        Some(listed.into_iter().map(|path| path.value.into()).collect())
    }

    /// A list of texts that are not empty, each once.
    fn listed(&mut self, entry: &Entry, key: &str) -> Option<Vec<At<String>>> {
        let found = crate::policy::raw::fields::texts(&entry.node, key, self.sink)?;
        let mut kept: Vec<At<String>> = Vec::new();
        for item in found {
            if kept.iter().any(|known| known.value == item.value) {
                let message = format!("`{}` stands twice in `{key}`", item.value);
                self.sink.push(Diagnostic::error(shared::DUPLICATE, message, item.place));
            } else if let Some(item) = self.not_empty(item, key) {
                kept.push(item);
            }
        }
        Some(kept)
    }

    /// A name that logs, metrics and file names can carry.
    fn name(&mut self, found: At<String>, key: &str) -> Option<String> {
        let letters = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let fine = found.value.chars().all(letters) && found.value.starts_with(|c: char| c.is_ascii_alphanumeric());
        if fine && found.value.len() <= 64 {
            return Some(found.value);
        }
        let message = format!("`{key}` cannot be `{}`", found.value);
        self.sink.push(
            Diagnostic::error(shared::BAD_NAME, message, found.place)
                .help("letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or a digit"),
        );
        None
    }

    /// Where a secret is kept. One that is written out is reported without showing it.
    fn secret(&mut self, entry: &Entry, key: &str) -> Option<SecretRef> {
        let Value::Text(written) = &entry.node.value else {
            self.hidden.value(&entry.node);
            wrong_type(self.sink, &entry.node.place, key, "a reference to a secret", &entry.node.value);
            return None;
        };
        match SecretRef::parse(written) {
            Ok(reference) => Some(reference),
            Err(NoReference::Incomplete(form)) => {
                let message = format!("`{key}` is no complete reference to a secret");
                let place = entry.node.place.clone();
                self.sink.push(
                    Diagnostic::error(codes::SECRET_REFERENCE, message, place).help(format!("write it as \"{form}\"")),
                );
                None
            }
            Err(NoReference::Literal) => {
                self.hidden.value(&entry.node);
                let message = format!("`{key}` is a secret, and is written out");
                self.written_out(entry, message);
                None
            }
        }
    }

    fn written_out(&mut self, entry: &Entry, message: String) {
        self.sink.push(
            Diagnostic::error(codes::SECRET_WRITTEN_OUT, message, entry.node.place.clone())
                .label("not shown here")
                .help("name where it is kept: \"env:NAME\", \"file:/path\" or \"gsm:projects/p/secrets/s/versions/7\"")
                .help("whoever could read this file may know it by now: change it"),
        );
    }

    /// A URL of one of `schemes`, or a reference to one that is secret. One with a password in it is a secret.
    fn url(&mut self, entry: &Entry, key: &str, schemes: &[&str]) -> Option<Open> {
        let found = text(&entry.node, key, self.sink)?;
        match SecretRef::parse(&found.value) {
            Ok(reference) => return Some(Open::Secret(reference)),
            Err(NoReference::Incomplete(_)) => return self.secret(entry, key).map(Open::Secret),
            Err(NoReference::Literal) => {}
        }
        if has_password(&found.value) {
            self.hidden.value(&entry.node);
            self.written_out(entry, format!("`{key}` has a password in it, and is written out"));
            return None;
        }
        if address::is_url(&found.value, schemes) {
            return Some(Open::Plain(found.value));
        }
        let forms: Vec<String> = schemes.iter().map(|scheme| format!("{scheme}://host:port")).collect();
        let message = format!("`{key}` is not an address that can be called");
        self.sink.push(
            Diagnostic::error(codes::ADDRESS, message, found.place).help(format!("write it as {}", forms.join(" or "))),
        );
        None
    }

    /// A list of `host:port`.
    fn hosts(&mut self, entry: &Entry, key: &str) -> Option<Vec<String>> {
        let listed = self.listed(entry, key)?;
        if listed.is_empty() {
            let message = format!("`{key}` is empty");
            self.sink.push(Diagnostic::error(shared::EMPTY, message, entry.node.place.clone()));
            return None;
        }
        let mut all_fine = true;
        for host in listed.iter().filter(|host| !address::is_host_and_port(&host.value)) {
            all_fine = false;
            let message = format!("an entry of `{key}` is not a host and its port");
            self.sink.push(
                Diagnostic::error(codes::ADDRESS, message, host.place.clone())
                    .help("write it as \"redis-0.example:6379\""),
            );
        }
        all_fine.then(|| listed.into_iter().map(|host| host.value).collect())
    }
}

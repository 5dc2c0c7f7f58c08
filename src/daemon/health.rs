//! How every source does, as `status` and the metrics show it. One that is asked does alike for every rollout it feeds.
//! One that is pushed to does so rollout by rollout: what came in for one says nothing of another.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use crate::ledger::hash::Key;
use crate::model::time::Time;

use super::desk::{Heard, SourceHealth};

/// Every source that is known.
#[derive(Default)]
pub(super) struct Healths(RwLock<BTreeMap<String, Source>>);

enum Source {
    /// It is asked; whoever asks it says how it does. With the rollouts it feeds: all of them when none is named.
    Asked(SourceHealth, Vec<String>),
    /// It is pushed to.
    Told(Told),
}

#[derive(Default)]
struct Told {
    /// The rollouts that the settings have it feed (all of them when none is named); none for a source that no settings
    /// name, which feeds whatever it has fed.
    feeds: Option<Vec<String>>,
    /// What came of it, by rollout.
    fed: BTreeMap<Key, SourceHealth>,
}

impl Healths {
    /// How a source that is asked does.
    pub(super) fn asked(&self, health: SourceHealth, feeds: Vec<String>) {
        self.write().insert(health.name.clone(), Source::Asked(health, feeds));
    }

    /// The settings name a source that is pushed to: it is shown although nothing has come yet.
    pub(super) fn expect(&self, name: &str, feeds: Vec<String>) {
        let told = Told { feeds: Some(feeds), ..Told::default() };
        self.write().insert(name.to_owned(), Source::Told(told));
    }

    /// How the sources of a rollout do, in order of name.
    pub(super) fn of(&self, key: &Key) -> Vec<SourceHealth> {
        let sources = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let one = |(name, source): (&String, &Source)| match source {
            Source::Asked(health, feeds) => does_feed(feeds, key).then(|| health.clone()),
            Source::Told(told) => told.fed.get(key).cloned().or_else(|| {
                let is_due = told.feeds.as_ref().is_some_and(|feeds| does_feed(feeds, key));
                is_due.then(|| SourceHealth::silent(name))
            }),
        };
        sources.iter().filter_map(one).collect()
    }

    /// Snapshots that were pushed for a rollout are on disk; `newest` is of the newest.
    pub(super) fn took(&self, name: &str, key: &Key, newest: Option<Time>, now: Time) {
        self.change(name, std::slice::from_ref(key), |health| {
            health.last_answer = Some(now);
            health.last_snapshot = health.last_snapshot.max(newest);
            health.failures = 0;
            health.problem = None;
        });
    }

    /// What else came of a push. `key` says which rollout it was for, where that is known; else it may have been for any
    /// of `all` that this source feeds.
    pub(super) fn heard(&self, name: &str, key: Option<&Key>, all: &[Key], heard: &Heard<'_>, now: Time) {
        let keys = match key {
            Some(key) => vec![key.clone()],
            None => self.fed_by(name, all),
        };
        self.change(name, &keys, |health| match heard {
            Heard::Read(problem) => {
                health.last_answer = Some(now);
                health.failures = 0;
                health.problem = problem.map(str::to_owned);
            }
            Heard::Refused(why) => {
                health.failures = health.failures.saturating_add(1);
                health.problem = Some((*why).to_owned());
            }
        });
    }

    /// The rollouts that a source is known to feed, of `all`.
    fn fed_by(&self, name: &str, all: &[Key]) -> Vec<Key> {
        let sources = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match sources.get(name) {
            Some(Source::Told(Told { feeds: Some(feeds), .. })) => {
                all.iter().filter(|key| does_feed(feeds, key)).cloned().collect()
            }
            Some(Source::Told(told)) => told.fed.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    fn change(&self, name: &str, keys: &[Key], change: impl Fn(&mut SourceHealth)) {
        if keys.is_empty() {
            return;
        }
        let mut sources = self.write();
        if !sources.contains_key(name) {
            sources.insert(name.to_owned(), Source::Told(Told::default()));
        }
        // What a source that is asked hands in comes this way too; whoever asks it tells how it does.
        let Some(Source::Told(told)) = sources.get_mut(name) else { return };
        for key in keys {
            let health = told.fed.entry(key.clone()).or_insert_with(|| SourceHealth::silent(name));
            let before = health.problem.clone();
            change(health);
            tell(key, health, before.as_deref());
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Source>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn does_feed(feeds: &[String], key: &Key) -> bool {
    feeds.is_empty() || feeds.iter().any(|name| name == key.rollout.as_str())
}

/// Logs what is new.
fn tell(key: &Key, health: &SourceHealth, before: Option<&str>) {
    let source = health.name.as_str();
    match health.problem.as_deref() {
        now if now == before => {}
        Some(problem) if health.failures == 0 => {
            tracing::warn!(%key, source, problem, "a push was taken in part");
        }
        Some(problem) => tracing::warn!(%key, source, problem, "a push was turned away"),
        None => tracing::info!(%key, source, "a push was taken again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_793_491_200_000);

    fn key(rollout: &str) -> Key {
        Key::new(rollout.into(), "production".into())
    }

    fn named(healths: &Healths, rollout: &str) -> Vec<String> {
        healths.of(&key(rollout)).into_iter().map(|health| health.name).collect()
    }

    #[test]
    fn a_source_of_the_settings_is_shown_before_anything_was_pushed_and_feeds_whom_they_say() {
        let healths = Healths::default();
        healths.expect("otel", Vec::new());
        healths.expect("alerts", vec!["shop".to_owned()]);
        assert_eq!(named(&healths, "shop"), ["alerts", "otel"]);
        assert_eq!(named(&healths, "till"), ["otel"]);
        let silent = &healths.of(&key("till"))[0];
        assert_eq!((silent.last_snapshot, silent.last_answer, &silent.problem), (None, None, &None));
    }

    #[test]
    fn what_came_in_for_one_rollout_says_nothing_of_another() {
        let healths = Healths::default();
        healths.took("push", &key("shop"), Some(NOW), NOW);
        assert_eq!(healths.of(&key("shop"))[0].last_snapshot, Some(NOW));
        assert_eq!(named(&healths, "till"), Vec::<String>::new());
    }

    #[test]
    fn a_push_that_cannot_be_read_is_shown_where_that_source_is_known_until_one_is_taken() {
        let healths = Healths::default();
        let all = [key("shop"), key("till")];
        healths.heard("push", None, &all, &Heard::Refused("not JSON"), NOW);
        assert_eq!(named(&healths, "shop"), Vec::<String>::new(), "nobody knows whose it was");
        healths.took("push", &key("shop"), Some(NOW), NOW);
        for failures in 1..=2 {
            healths.heard("push", None, &all, &Heard::Refused("not JSON"), NOW);
            let health = healths.of(&key("shop")).remove(0);
            assert_eq!((health.problem.as_deref(), health.failures), (Some("not JSON"), failures));
        }
        healths.took("push", &key("shop"), None, NOW);
        let health = healths.of(&key("shop")).remove(0);
        assert_eq!((health.problem, health.failures, health.last_snapshot), (None, 0, Some(NOW)));
        healths.expect("otel", vec!["till".to_owned()]);
        healths.heard("otel", None, &all, &Heard::Refused("too large"), NOW);
        assert_eq!(healths.of(&key("till"))[0].problem.as_deref(), Some("too large"));
        assert_eq!(named(&healths, "shop"), ["push"]);
    }

    #[test]
    fn a_push_that_was_taken_in_part_is_an_answer_with_a_problem() {
        let healths = Healths::default();
        healths.expect("otel", Vec::new());
        healths.heard("otel", Some(&key("shop")), &[], &Heard::Read(Some("a summary")), NOW);
        let health = healths.of(&key("shop")).remove(0);
        assert_eq!((health.last_answer, health.problem.as_deref(), health.failures), (Some(NOW), Some("a summary"), 0));
    }

    #[test]
    fn what_an_asked_source_hands_in_does_not_make_it_a_pushed_one() {
        let healths = Healths::default();
        let health = SourceHealth { problem: Some("denied".to_owned()), ..SourceHealth::silent("prom") };
        healths.asked(health, Vec::new());
        healths.took("prom", &key("shop"), Some(NOW), NOW);
        healths.heard("prom", None, &[key("shop")], &Heard::Read(None), NOW);
        assert_eq!(healths.of(&key("shop"))[0].problem.as_deref(), Some("denied"));
    }
}

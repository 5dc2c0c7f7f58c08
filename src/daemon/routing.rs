//! Which rollout a snapshot is about.

use std::collections::BTreeMap;

use crate::control::live::why_turned_away;
use crate::ledger::hash::Key;
use crate::model::ids::{Environment, RolloutId};
use crate::model::snapshot::Snapshot;
use crate::model::time::Time;

use super::desk::NotAccepted;

/// Why a push was turned away, and on account of which rollout where that is known.
pub(super) type TurnedAway = (Option<Key>, NotAccepted);

/// The rollouts there are.
pub(super) struct Routes {
    keys: Vec<Key>,
    environment: Environment,
}

impl Routes {
    pub(super) const fn new(keys: Vec<Key>, environment: Environment) -> Routes {
        Routes { keys, environment }
    }

    /// Each snapshot to its rollout, in order; all of them, or none and why.
    pub(super) fn route(
        &self,
        snapshots: Vec<Snapshot>,
        now: Time,
    ) -> Result<BTreeMap<Key, Vec<Snapshot>>, TurnedAway> {
        let mut routed: BTreeMap<Key, Vec<Snapshot>> = BTreeMap::new();
        for snapshot in snapshots {
            let key = self.key_of(&snapshot).map_err(|why| (None, why))?;
            if let Some(why) = why_turned_away(key, &snapshot, now) {
                return Err((Some(key.clone()), NotAccepted::Impossible(why)));
            }
            routed.entry(key.clone()).or_default().push(snapshot);
        }
        Ok(routed)
    }

    fn key_of(&self, snapshot: &Snapshot) -> Result<&Key, NotAccepted> {
        let environment = snapshot.environment.as_deref().map_or_else(|| self.environment.clone(), Environment::new);
        let wanted = snapshot.rollout.as_deref().map(RolloutId::new);
        let mut found = self.keys.iter().filter(|key| {
            key.environment == environment && wanted.as_ref().is_none_or(|wanted| key.rollout == *wanted)
        });
        match (found.next(), found.next(), wanted) {
            (Some(key), None, _) => Ok(key),
            (Some(_), Some(_), _) => Err(NotAccepted::Ambiguous(format!(
                "which rollout? name one: `\"rollout\": ...`; there is {}",
                self.all()
            ))),
            (None, _, Some(wanted)) => Err(NotAccepted::Unknown(format!(
                "no rollout `{wanted}` is governed here in {environment}; there is {}",
                self.all()
            ))),
            (None, _, None) => Err(NotAccepted::Unknown(format!(
                "no rollout is governed here in {environment}; there is {}",
                self.all()
            ))),
        }
    }

    fn all(&self) -> String {
        if self.keys.is_empty() {
            return "none".to_owned();
        }
        self.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(rollouts: &[&str]) -> Routes {
        let keys = rollouts.iter().map(|name| Key::new((*name).into(), "production".into()));
        Routes::new(keys.collect(), "production".into())
    }

    fn snapshot(json: &str) -> Snapshot {
        serde_json::from_str(&format!(r#"{{"time":"2026-11-01T00:00:00Z","groups":{{}}{json}}}"#)).unwrap()
    }

    const NOW: Time = Time::from_millis(1_793_491_200_000);

    #[rstest::rstest]
    #[case::the_only_one(&["shop"], "", Ok("shop"))]
    #[case::named(&["shop", "till"], r#","rollout":"till""#, Ok("till"))]
    #[case::not_named(&["shop", "till"], "", Err("which rollout?"))]
    #[case::unknown(&["shop"], r#","rollout":"shap""#, Err("no rollout `shap`"))]
    #[case::of_another_environment(&["shop"], r#","environment":"staging""#, Err("in staging"))]
    #[case::nothing_is_governed(&[], "", Err("there is none"))]
    fn a_snapshot_goes_to_the_rollout_it_is_about(
        #[case] rollouts: &[&str],
        #[case] fields: &str,
        #[case] expected: Result<&str, &str>,
    ) {
        let routed = routes(rollouts).route(vec![snapshot(fields)], NOW);
        match (routed, expected) {
            (Ok(routed), Ok(name)) => assert_eq!(routed.keys().next().unwrap().rollout.as_str(), name),
            (Err((_, error)), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (routed, _) => panic!("{routed:?}"),
        }
    }

    #[rstest::rstest]
    #[case::at_the_edge("2026-11-01T00:00:30Z", true)]
    #[case::just_beyond("2026-11-01T00:00:30.001Z", false)]
    fn a_snapshot_of_the_future_is_turned_away(#[case] time: &str, #[case] taken: bool) {
        let mut early = snapshot("");
        early.time = Time::parse(time).unwrap();
        let now = Time::parse("2026-11-01T00:00:00Z").unwrap();
        assert_eq!(routes(&["shop"]).route(vec![early], now).is_ok(), taken);
    }

    #[test]
    fn one_bad_snapshot_turns_the_whole_push_away() {
        let pushed = vec![snapshot(""), snapshot(r#","rollout":"nobody""#)];
        assert!(routes(&["shop"]).route(pushed, NOW).is_err());
    }
}

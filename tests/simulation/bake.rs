//! Bake, counted a second time: it is good time, and good is what passes between two looks of one controller that both
//! find nothing against the rollout, for no longer than readings are fresh.

use rollgate::ledger::hash::Key;
use rollgate::model::event::What;
use rollgate::model::state::RolloutState;
use rollgate::model::time::{Duration, Time};

use super::ears::{ERRORS, LATENCY, LOAD};
use super::laws::View;
use super::node::{EARLY, Node};
use super::policies::{MAX_AGE, P0};
use super::world::{World, key};

/// Stretches of true time, apart from one another, the earliest first.
#[derive(Debug, Default)]
pub struct Stretches(Vec<(i64, i64)>);

impl Stretches {
    /// Adds a stretch. What two controllers found good at the same time is good once.
    pub fn add(&mut self, from: i64, to: i64) {
        self.0.push((from, to));
        self.0.sort_unstable();
        let mut apart: Vec<(i64, i64)> = Vec::new();
        for (from, to) in self.0.drain(..) {
            match apart.last_mut() {
                Some((_, until)) if from <= *until => *until = to.max(*until),
                _ => apart.push((from, to)),
            }
        }
        self.0 = apart;
    }

    /// How long they are together.
    pub fn length(&self) -> i64 {
        self.0.iter().map(|(from, to)| to - from).sum()
    }
}

/// What a look of a controller can say of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It surely tests everything: what it finds against the rollout, it finds.
    Surely,
    /// It may test everything now, before or after what it is given changes anything, or may not.
    Perhaps,
}

/// For so long a rollout may be left alone and the time count as good: as long as readings are fresh, and without end
/// where a mute leaves none to look at.
fn longest(state: &RolloutState) -> i64 {
    if state.mutes.is_empty() { MAX_AGE } else { i64::MAX }
}

impl World {
    /// Somebody's clock jumps ahead: what it skips while everything looks well counts as good time.
    pub fn clock_skips(&mut self, jump: i64) {
        for book in self.oracle.books.values_mut() {
            book.slack += jump.clamp(0, longest(&book.state));
        }
    }

    /// `node` looks at a rollout by what it has heard so far, as of when it was given what it deals with.
    pub fn looks(&mut self, node: usize, rollout: usize, look: Look) {
        let (key, now) = (key(rollout), self.nodes[node].given_at);
        let state = &self.oracle.books[&key].state;
        let (good, longest) = (self.finds_nothing(node, state), longest(state));
        let of = &mut self.nodes[node];
        of.entered[rollout] = of.entered[rollout].min(of.time_of(rollout, of.acting_at));
        let since = of.saw_good[rollout];
        if good || look == Look::Surely {
            of.saw_good[rollout] = good.then_some(now);
        }
        if let Some(since) = since.filter(|_| good) {
            self.oracle.book(&key).good.add(since.max(now.saturating_sub(longest)), now);
        }
    }

    /// `node` enters a stage: nobody has seen it yet.
    pub fn everybody_looks_anew(&mut self, node: usize, key: &Key) {
        let now = self.now;
        let shapes = self.plan.shapes.iter().enumerate().filter(|(_, shape)| super::world::key(shape.rollout) == *key);
        for (rollout, _) in shapes {
            for of in &mut self.nodes {
                of.saw_good[rollout] = None;
                let wall = if of.nth == node { of.acting_at } else { of.wall(now) };
                of.entered[rollout] = of.time_of(rollout, wall);
            }
        }
    }

    /// A person's word is recorded: as of when it was given, whoever carried it out looks again.
    pub fn looks_after_an_order(&mut self, node: usize, key: &Key, what: &What) {
        let is_word = matches!(what, What::Ordered { .. } | What::Muted { .. } | What::Unmuted { .. });
        for rollout in 0..self.plan.shapes.len() {
            if is_word && super::world::key(self.plan.shapes[rollout].rollout) == *key {
                self.looks(node, rollout, Look::Perhaps);
            }
        }
    }

    /// Whether nothing that `node` heard is known to stand against the rollout. It may be less strict than the policy.
    fn finds_nothing(&self, node: usize, state: &RolloutState) -> bool {
        let stands = state.applied_at.is_some() && state.paused.is_none() && state.latch.is_none();
        let wall = self.nodes[node].acting_at.as_millis();
        let views = self.views(node, state, wall);
        stands && (!state.mutes.is_empty() || !views.is_empty() && views.iter().all(is_good))
    }

    /// The bake that is claimed is no more than the good time there was.
    pub fn bake_is_served(&mut self, key: &Key, claimed: i64, how: &str) {
        let book = self.oracle.book(key);
        let most = book.good.length() + book.slack + 50;
        if claimed > most {
            self.violated(format!("{key}: {claimed}ms of bake ({how}), and at most {most}ms were good"));
        }
    }
}

fn is_good(view: &View<'_>) -> bool {
    let is_back = view.state.latched_regions.keys().any(|name| name.as_str() == view.region);
    let good = |series: usize| {
        view.ear.last(series).is_some_and(|heard| {
            let fresh = view.now - heard.observed.as_millis() <= MAX_AGE + 1000;
            fresh && heard.value.is_some_and(|value| series != ERRORS || value <= P0)
        })
    };
    is_back || [ERRORS, LATENCY, LOAD].into_iter().filter(|series| view.needs(*series)).all(good)
}

impl Node {
    /// The time a rollout's controller goes by: it does not go back with a clock that does, unless that is set back by
    /// much.
    fn time_of(&self, rollout: usize, wall: Time) -> Time {
        let high = Time::from_millis(self.high[rollout]);
        if high.since(wall) > Duration::from_millis(EARLY) { wall } else { wall.max(high) }
    }
}

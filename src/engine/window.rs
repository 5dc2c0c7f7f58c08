//! Runs: how long, or how often, a check has been broken, and how it clears.
//!
//! Only *observations* move a run. Re-reading an old value adds nothing, unknown neither extends nor ends a run, and
//! a hole longer than `max_age` ends it.

use crate::model::finding::{FindingState, Progress};
use crate::model::reading::Truth;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::Window;

/// The last observations of one check in one region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Fired, and not cleared since.
    fired: bool,
    /// The newest known observation was a breach.
    newest_breach: bool,
    /// Nothing observed up to here counts: the stage was entered then.
    since: Time,
    /// The newest observation that was looked at, known or not.
    seen: Time,
    /// Fired by late evidence, and nobody was shown it yet.
    late_fired: bool,
    /// Some observation was looked at since the stage was entered.
    looked: bool,
    /// The newest known observation.
    known: Time,
    /// The newest known observation that was not a breach.
    known_ok: Time,
    /// Towards firing.
    breaches: Streak,
    /// Towards clearing.
    oks: Streak,
}

/// A streak of equal answers: as a run in time, and as a ring of bits.
#[derive(Debug, Clone, Copy, Default)]
struct Streak {
    count: u32,
    first: Time,
    last: Time,
    /// Newest answer in bit 0.
    ring: u64,
    /// How many bits of the ring are filled.
    filled: u32,
}

impl Streak {
    /// Adds a known answer: whether it is of this streak's kind.
    #[inline]
    fn push(&mut self, yes: bool, at: Time) {
        self.ring = self.ring << 1 | u64::from(yes);
        self.filled = self.filled.saturating_add(1).min(u64::BITS);
        if !yes {
            self.count = 0;
            return;
        }
        if self.count == 0 {
            self.first = at;
        }
        self.count = self.count.saturating_add(1);
        self.last = at;
    }

    /// How many of the last `n` answers are of this kind.
    #[inline]
    const fn of_last(&self, n: u32) -> u32 {
        let mask = if n >= u64::BITS { u64::MAX } else { (1 << n) - 1 };
        (self.ring & mask).count_ones()
    }

    /// Whether the streak is as long as `window` asks. The newest answer must be of its kind.
    #[inline]
    fn fulfils(&self, window: Window) -> bool {
        match window {
            Window::First => self.count > 0,
            Window::For(length) => self.count >= 2 && self.last.since(self.first) >= length,
            Window::Of { k, n } => self.ring & 1 == 1 && self.of_last(n) >= k,
        }
    }

    /// How far it has come, where there is anything to say.
    fn progress(&self, window: Window) -> Option<Progress> {
        match window {
            Window::First => None,
            Window::For(of) => {
                let done = if self.count == 0 { Duration::ZERO } else { self.last.since(self.first) };
                Some(Progress::Time { done: done.min(of), of })
            }
            Window::Of { k, n } => Some(Progress::Count { done: self.of_last(n).min(k), of: k }),
        }
    }
}

impl Run {
    /// Nothing observed. A gate starts closed; everything else starts ok.
    pub(crate) const fn new(gate: bool, seen: Time) -> Run {
        const NONE: Streak = Streak { count: 0, first: Time::NEVER, last: Time::NEVER, ring: 0, filled: 0 };
        Run {
            fired: gate,
            newest_breach: false,
            since: seen,
            seen,
            late_fired: false,
            looked: false,
            known: Time::NEVER,
            known_ok: Time::NEVER,
            breaches: NONE,
            oks: NONE,
        }
    }

    /// What was observed later than `since` counts after all.
    pub(crate) fn count_since(&mut self, since: Time) {
        self.since = self.since.min(since);
        if !self.looked {
            self.seen = self.seen.min(since);
        }
    }

    /// The newest observation that was looked at.
    #[inline]
    pub(crate) const fn seen(&self) -> Time {
        self.seen
    }

    /// Whether the check is fired and its newest known observation is a breach.
    #[inline]
    pub(crate) const fn is_firing(&self) -> bool {
        self.fired && self.newest_breach
    }

    /// Whether late evidence fired the check since this was asked last: it is shown before anything newer is looked at,
    /// or else a fresh ok in the same frame would hide it.
    #[inline]
    pub(crate) const fn take_late_firing(&mut self) -> bool {
        std::mem::replace(&mut self.late_fired, false)
    }

    /// Whether a breach said of `observed`, which was looked at before, is news. Of a bound that is so when nothing could
    /// be told at the first look; of a script also when one of the readings behind it was replaced by a worse one.
    #[inline]
    pub(crate) fn is_revised(&self, observed: Time, script: bool) -> bool {
        let told = self.known == observed;
        self.looked && observed == self.seen && if told { script && !self.newest_breach } else { true }
    }

    /// Looks at one new observation.
    #[inline]
    pub(crate) fn observe(&mut self, truth: Truth, at: Time, window: Window, clear: Window, max_age: Duration) {
        (self.seen, self.looked) = (at, true);
        let breach = match truth {
            Truth::Unknown(_) => return,
            Truth::Breach => true,
            Truth::Ok => false,
        };
        self.end_after_hole(at, max_age);
        self.known = at;
        self.newest_breach = breach;
        if !breach {
            self.known_ok = at;
        }
        self.breaches.push(breach, at);
        if !self.fired {
            if breach && self.breaches.fulfils(window) {
                self.fired = true;
                self.oks = Streak::default();
            }
            return;
        }
        self.oks.push(!breach, at);
        if !breach && self.oks.fulfils(clear) {
            self.fired = false;
            self.breaches = Streak::default();
        }
    }

    /// Ends what was counting when no known reading came for longer than `max_age`. A fired check stays fired:
    /// unknown never clears.
    #[inline]
    pub(crate) fn end_after_hole(&mut self, now: Time, max_age: Duration) {
        if self.known > Time::NEVER && now.since(self.known) > max_age {
            self.breaches = Streak::default();
            self.oks = Streak::default();
        }
    }

    /// The instant at which a hole would end what counts towards firing; never, when nothing does.
    ///
    /// That is not always when the reading turns stale: a late breach may keep a run pending beside a newer ok.
    #[inline]
    pub(crate) fn ends_at(&self, max_age: Duration) -> Time {
        let counts = !self.fired && self.breaches.count > 0;
        if counts { self.known + max_age + Duration::from_millis(1) } else { Time::FOREVER }
    }

    /// A breach that came late (`at` is older than the newest observation) or that replaced a milder value of the
    /// newest instant. It may start or extend a breach; it never clears one.
    /// Of what was observed before the stage was entered it says nothing, whenever it comes.
    pub(crate) fn observe_late_breach(&mut self, at: Time, window: Window, max_age: Duration) {
        if at <= self.since && self.since > Time::NEVER {
            return;
        }
        let newest = at >= self.known;
        // Nothing known is newer (what came since was unknown): it is the next observation like any other.
        let next = at > self.known;
        if next {
            self.end_after_hole(at, max_age);
        }
        let streak = &mut self.breaches;
        match window {
            _ if next => streak.push(true, at),
            Window::First => streak.count = streak.count.max(1),
            Window::For(_) => {
                if newest && streak.count == 0 {
                    (streak.count, streak.first, streak.last) = (1, at, at);
                } else if streak.count > 0
                    && at < streak.first
                    && at > self.known_ok
                    && streak.first.since(at) <= max_age
                {
                    streak.count = streak.count.saturating_add(1);
                    streak.first = at;
                }
            }
            // Behind the newest answer, or in its place.
            Window::Of { .. } if newest => streak.ring |= 1,
            Window::Of { .. } => {
                streak.ring = (streak.ring >> 1) << 2 | 0b10 | (streak.ring & 1);
                streak.filled = streak.filled.saturating_add(1).min(u64::BITS);
            }
        }
        if newest {
            self.newest_breach = true;
            self.known = at;
            self.oks = Streak::default();
        }
        if self.breaches.fulfils(window) {
            self.fired = true;
            self.newest_breach = true;
            self.late_fired = true;
            self.oks = Streak::default();
        }
    }

    /// Where the check stands, given what its reading says right now.
    #[inline]
    pub(crate) const fn state(&self, truth: Truth, gate: bool) -> FindingState {
        match (self.fired, truth) {
            (true, Truth::Unknown(_)) if gate => FindingState::Unknown,
            (true, _) if self.newest_breach => FindingState::Firing,
            (true, _) => FindingState::Clearing,
            (false, Truth::Unknown(_)) => FindingState::Unknown,
            // Broken but not observed in this stage yet still counts against it.
            (false, Truth::Breach) => FindingState::Pending,
            (false, Truth::Ok) if self.breaches.count > 0 => FindingState::Pending,
            (false, Truth::Ok) => FindingState::Ok,
        }
    }

    /// How far it has come: towards clearing when fired, else towards firing when something is broken.
    pub(crate) fn progress(&self, window: Window, clear: Window) -> Option<Progress> {
        if self.fired && !self.newest_breach {
            return self.oks.progress(clear);
        }
        // A check that breaks again while it clears fires at once: its new run says nothing.
        let counts = if self.fired { self.breaches.fulfils(window) } else { self.breaches.count > 0 };
        if counts { self.breaches.progress(window) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reading::Unknown;

    const STALE: Truth = Truth::Unknown(Unknown::Stale);
    const MAX_AGE: Duration = Duration::from_secs(150);

    /// Feeds one letter a minute: `b`reach, `o`k, `u`nknown, `_` nothing; returns the state letters.
    fn feed(window: Window, clear: Window, letters: &str) -> String {
        let mut run = Run::new(false, Time::NEVER);
        let mut truth = STALE;
        let mut states = String::new();
        for (minute, letter) in letters.chars().enumerate() {
            let at = Time::from_millis(minute as i64 * 60_000);
            truth = match letter {
                'b' => Truth::Breach,
                'o' => Truth::Ok,
                'u' => STALE,
                _ => truth,
            };
            if letter == '_' {
                run.end_after_hole(at, MAX_AGE)
            } else {
                run.observe(truth, at, window, clear, MAX_AGE)
            }
            states.push(match run.state(truth, false) {
                FindingState::Ok => 'o',
                FindingState::Pending => 'p',
                FindingState::Firing => 'F',
                FindingState::Clearing => 'c',
                FindingState::Unknown => 'u',
                FindingState::NotApplicable => 'n',
            });
        }
        states
    }

    const FIVE: Window = Window::Of { k: 5, n: 5 };
    const TWO_MINUTES: Window = Window::For(Duration::from_mins(2));

    #[rstest::rstest]
    #[case::first_breach_fires(Window::First, "ob", "oF")]
    #[case::two_minutes_need_two_minutes(TWO_MINUTES, "obbb", "oppF")]
    #[case::ok_ends_the_run(TWO_MINUTES, "bbobb", "ppopp")]
    #[case::unknown_neither_extends_nor_ends(TWO_MINUTES, "bub", "puF")]
    #[case::a_hole_longer_than_max_age_ends_it(TWO_MINUTES, "b___bb", "pppppp")]
    #[case::three_of_five(Window::Of { k: 3, n: 5 }, "bobob", "popoF")]
    #[case::three_of_five_needs_the_newest(Window::Of { k: 3, n: 5 }, "bboob", "ppooF")]
    #[case::older_than_five_do_not_count(Window::Of { k: 3, n: 5 }, "bbooob", "ppooop")]
    #[case::may_fire_before_five_are_seen(Window::Of { k: 3, n: 5 }, "bbb", "ppF")]
    fn runs(#[case] window: Window, #[case] letters: &str, #[case] states: &str) {
        assert_eq!(feed(window, FIVE, letters), states.replace(' ', ""));
    }

    #[rstest::rstest]
    #[case::five_ok_in_a_row(FIVE, "booooo", "Fcccco")]
    #[case::a_breach_starts_the_count_again(FIVE, "boobooooo", "FccFcccco")]
    #[case::unknown_never_clears(FIVE, "boouooo", "Fccccco")]
    #[case::a_hole_starts_clearing_again(FIVE, "boo___oooo", "Fccccccccc")]
    #[case::a_duration_clears_like_it_fires(TWO_MINUTES, "booo", "Fcco")]
    fn clearing(#[case] clear: Window, #[case] letters: &str, #[case] states: &str) {
        assert_eq!(feed(Window::First, clear, letters), states);
    }

    #[test]
    fn a_duration_shorter_than_the_step_means_two_in_a_row() {
        assert_eq!(feed(Window::For(Duration::from_secs(10)), FIVE, "bb"), "pF");
    }

    #[test]
    fn a_late_breach_extends_a_run_backwards_but_a_late_ok_is_never_shown_to_it() {
        let minute = |m: i64| Time::from_millis(m * 60_000);
        let mut run = Run::new(false, Time::NEVER);
        run.observe(Truth::Breach, minute(2), TWO_MINUTES, FIVE, MAX_AGE);
        run.observe(Truth::Breach, minute(3), TWO_MINUTES, FIVE, MAX_AGE);
        assert!(!run.is_firing());
        run.observe_late_breach(minute(1), TWO_MINUTES, MAX_AGE);
        assert!(run.is_firing());
    }

    #[test]
    fn a_gate_starts_closed_and_opens_when_it_has_held() {
        let mut run = Run::new(true, Time::NEVER);
        assert_eq!(run.state(STALE, true), FindingState::Unknown);
        run.observe(Truth::Ok, Time::from_millis(0), Window::First, Window::Of { k: 1, n: 1 }, MAX_AGE);
        assert_eq!(run.state(Truth::Ok, true), FindingState::Ok);
    }
}

//! What a person may order, and what is refused. Every order ends as an event, carried out or refused.

use crate::model::decision::Answer;
use crate::model::event::What;
use crate::model::ids::{Actor, CheckId, Revision, Role, StageName};
use crate::model::operator::{Order, Verb};
use crate::model::severity::Severity;
use crate::model::time::Time;
use crate::policy::compiled::StageIx;

use super::machine::{Machine, Output};
use super::planner::plan;

impl Machine {
    /// Carries an order out, or says why not.
    pub(crate) fn order(&mut self, order: Order, output: &mut Output) {
        output.changed = true;
        let verb = order.verb.name();
        let (by, reason) = (order.actor, order.reason);
        if reason.trim().is_empty() {
            return self.refuse(verb, by, reason, "a reason is needed", output);
        }
        match order.verb {
            Verb::Start { revision } => self.start(revision, by, reason, output),
            Verb::Advance => self.ordered_advance(by, reason, output),
            Verb::Hold { until } => self.carry_out(verb, by, reason, until, output),
            Verb::Pause => self.carry_out(verb, by, reason, None, output),
            Verb::Resume => self.resume(by, reason, output),
            Verb::Approve { role } => self.approve(role, by, reason, output),
            Verb::RollBack { to } => self.ordered_roll_back(to, by, reason, output),
            Verb::Emergency => {
                let because = format!("emergency by {by}: {reason}");
                self.take_everything_back(StageIx(0), true, because, output);
            }
            Verb::Mute { check, until, force } => self.mute(check, until, force, by, reason, output),
            Verb::Unmute { check } => {
                self.emit(What::Unmuted { check, by: Some(by) }, output);
                self.mark_acting_rows();
                self.evaluate(true, output);
            }
        }
    }

    fn refuse(&mut self, verb: &str, by: Actor, reason: String, why: &str, output: &mut Output) {
        self.emit(What::Refused { verb: verb.to_owned(), by, reason, why: why.to_owned() }, output);
    }

    fn carry_out(&mut self, verb: &str, by: Actor, reason: String, until: Option<Time>, output: &mut Output) {
        self.emit(What::Ordered { verb: verb.to_owned(), by, reason, until }, output);
        self.evaluate(true, output);
    }

    fn start(&mut self, revision: Revision, by: Actor, reason: String, output: &mut Output) {
        let Some(stage) = self.policy().stage(StageIx(0)).map(|stage| stage.name.clone()) else { return };
        if let Some(policy) = self.waiting_policy_for(StageIx(0), output) {
            self.put_in_force(policy, output);
        }
        let was_unexposed = self.stage().is_some_and(crate::policy::compiled::Stage::is_unexposed);
        self.emit(What::Started { revision, stage, by, reason }, output);
        let first_is_exposed = self.policy().stage(StageIx(0)).is_some_and(|stage| !stage.is_unexposed());
        if first_is_exposed && was_unexposed && !self.evidence.reservoirs.is_empty() {
            let baselines = self.evidence.reservoirs.freeze(self.policy(), self.now());
            self.emit(What::BaselineFrozen { baselines }, output);
        }
        self.enter_stage();
        output.plan = plan(self.policy(), self.state(), false);
        self.evaluate(false, output);
    }

    /// Skips patience (bake, freeze, a hold), never evidence: findings, unknowns, gates and approvals still stand.
    fn ordered_advance(&mut self, by: Actor, reason: String, output: &mut Output) {
        self.ordered = Some((by.clone(), reason.clone()));
        self.evaluate(true, output);
        self.ordered = None;
        if self.answer() != Answer::Advance {
            let why = self.decision().verdict.headline();
            // What an order skips is not what stopped it: name the first guard that does not yield.
            let why = self.first_unyielding_wait().unwrap_or(why);
            self.refuse("advance", by, reason, &why, output);
        }
    }

    fn first_unyielding_wait(&self) -> Option<String> {
        let mut found = None;
        let _: std::ops::ControlFlow<()> = self.guards(&mut |guard| {
            if guard.yields_to_a_person() {
                return std::ops::ControlFlow::Continue(());
            }
            found = Some(self.wait(guard).to_string());
            std::ops::ControlFlow::Break(())
        });
        found
    }

    fn resume(&mut self, by: Actor, reason: String, output: &mut Output) {
        let state = self.state();
        let was_latched = state.latch.is_some() || !state.latched_regions.is_empty();
        if !was_latched && state.paused.is_none() && state.held.is_none() {
            return self.refuse("resume", by, reason, "nothing is latched, paused or held", output);
        }
        self.emit(What::Ordered { verb: "resume".to_owned(), by, reason, until: None }, output);
        if was_latched {
            self.enter_stage();
            output.plan = plan(self.policy(), self.state(), false);
        }
        self.evaluate(!was_latched, output);
    }

    fn approve(&mut self, role: Role, by: Actor, reason: String, output: &mut Output) {
        let wanted = self.stage().and_then(|stage| stage.approvals.as_ref());
        if !wanted.is_some_and(|wanted| wanted.roles.is_empty() || wanted.roles.contains(&role)) {
            let why = format!("stage {} asks for no approval by {role}", self.state().stage);
            return self.refuse("approve", by, reason, &why, output);
        }
        self.emit(What::Approved { role, by, reason }, output);
        self.evaluate(true, output);
    }

    fn ordered_roll_back(&mut self, to: Option<StageName>, by: Actor, reason: String, output: &mut Output) {
        let target = match &to {
            None => self.stage().map(|stage| stage.rollback_to),
            Some(name) => self.policy().find_stage(name.as_str()),
        };
        let lowest = self.stage_ix == StageIx(0);
        let because = format!("ordered by {by}: {reason}");
        match target {
            Some(target) if target < self.stage_ix || lowest && target == self.stage_ix => {
                self.take_everything_back(target, false, because, output);
            }
            Some(_) => self.refuse("roll back", by, reason, "a roll back goes to a lower stage", output),
            None => {
                let why = format!("there is no stage {}", to.map_or_else(String::new, |name| name.to_string()));
                self.refuse("roll back", by, reason, &why, output);
            }
        }
    }

    /// Rolls back by order; beats every other decision and needs no evidence.
    fn take_everything_back(&mut self, to: StageIx, emergency: bool, because: String, output: &mut Output) {
        let to = to.min(self.stage_ix);
        let Some(to) = self.policy().stage(to).map(|stage| stage.name.clone()) else { return };
        let (from, generation) = (self.state().stage.clone(), self.state().generation.next());
        self.emit(What::RolledBack { from, to, generation, check: None, emergency, because }, output);
        self.enter_stage();
        output.plan = plan(self.policy(), self.state(), emergency);
        self.evaluate(false, output);
    }

    fn mute(&mut self, check: CheckId, until: Time, force: bool, by: Actor, reason: String, output: &mut Output) {
        let known = self.policy().find_check(check.as_str()).and_then(|ix| self.policy().check(ix));
        let why = match known {
            None => Some(format!("there is no check {check}")),
            Some(_) if until <= self.now() => Some("a mute needs an end in the future".to_owned()),
            Some(known) if known.severity == Severity::P0 && !force => Some("a P0 is muted only with force".to_owned()),
            Some(_) => None,
        };
        if let Some(why) = why {
            return self.refuse("mute", by, reason, &why, output);
        }
        self.emit(What::Muted { check, until, by, reason }, output);
        self.mark_acting_rows();
        self.evaluate(true, output);
    }

    /// Ends mutes that have run out.
    pub(crate) fn end_mutes(&mut self, output: &mut Output) {
        if self.state().mutes.is_empty() {
            return;
        }
        let now = self.now();
        let over: Vec<CheckId> =
            self.state().mutes.iter().filter(|(_, mute)| mute.until <= now).map(|(check, _)| check.clone()).collect();
        if over.is_empty() {
            return;
        }
        for check in over {
            self.emit(What::Unmuted { check, by: None }, output);
        }
        self.mark_acting_rows();
        output.changed = true;
    }
}

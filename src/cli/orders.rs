//! The orders a person gives a rollout: one struct per verb, each a thin coat over the engine's.

use clap::Args;

use crate::control::Command;
use crate::model::ids::{CheckId, Role, StageName};
use crate::model::operator::{Order, Verb};
use crate::model::time::{Duration, Time};
use crate::shell::{clock, operator};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::operate::{How, Target, matching};

/// Which rollout.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// The rollout; not needed while the store has only one
    pub rollout: Option<String>,
}

macro_rules! plain_order {
    ($(#[$doc:meta])* $name:ident, $verb:expr) => {
        $(#[$doc])*
        #[derive(Debug, Args)]
        pub struct $name {
            #[command(flatten)]
            which: Which,
            #[command(flatten)]
            how: How,
        }

        impl $name {
            pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
                self.how.give(self.which.rollout.as_deref(), $verb, console)
            }
        }
    };
}

plain_order! {
    /// Go up one stage without waiting for the rest of the bake.
    ///
    /// Skips patience, never evidence: what is unknown, breached, gated or not approved still holds it. Without a
    /// controller nothing is known, so a stage that watches any metric is not left by this command alone.
    Advance, Verb::Advance
}
plain_order! {
    /// Stop, and stop counting the bake, until `resume`.
    Pause, Verb::Pause
}
plain_order! {
    /// End a hold, a pause, or a roll back's latch; after a latch the bake starts from zero.
    Resume, Verb::Resume
}

/// Do not advance for a while; the bake goes on counting.
#[derive(Debug, Args)]
pub struct Hold {
    #[command(flatten)]
    which: Which,
    /// Until then [default: until `resume`]
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "for_")]
    until: Option<Time>,
    /// For that long
    #[arg(long = "for", id = "for_", value_name = "DURATION", value_parser = duration)]
    for_: Option<Duration>,
    #[command(flatten)]
    how: How,
}

impl Hold {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let until = end(self.until, self.for_)?;
        self.how.give(self.which.rollout.as_deref(), Verb::Hold { until }, console)
    }
}

/// Record an approval for leaving the current stage.
#[derive(Debug, Args)]
pub struct Approve {
    #[command(flatten)]
    which: Which,
    /// In which role
    #[arg(long, value_name = "ROLE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    role: String,
    #[command(flatten)]
    how: How,
}

impl Approve {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let role = Role::new(&self.role);
        self.how.give(self.which.rollout.as_deref(), Verb::Approve { role }, console)
    }
}

/// Take the exposure back; it stays back until `resume` or a new `start`.
///
/// Needs no data, no controller and no policy that compiles. When the store refuses, the order waits in a file beside it.
#[derive(Debug, Args)]
pub struct Rollback {
    #[command(flatten)]
    which: Which,
    /// To this lower stage [default: where the policy says]
    #[arg(long, value_name = "STAGE")]
    to: Option<String>,
    #[command(flatten)]
    how: How,
}

impl Rollback {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let to = self.to.as_deref().map(StageName::new);
        self.how.give(self.which.rollout.as_deref(), Verb::RollBack { to }, console)
    }
}

/// Everything off, now: beats every other decision.
#[derive(Debug, Args)]
pub struct EmergencyDisable {
    #[command(flatten)]
    which: Which,
    /// Every rollout in the store
    #[arg(long, conflicts_with = "rollout")]
    all: bool,
    #[command(flatten)]
    how: How,
}

impl EmergencyDisable {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        if !self.all {
            return self.how.give(self.which.rollout.as_deref(), Verb::Emergency, console);
        }
        let (actor, reason) = self.how.who.get()?;
        let order = Order { actor: actor.clone(), reason: reason.clone(), verb: Verb::Emergency };
        let everything = Command::order(order, operator::token());
        let refused = |error| self.how.refused_by_store(Target::All, &everything, error);
        let unreached = |why| self.how.not_reached(Target::All, &everything, why);
        let reach = self.how.at.reach(false, console).map_err(unreached)?;
        let keys = reach.ask(|operate| operate.rollouts()).map_err(refused)?;
        let mut worst = Exit::Nothing;
        let mut first_error = None;
        for key in matching(keys, None, self.how.environment.as_deref()) {
            let order = Order { actor: actor.clone(), reason: reason.clone(), verb: Verb::Emergency };
            // One that fails must not keep the others exposed.
            match self.how.carry_out(&reach, &key, &Command::order(order, operator::token()), console) {
                Ok(exit) if worst == Exit::Nothing || exit > worst => worst = exit,
                Ok(_) => {}
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(worst), Err)
    }
}

/// Leave a check out of decisions for a while.
#[derive(Debug, Args)]
pub struct Mute {
    /// The check, as findings name it: `error_rate.p1`
    check: String,
    #[command(flatten)]
    which: Which,
    /// Until then
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "for_", required_unless_present = "for_")]
    until: Option<Time>,
    /// For that long
    #[arg(long = "for", id = "for_", value_name = "DURATION", value_parser = duration)]
    for_: Option<Duration>,
    /// Mute even a P0
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    how: How,
}

impl Mute {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let Some(until) = end(self.until, self.for_)? else {
            return Err(Failure::new(Exit::Usage, "a mute needs an end").help("--for 30m, or --until TIME").into());
        };
        let verb = Verb::Mute { check: CheckId::new(&self.check), until, force: self.force };
        self.how.give(self.which.rollout.as_deref(), verb, console)
    }
}

/// End a mute early.
#[derive(Debug, Args)]
pub struct Unmute {
    /// The check
    check: String,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
}

impl Unmute {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let check = CheckId::new(&self.check);
        self.how.give(self.which.rollout.as_deref(), Verb::Unmute { check }, console)
    }
}

/// When something that was ordered ends.
fn end(until: Option<Time>, length: Option<Duration>) -> anyhow::Result<Option<Time>> {
    let now = clock::now();
    // To the next whole second: nobody holds to the millisecond, and the ledger reads better.
    let whole = |end: Time| Time::from_millis(end.as_millis().div_euclid(1000).saturating_add(1).saturating_mul(1000));
    let end = until.or_else(|| length.map(|length| whole(now + length)));
    match end {
        Some(end) if end <= now => {
            let failure = Failure::new(Exit::Usage, format!("`{end}` is in the past"));
            Err(failure.help(format!("it is {now}; --for 30m counts from now")).into())
        }
        end => Ok(end),
    }
}

/// Reads a time.
pub(super) fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).map_err(|error| error.to_string())
}

/// Reads a duration.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    Duration::parse(text).map_err(|error| error.to_string())
}

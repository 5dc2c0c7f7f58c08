//! What every operating command shares: which store, which rollout, who and why; and what happens when a store refuses.

use clap::Args;

use crate::control::{Ask, Command, Direct, OperateError, Outcome, spooled};
use crate::ledger::hash::Key;
use crate::model::ids::{Actor, Environment, RolloutId};
use crate::model::operator::{Order, Verb};
use crate::ports::actuator::Actuator;
use crate::ports::spool::{Spool, Spooled};
use crate::ports::store::{Store, StoreError};
use crate::report::json::Envelope;
use crate::report::layout::hang;
use crate::report::operated::{self, Operated};
use crate::report::screen::{ATTENTION, BAD, paint};
use crate::shell::{clock, operator, store};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::global::{self, Output};
use super::home::WhichStore;
use super::reach::{Reach, Unreachable, Where};

/// Who gives an order, and why.
#[derive(Debug, Clone, Args)]
pub struct Who {
    /// Why, for whoever reads the ledger later
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub reason: String,
    /// Who gives the order [default: the login name]
    #[arg(long, value_name = "NAME", visible_aliases = ["triggered-by", "updated-by"], env = "ROLLGATE_BY")]
    pub by: Option<String>,
}

/// How an order is given.
#[derive(Debug, Clone, Args)]
pub struct How {
    /// Who, and why.
    #[command(flatten)]
    pub who: Who,
    /// Where it goes.
    #[command(flatten)]
    pub at: Where,
    /// Environment [default: the one there is; to begin with, production]
    #[arg(short, long, value_name = "NAME", env = "ROLLGATE_ENVIRONMENT")]
    pub environment: Option<String>,
    /// Say what would happen, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Shape of the report [default: pretty, or plain with --plain]
    #[arg(long, value_enum, value_name = "SHAPE")]
    pub output: Option<Output>,
}

impl Who {
    /// Who it is, and why.
    ///
    /// # Errors
    /// No name can be found, or the reason is blank.
    pub fn get(&self) -> anyhow::Result<(Actor, String)> {
        let reason = self.reason.trim();
        if reason.is_empty() {
            return Err(Failure::new(Exit::Usage, "a reason is needed")
                .help("--reason \"why, in a few words\"")
                .into());
        }
        let named = self.by.as_deref().map(str::trim).filter(|name| !name.is_empty()).map(Actor::new);
        let actor = named.or_else(operator::login).ok_or_else(|| {
            Failure::new(Exit::Usage, "who gives this order? the environment has no login name").help("--by NAME")
        })?;
        Ok((actor, reason.to_owned()))
    }
}

/// Which rollouts an order is for, as far as that is known without a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// The one of that name, or the only one.
    Named(Option<&'a str>),
    /// Every one.
    All,
}

/// A store that is open, with the spool beside it.
pub struct Session {
    /// The store.
    pub store: Box<dyn Store>,
    /// Its spool.
    pub spool: Box<dyn Spool>,
    actuator: Box<dyn Actuator>,
}

impl Session {
    /// Opens a store to look into it.
    ///
    /// # Errors
    /// The store's.
    pub fn look(which: &WhichStore, create: bool) -> Result<Session, StoreError> {
        let home = which.home();
        let store = home.open(create)?;
        let spool = home.spool().unwrap_or_else(|| store::spool(home.announced()));
        Ok(Session { store, spool, actuator: store::actuator() })
    }

    /// Opens a store to work on it: first, whatever waited or was left undone is carried out.
    ///
    /// # Errors
    /// The store's.
    pub fn work(which: &WhichStore, create: bool, console: &mut Console) -> Result<Session, OperateError> {
        let session = Session::look(which, create)?;
        let now = clock::now();
        let mut told = spooled::replay(&session.direct(), session.spool.as_ref(), now)?;
        told.extend(session.direct().settle(now)?);
        for line in told {
            // Nobody is left to tell when stderr itself is gone.
            drop(console.say(format!("{} {}", paint(ATTENTION, "first:"), hang(&line, console.screen.width, 7))));
        }
        Ok(session)
    }

    /// Commands on it.
    #[must_use]
    pub fn direct(&self) -> Direct<'_> {
        Direct::new(self.store.as_ref(), self.actuator.as_ref())
    }
}

/// The rollouts that match the names given.
#[must_use]
pub fn matching(keys: Vec<Key>, rollout: Option<&str>, environment: Option<&str>) -> Vec<Key> {
    let wanted = |key: &Key| {
        rollout.is_none_or(|name| key.rollout.as_str() == name)
            && environment.is_none_or(|name| key.environment.as_str() == name)
    };
    keys.into_iter().filter(wanted).collect()
}

/// The one rollout that is meant.
///
/// # Errors
/// None or several match.
pub fn choose(keys: Vec<Key>, rollout: Option<&str>, environment: Option<&str>) -> anyhow::Result<Key> {
    let listed = |keys: &[Key]| keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let all = listed(&keys);
    let mut found = matching(keys, rollout, environment);
    match (found.pop(), found.is_empty()) {
        (Some(key), true) => Ok(key),
        (None, _) => {
            let place = environment.map_or_else(String::new, |name| format!(" in {name}"));
            let name = rollout.map_or_else(|| "nothing".to_owned(), |name| format!("no rollout `{name}`"));
            let failure = Failure::new(Exit::Usage, format!("{name} was ever started{place}"));
            let help = if all.is_empty() { "begin with: rollgate start".to_owned() } else { format!("there is {all}") };
            Err(failure.help(help).into())
        }
        (Some(last), false) => {
            found.push(last);
            let failure = Failure::new(Exit::Usage, "which rollout? the store has several");
            Err(failure.help(format!("name one, with -e where needed: {}", listed(&found))).into())
        }
    }
}

/// An error of the store or of the command, with its way out.
#[must_use]
pub fn explained(error: OperateError) -> anyhow::Error {
    let (exit, help) = match &error {
        OperateError::Store(error) => (Exit::Failed, Some(error.help().to_owned())),
        OperateError::Unknown(_) => (Exit::Usage, Some("begin with: rollgate start".to_owned())),
        OperateError::Policy(_) => (Exit::PolicyInvalid, Some("see all of it with: rollgate check".to_owned())),
        OperateError::Unwritable(_) => (Exit::Failed, None),
        OperateError::Denied(_) => (Exit::Failed, Some("ROLLGATE_TOKEN names a token whose role is enough".to_owned())),
    };
    Failure { exit, message: error.to_string(), help }.into()
}

impl How {
    /// Gives an order to the rollout that is meant, and shows what came of it.
    ///
    /// # Errors
    /// It could not be carried out; a roll back then waits in the spool.
    pub fn give(&self, rollout: Option<&str>, verb: Verb, console: &mut Console) -> anyhow::Result<Exit> {
        let (actor, reason) = self.who.get()?;
        let command = Command::order(Order { actor, reason, verb }, operator::token());
        let target = Target::Named(rollout);
        let reach = match self.at.reach(false, console) {
            Ok(reach) => reach,
            Err(error) => return Err(self.not_reached(target, &command, error)),
        };
        let keys = match reach.ask(|operate| operate.rollouts()) {
            Ok(keys) => keys,
            Err(error) => return Err(self.refused_by_store(target, &command, error)),
        };
        let key = choose(keys, rollout, self.environment.as_deref())?;
        self.carry_out(&reach, &key, &command, console)
    }

    /// Carries one command out on one rollout, and shows what came of it.
    ///
    /// # Errors
    /// It could not be carried out; a roll back then waits in the spool.
    pub fn carry_out(
        &self,
        reach: &Reach,
        key: &Key,
        command: &Command,
        console: &mut Console,
    ) -> anyhow::Result<Exit> {
        match reach.carry_out(&self.at, key, command, self.dry_run, console) {
            Ok(outcome) => self.show(&outcome, command, console),
            Err(error) => Err(self.refused_by_store(Target::Named(Some(key.rollout.as_str())), command, error)),
        }
    }

    /// Nobody took the order.
    #[must_use]
    pub fn not_reached(&self, target: Target<'_>, command: &Command, why: Unreachable) -> anyhow::Error {
        match why {
            Unreachable::Store(error) => self.refused_by_store(target, command, error),
            Unreachable::Other(error) => error,
        }
    }

    fn show(&self, outcome: &Outcome, command: &Command, console: &mut Console) -> anyhow::Result<Exit> {
        match global::output(self.output, console.plain) {
            Output::Pretty => console.print(operated::pretty(outcome, command, console.screen))?,
            Output::Plain => console.print(operated::plain(outcome, command))?,
            Output::Json => console.line(Envelope::new("order", Operated::new(outcome, command)).pretty()?)?,
            Output::Jsonl => console.line(Envelope::new("order", Operated::new(outcome, command)).line()?)?,
        }
        let failed = outcome.refused.is_some() || matches!(outcome.applied, Some(Err(_)));
        Ok(if failed { Exit::Failed } else { Exit::Done })
    }

    /// A roll back that a store refuses is kept in the spool; everything else just did not happen.
    #[must_use]
    pub fn refused_by_store(&self, target: Target<'_>, command: &Command, error: OperateError) -> anyhow::Error {
        let (Ask::Order(verb), OperateError::Store(_), true) = (&command.ask, &error, command.takes_back()) else {
            return explained(error);
        };
        if self.dry_run {
            return explained(error);
        }
        let not_at_all = |help: &str| {
            let message = format!("{error}\n  {}", paint(BAD, "NOT ROLLED BACK"));
            Failure::new(Exit::Failed, message).help(help).into()
        };
        if self.at.is_named() {
            // The spool beside a store here is read by nobody there.
            return not_at_all("give it again, to another controller, or without --api where the store is");
        }
        let Some(spool) = self.at.store.home().spool() else {
            return not_at_all("name the store with --store, or the controller with --api");
        };
        let not_yet = paint(BAD, "NOT ROLLED BACK YET");
        if target == Target::Named(None) {
            let failure = Failure::new(Exit::Failed, format!("{error}\n  {not_yet}, and not kept: which rollout?"));
            return failure.help("name the rollout: the store cannot be asked which there are").into();
        }
        let rollout = match target {
            Target::Named(name) => name.map(RolloutId::new),
            Target::All => None,
        };
        let environment = self.environment.as_deref().map(Environment::new);
        let which = format!(
            "{} in {}",
            rollout.as_ref().map_or("every rollout", AsRef::as_ref),
            environment.as_ref().map_or("every environment", AsRef::as_ref)
        );
        let order = Order { actor: command.actor.clone(), reason: command.reason.clone(), verb: verb.clone() };
        let kept = Spooled { id: command.token.clone(), at: clock::now(), rollout, environment, acted: None, order };
        let message = match spool.push(&kept) {
            Ok(()) => format!(
                "{error}\n  {not_yet}: the order for {which} waits in `{}` and is carried out first by the next command \
                 that can open the store",
                spool.place()
            ),
            Err(second) => format!(
                "{error}\n  {not_yet}, and the order could not be kept either ({second}): take {which} back by hand"
            ),
        };
        let help = match &error {
            OperateError::Store(error) => error.help(),
            _ => "",
        };
        Failure::new(Exit::Failed, message).help(help).into()
    }
}

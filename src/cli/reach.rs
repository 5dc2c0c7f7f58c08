//! Where an order goes: to the controller that looks after the rollout, or, when none answers, straight to the store.

use clap::Args;

use crate::control::{Command, Operate, OperateError, Outcome};
use crate::ledger::Entry;
use crate::ledger::hash::Key;
use crate::model::time::Duration;
use crate::report::screen::{ATTENTION, paint};
use crate::report::status::Row;
use crate::shell::clock::{self, Deadline};

#[cfg(feature = "live")]
use crate::daemon::client::Client;

use super::console::Console;
#[cfg(feature = "live")]
use super::exit::Exit;
#[cfg(feature = "live")]
use super::failure::Failure;
use super::home::WhichStore;
use super::operate::{Session, explained};

/// Where an order goes.
#[derive(Debug, Clone, Args)]
pub struct Where {
    /// The store.
    #[command(flatten)]
    pub store: WhichStore,
    /// A controller's API; ROLLGATE_TOKEN holds the token [default: the controller of this machine that has the store,
    /// else the store itself]
    #[cfg(feature = "live")]
    #[arg(long, value_name = "URL", env = "ROLLGATE_API")]
    pub api: Option<String>,
    /// A certificate that vouches for that API, in PEM [default: those of the system]
    #[cfg(feature = "live")]
    #[arg(long, value_name = "FILE", env = "ROLLGATE_API_CA", hide_short_help = true)]
    pub api_ca: Option<std::path::PathBuf>,
    /// When whoever is asked must have answered.
    #[arg(skip)]
    deadline: Option<Deadline>,
}

/// Whoever takes the order.
pub enum Reach {
    /// The store itself: nobody looks after it at the moment.
    Store(Box<Session>),
    /// A controller.
    #[cfg(feature = "live")]
    Controller(Client),
}

impl Where {
    /// The same, but nobody is waited for after this.
    #[must_use]
    pub fn by(&self, deadline: Deadline) -> Where {
        Where { deadline: Some(deadline), ..self.clone() }
    }

    /// Whether nobody is waited for any more.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline.left() <= Duration::ZERO)
    }

    /// Finds whoever takes orders. A store is opened to work on it: what waited or was left undone is carried out first.
    ///
    /// # Errors
    /// Nobody takes them, and the store cannot be used.
    pub fn reach(&self, create: bool, console: &mut Console) -> Result<Reach, Unreachable> {
        #[cfg(feature = "live")]
        if let Some(client) = self.controller()? {
            return Ok(Reach::Controller(client));
        }
        Ok(Reach::Store(Box::new(Session::work(&self.store, create, console)?)))
    }

    /// The same to look at things: nothing is carried out.
    ///
    /// # Errors
    /// Nobody answers, and the store cannot be used.
    pub fn look(&self) -> anyhow::Result<Reach> {
        #[cfg(feature = "live")]
        if let Some(client) = self.controller().map_err(Unreachable::explained)? {
            return Ok(Reach::Controller(client));
        }
        let session = Session::look(&self.store, false).map_err(|error| explained(error.into()))?;
        Ok(Reach::Store(Box::new(session)))
    }

    /// Whether a controller was named. Then nothing else will do: an order must not end up in some other store.
    #[must_use]
    pub const fn is_named(&self) -> bool {
        #[cfg(feature = "live")]
        {
            self.api.is_some()
        }
        #[cfg(not(feature = "live"))]
        {
            false
        }
    }

    /// The controller that answers, if one does.
    ///
    /// # Errors
    /// One was named, and does not answer.
    #[cfg(feature = "live")]
    pub fn controller(&self) -> Result<Option<Client>, Unreachable> {
        use crate::shell::{files, operator};
        let Some(url) = &self.api else {
            return Ok(Client::beside(self.store.home().announced(), self.deadline));
        };
        let wrong = |why: String| Unreachable::Other(Failure::new(Exit::Usage, why).into());
        let authority = match &self.api_ca {
            Some(path) => {
                let read = files::read_text(path);
                Some(read.map_err(|error| wrong(format!("cannot read `{}`: {error}", files::shown(path))))?)
            }
            None => None,
        };
        let client = Client::new(url, operator::api_token(), authority.as_deref()).map_err(wrong)?.by(self.deadline);
        if client.answers() {
            return Ok(Some(client));
        }
        let failure = Failure::new(Exit::Failed, format!("no controller answers at {}", client.url()));
        let help = "check the address and the certificate; without --api the store itself is worked on";
        Err(Unreachable::Other(failure.help(help).into()))
    }
}

/// Why nobody takes orders.
pub enum Unreachable {
    /// The store cannot be used.
    Store(OperateError),
    /// Anything else.
    Other(anyhow::Error),
}

impl From<OperateError> for Unreachable {
    fn from(error: OperateError) -> Unreachable {
        Unreachable::Store(error)
    }
}

impl Unreachable {
    /// For people.
    #[must_use]
    pub fn explained(self) -> anyhow::Error {
        match self {
            Unreachable::Store(error) => explained(error),
            Unreachable::Other(error) => error,
        }
    }
}

impl Reach {
    /// The same, but a controller is not waited for after this.
    #[must_use]
    pub fn by(self, #[cfg_attr(not(feature = "live"), expect(unused))] deadline: Deadline) -> Reach {
        match self {
            Reach::Store(session) => Reach::Store(session),
            #[cfg(feature = "live")]
            Reach::Controller(client) => Reach::Controller(client.by(Some(deadline))),
        }
    }

    /// Asks whoever it is.
    pub fn ask<T>(&self, question: impl FnOnce(&dyn Operate) -> T) -> T {
        match self {
            Reach::Store(session) => question(&session.direct()),
            #[cfg(feature = "live")]
            Reach::Controller(client) => question(client),
        }
    }

    /// Where each rollout stands, worst first; with what a controller sees, when one answers.
    ///
    /// # Errors
    /// The store's, or the controller's.
    pub fn rows(&self) -> Result<Vec<Row>, OperateError> {
        match self {
            Reach::Store(session) => {
                let standings = session.direct().standings(clock::now())?;
                Ok(standings.into_iter().map(Row::of_ledger).collect())
            }
            #[cfg(feature = "live")]
            Reach::Controller(client) => client.rows(),
        }
    }

    /// Where the controller answers, when one does.
    #[must_use]
    pub fn controller(&self) -> Option<&str> {
        match self {
            Reach::Store(_) => None,
            #[cfg(feature = "live")]
            Reach::Controller(client) => Some(client.url()),
        }
    }

    /// Carries a command out. One that takes back and that the controller of this machine does not answer goes straight
    /// to the store.
    ///
    /// # Errors
    /// Neither did it.
    pub fn carry_out(
        &self,
        at: &Where,
        key: &Key,
        command: &Command,
        dry_run: bool,
        console: &mut Console,
    ) -> Result<Outcome, OperateError> {
        let carried = self.ask(|operate| operate.carry_out(key, command, clock::now(), dry_run));
        match (carried, self.controller()) {
            (Err(error @ OperateError::Store(_)), Some(url)) if command.takes_back() && !at.is_named() => {
                // Nobody is left to tell when stderr itself is gone.
                drop(console.say(format!("{} {url}: {error}; trying the store itself", paint(ATTENTION, "note:"))));
                let session = Session::work(&at.store, false, console)?;
                session.direct().carry_out(key, command, clock::now(), dry_run)
            }
            (carried, _) => carried,
        }
    }
}

/// Entries asked for at once.
const PAGE: usize = 1000;

/// Hands every entry of a rollout to `each`, oldest first.
///
/// # Errors
/// They cannot be read.
pub fn for_each(reach: &Reach, key: &Key, mut each: impl FnMut(Entry)) -> anyhow::Result<()> {
    let mut from = 0;
    loop {
        let page = reach.ask(|operate| operate.history(key, from, PAGE)).map_err(explained)?;
        let is_end = page.len() < PAGE;
        for entry in page {
            from = entry.record().seq.saturating_add(1);
            each(entry);
        }
        if is_end {
            return Ok(());
        }
    }
}

//! Looking again and again: at the controller that answers, else at the store, which is opened only to look so that
//! others can work on it meanwhile.

use super::super::console::Console;
use super::super::operate::explained;
use super::super::reach::{Reach, Where};
use super::ears::Ears;
use crate::report::screen::{ATTENTION, paint};
use crate::report::status::Row;

/// Whoever watches.
pub(super) struct Eyes<'a> {
    at: &'a Where,
    /// The controller that answered last.
    reach: Option<Reach>,
    /// Said once, until it is otherwise.
    said: Option<String>,
}

/// What was seen.
pub(super) struct Sight {
    pub(super) rows: Vec<Row>,
    /// Where the controller answers, when one does.
    pub(super) controller: Option<String>,
}

impl<'a> Eyes<'a> {
    pub(super) fn new(at: &'a Where, reach: Reach) -> Eyes<'a> {
        let mut eyes = Eyes { at, reach: Some(reach), said: None };
        eyes.let_go();
        eyes
    }

    /// A store is held by one process at a time.
    fn let_go(&mut self) {
        self.reach = self.reach.take().filter(|reach| reach.controller().is_some());
    }

    /// Looks; listens to whoever answers. `also` may ask more, as long as they are there.
    pub(super) fn look(&mut self, ears: &Ears, also: &mut dyn FnMut(&Reach, &[Row])) -> anyhow::Result<Sight> {
        if let Some(reach) = &self.reach {
            match Eyes::through(reach, ears, also) {
                Ok(sight) => return Ok(sight),
                // No time is left to ask anybody else.
                Err(error) if self.at.is_late() => return Err(error),
                // It ended, or another one took its place.
                Err(_) => self.reach = None,
            }
        }
        let reach = self.at.look()?;
        let sight = Eyes::through(&reach, ears, also)?;
        self.reach = Some(reach);
        self.let_go();
        Ok(sight)
    }

    fn through(reach: &Reach, ears: &Ears, also: &mut dyn FnMut(&Reach, &[Row])) -> anyhow::Result<Sight> {
        #[cfg(feature = "live")]
        if let Reach::Controller(client) = reach {
            ears.listen_to(client);
        }
        #[cfg(not(feature = "live"))]
        let _: &Ears = ears;
        let rows = reach.rows().map_err(explained)?;
        also(reach, &rows);
        Ok(Sight { rows, controller: reach.controller().map(str::to_owned) })
    }

    /// Says who is looked at whenever that changes; on standard error, where it is in nobody's way.
    pub(super) fn tell(&mut self, sight: &anyhow::Result<Sight>, console: &mut Console) -> std::io::Result<()> {
        let now = whose(sight);
        if self.said.as_ref() == Some(&now) {
            return Ok(());
        }
        let first = self.said.replace(now.clone()).is_none();
        // A controller that answers from the start is as it should be.
        if first && matches!(sight, Ok(Sight { controller: Some(_), .. })) {
            return Ok(());
        }
        console.say(format!("{} {now}", paint(ATTENTION, "note:")))
    }
}

/// Who is looked at, as a person would say it.
pub(super) fn whose(sight: &anyhow::Result<Sight>) -> String {
    match sight {
        Ok(Sight { controller: Some(url), .. }) => format!("the controller at {url} answers"),
        Ok(_) => "no controller runs: nothing is watched, and only a person's order changes anything".to_owned(),
        Err(error) => error.to_string(),
    }
}

//! Whether a server has the store that this process works on.

use redis::Value;
use serde::Serialize;

use super::super::fault::{Fault, corrupt};
use super::super::memory::new_identity;
use super::super::script::Call;
use super::super::values::Verdict;
use super::Wire;
use crate::ports::store::{STORE_VERSION, StoreError};

impl Wire {
    /// The question.
    pub(super) fn settling(&self) -> Result<Call, Fault> {
        #[derive(Serialize)]
        struct Settling {
            create: bool,
            version: String,
            id: String,
        }
        let create = self.plan.options.create && self.plan.memory.identity.get().is_none();
        let settling = Settling { create, version: STORE_VERSION.to_string(), id: new_identity() };
        Call::new(vec![self.plan.names.store()], &settling)
    }

    /// The answer, compared with the store it was.
    pub(super) fn settle(&self, found: Value) -> Result<(), Fault> {
        let place = self.plan.options.place();
        let known = &self.plan.memory.identity;
        let mut found = Verdict::read(found)?;
        match (found.word(), known.get()) {
            ("none", None) => {
                let prefix = &self.plan.options.prefix;
                let why = format!("there is no store at `{place}` under the prefix `{prefix}`");
                Err(StoreError::Missing(why).into())
            }
            ("none", Some(_)) => Err(corrupt(format!(
                "{place}: the store is gone: the server was restarted without its data, or emptied. Restore an export, or \
                 restart every controller to begin anew"
            ))),
            ("is", _) => {
                let version = found.text()?;
                let version = version.parse().map_err(|_| corrupt(format!("{place}: `{version}` is no version")))?;
                if version != STORE_VERSION {
                    return Err(StoreError::OtherVersion { found: version, wanted: STORE_VERSION }.into());
                }
                let identity = found.text()?;
                if known.get_or_init(|| identity.clone()) != &identity {
                    return Err(other_store(&place));
                }
                Ok(())
            }
            _ => Err(found.unheard_of()),
        }
    }
}

/// A store was put in the place of the one this process worked on.
pub(in super::super) fn other_store(place: &str) -> Fault {
    corrupt(format!(
        "{place}: this is another store than the one this process has worked on. Restore the other, or restart every \
         controller to go on with this one"
    ))
}

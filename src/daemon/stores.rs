//! The store of the settings, opened.

use std::sync::Arc;

use crate::ports::store::{Store, StoreError};
use crate::settings::values::StorePlace;
use crate::shell;

/// Opens the store; a file that is not there is made.
///
/// # Errors
/// The store's.
pub fn open(place: &StorePlace) -> Result<Arc<dyn Store>, StoreError> {
    match place {
        StorePlace::File(path) => Ok(Arc::new(shell::store::open(path, true)?)),
        StorePlace::Redis(_) => Err(StoreError::Unavailable("this build has no Redis store".to_owned())),
    }
}

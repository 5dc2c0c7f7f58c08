//! Looks up secrets where the settings say they are kept.
//!
//! Nothing of a secret, and nothing that a server answered instead of one, is part of an error.

#[cfg(feature = "live")]
mod manager;

use std::io::{self, Read as _};
use std::path::Path;

use crate::settings::secret::{Secret, SecretRef};

/// Secret Manager keeps no more; a file that is larger is the wrong file.
const MOST_BYTES: u64 = 64 * 1024;

/// A secret, and which one exactly it was.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The secret.
    pub secret: Secret,
    /// Where it came from, for logs: `latest` is a version by now.
    pub from: String,
}

/// Why a secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment has no such variable.
    #[error("`{0}` is not set in the environment of rollgate")]
    NotSet(SecretRef),
    /// There is something, and it holds nothing.
    #[error("`{0}` is empty")]
    Empty(SecretRef),
    /// It is not text.
    #[error("`{0}` is not UTF-8")]
    NotText(SecretRef),
    /// It is over what a secret may have.
    #[error("`{0}` is over 64 KiB, which no secret is")]
    TooLarge(SecretRef),
    /// The file cannot be read.
    #[error("`{reference}` cannot be read: {source}")]
    Unreadable {
        /// Which.
        reference: SecretRef,
        /// Why.
        source: io::Error,
    },
    /// Secret Manager gives nothing.
    #[error("`{reference}` cannot be had: {why}")]
    Refused {
        /// Which.
        reference: SecretRef,
        /// Why, in words of ours.
        why: String,
    },
}

/// Where Secret Manager and the metadata server are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// `https://secretmanager.googleapis.com`.
    pub manager: String,
    /// `http://metadata.google.internal`.
    pub metadata: String,
}

impl Default for Places {
    fn default() -> Places {
        Places {
            manager: "https://secretmanager.googleapis.com".to_owned(),
            metadata: "http://metadata.google.internal".to_owned(),
        }
    }
}

/// Looks a secret up. Blocks no longer than ten seconds, on a network; not at all otherwise.
///
/// # Errors
/// See [`SecretError`].
pub fn resolve(reference: &SecretRef, places: &Places) -> Result<Resolved, SecretError> {
    let (text, from) = match reference {
        SecretRef::Env(name) => (variable(name).ok_or_else(|| SecretError::NotSet(reference.clone()))?, None),
        SecretRef::File(path) => (file(path, reference)?, None),
        SecretRef::Gsm { project, secret, version } => {
            let name = format!("projects/{project}/secrets/{secret}/versions/{version}");
            let (bytes, version) = of_manager(&name, reference, places)?;
            (bytes, Some(version))
        }
    };
    let text = String::from_utf8(text).map_err(|_| SecretError::NotText(reference.clone()))?;
    if text.trim().is_empty() {
        return Err(SecretError::Empty(reference.clone()));
    }
    Ok(Resolved { secret: Secret::new(text), from: from.unwrap_or_else(|| reference.to_string()) })
}

#[expect(clippy::disallowed_methods, reason = "a secret of the environment is named in the settings")]
fn variable(name: &str) -> Option<Vec<u8>> {
    std::env::var_os(name).map(std::ffi::OsString::into_encoded_bytes)
}

/// The file without the line break that editors and `echo` leave at its end.
#[expect(clippy::disallowed_methods, reason = "a file with a secret is named in the settings")]
fn file(path: &Path, reference: &SecretRef) -> Result<Vec<u8>, SecretError> {
    let unreadable = |source| SecretError::Unreadable { reference: reference.clone(), source };
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("it is no regular file")));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(SecretError::TooLarge(reference.clone()));
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Ok(bytes)
}

#[cfg(feature = "live")]
fn of_manager(name: &str, reference: &SecretRef, places: &Places) -> Result<(Vec<u8>, String), SecretError> {
    manager::access(name, places).map_err(|why| SecretError::Refused { reference: reference.clone(), why })
}

#[cfg(not(feature = "live"))]
fn of_manager(_: &str, reference: &SecretRef, _: &Places) -> Result<(Vec<u8>, String), SecretError> {
    let why = "this build has no network: build it with the feature `live`, which is on by default".to_owned();
    Err(SecretError::Refused { reference: reference.clone(), why })
}

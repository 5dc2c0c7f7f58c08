//! Secrets: named in the settings, held in memory only, and never shown.

use std::fmt;
use std::path::PathBuf;

/// Where a secret is kept. Naming it gives nothing away, so it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `env:NAME`, an environment variable of the controller.
    Env(String),
    /// `file:/path`, the text of a file; one line break at its end is not part of it.
    File(PathBuf),
    /// `gsm:projects/p/secrets/s/versions/7`, Google Secret Manager.
    Gsm {
        /// The project's id or number.
        project: String,
        /// The secret's name.
        secret: String,
        /// A version's number, or `latest`.
        version: String,
    },
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretRef::Env(name) => write!(f, "env:{name}"),
            SecretRef::File(path) => write!(f, "file:{}", path.display()),
            SecretRef::Gsm { project, secret, version } => {
                write!(f, "gsm:projects/{project}/secrets/{secret}/versions/{version}")
            }
        }
    }
}

/// Why a text names no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoReference {
    /// It has none of the prefixes: most likely the secret itself.
    Literal,
    /// It has a prefix, and what follows cannot be looked up; how it is written.
    Incomplete(&'static str),
}

impl SecretRef {
    /// Reads `env:NAME`, `file:/path` or `gsm:projects/p/secrets/s/versions/v`.
    pub(crate) fn parse(text: &str) -> Result<SecretRef, NoReference> {
        if let Some(name) = text.strip_prefix("env:") {
            let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let fine = name.chars().all(letters) && name.starts_with(|c: char| !c.is_ascii_digit());
            return if fine { Ok(SecretRef::Env(name.to_owned())) } else { Err(NoReference::Incomplete("env:NAME")) };
        }
        if let Some(path) = text.strip_prefix("file:") {
            let fine = !path.trim().is_empty() && !path.contains('\0');
            return if fine { Ok(SecretRef::File(path.into())) } else { Err(NoReference::Incomplete("file:/path")) };
        }
        if let Some(name) = text.strip_prefix("gsm:") {
            return gsm(name).ok_or(NoReference::Incomplete("gsm:projects/PROJECT/secrets/NAME/versions/7"));
        }
        Err(NoReference::Literal)
    }
}

fn gsm(name: &str) -> Option<SecretRef> {
    let mut parts = name.split('/');
    let mut named = |word: &str| parts.next().filter(|part| *part == word).and_then(|_| parts.next());
    let (project, secret, version) = (named("projects")?, named("secrets")?, named("versions")?);
    let letters = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    let fine = |part: &str| !part.is_empty() && part.chars().all(letters);
    let newest = version == "latest" || version.chars().all(|c| c.is_ascii_digit());
    let whole = parts.next().is_none() && fine(project) && fine(secret) && fine(version) && newest;
    whole.then(|| SecretRef::Gsm { project: project.into(), secret: secret.into(), version: version.into() })
}

/// A text that may be public, or a reference to one that is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open {
    /// As written; there is no secret in it.
    Plain(String),
    /// Kept elsewhere.
    Secret(SecretRef),
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Open::Plain(text) => f.write_str(text),
            Open::Secret(reference) => reference.fmt(f),
        }
    }
}

/// A secret itself. It prints as nothing but its being one, and its memory is cleared when it goes.
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes a secret in.
    #[must_use]
    pub fn new(text: String) -> Secret {
        Secret(text.into_bytes())
    }

    /// The secret, for the one call that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        // It came in as text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Clone for Secret {
    fn clone(&self) -> Secret {
        Secret(self.0.clone())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.fill(0);
        // Somebody might look: without this the compiler may leave the clearing out.
        std::hint::black_box(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::variable("env:ROLLGATE_TOKEN")]
    #[case::lower_case("env:_token9")]
    #[case::file("file:/run/secrets/redis")]
    #[case::relative_file("file:redis password.txt")]
    #[case::version("gsm:projects/p-1/secrets/redis_url/versions/7")]
    #[case::newest("gsm:projects/12/secrets/s/versions/latest")]
    fn a_reference_reads_back_as_it_was_written(#[case] text: &str) {
        assert_eq!(SecretRef::parse(text).unwrap().to_string(), text);
    }

    #[rstest]
    #[case::no_name("env:")]
    #[case::begins_with_a_digit("env:9A")]
    #[case::spaces("env:MY TOKEN")]
    #[case::no_path("file:")]
    #[case::no_version("gsm:projects/p/secrets/s")]
    #[case::no_secret("gsm:projects/p/versions/7")]
    #[case::too_long("gsm:projects/p/secrets/s/versions/7/more")]
    #[case::odd_version("gsm:projects/p/secrets/s/versions/newest")]
    #[case::climbs("gsm:projects/../secrets/s?x/versions/7")]
    fn a_reference_that_leads_nowhere_is_told_from_a_secret(#[case] text: &str) {
        assert!(matches!(SecretRef::parse(text), Err(NoReference::Incomplete(_))));
    }

    #[rstest]
    #[case::password("hunter2")]
    #[case::other_scheme("vault:secret/redis")]
    #[case::upper_case_scheme("ENV:NAME")]
    #[case::empty("")]
    fn anything_else_is_taken_for_the_secret_itself(#[case] text: &str) {
        assert_eq!(SecretRef::parse(text), Err(NoReference::Literal));
    }

    #[test]
    fn a_secret_prints_as_nothing() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?} {:#?}", secret.clone()), "Secret Secret");
        assert_eq!(secret.reveal(), "hunter2");
    }
}

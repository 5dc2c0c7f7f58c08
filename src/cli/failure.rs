//! Why a command could not do its work: the exit code, the sentence, and the way out.

use super::exit::Exit;

/// A failure with a code of its own and a way out.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// Lower-case, no full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Failure {
    /// Ending with `exit`.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into(), help: None }
    }

    /// With a way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Failure {
        self.help = Some(help.into());
        self
    }
}

/// How an error ends the process.
#[must_use]
pub fn exit_of(error: &anyhow::Error) -> Exit {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.exit;
    }
    if error.downcast_ref::<crate::fixture::DataError>().is_some() {
        return Exit::DataUnreadable;
    }
    match error.downcast_ref::<crate::shell::files::FindError>() {
        Some(crate::shell::files::FindError::NoPolicy(_)) => Exit::Nothing,
        _ => Exit::Failed,
    }
}

/// Whether the reader of our output went away (`rollgate replay ... | head`): nothing went wrong.
#[must_use]
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let kind =
        |cause: &(dyn std::error::Error + 'static)| cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    error.chain().any(|cause| kind(cause) == Some(std::io::ErrorKind::BrokenPipe))
}

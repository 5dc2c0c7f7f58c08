//! Policies for their tests: what is wrong with one is said once, however many fixtures replay it.

use std::sync::Arc;

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::{complain, policies};
use crate::model::ids::Environment;
use crate::policy::compiled::Policy;
use crate::policy::diagnostic::Level;
use crate::policy::source::{POLICY_FILE, PolicySource};
use crate::report::ci::item::{Item, Places, settle};
use crate::report::diagnostics::path;
use crate::report::outcomes::{Hindered, Outcomes};

/// A policy that does not compile; what is wrong with it was said.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Broken {
    /// One sentence, the same for the same policy and environment.
    why: String,
}

/// `source` compiled for `environment`. The first time it does not compile, its errors are shown,
/// unless they become annotations in the same log.
///
/// # Errors
/// It does not compile: [`Broken`].
pub(crate) fn compile(
    source: &PolicySource,
    environment: &Environment,
    all: &mut Outcomes,
    console: &mut Console,
) -> anyhow::Result<Arc<Policy>> {
    let why = format!("`{}` does not compile for {environment}", source.root);
    if all.hindered.iter().any(|hindered| hindered.why == why) {
        return Err(Broken { why }.into());
    }
    if console.annotates {
        let compiled = crate::policy::compile(source, environment);
        if let Some(policy) = compiled.policy
            && compiled.diagnostics.iter().all(|diagnostic| diagnostic.level != Level::Error)
        {
            return Ok(Arc::new(policy));
        }
    } else {
        let error = match policies::compile(source, environment, console) {
            Ok(policy) => return Ok(policy),
            Err(error) => error,
        };
        complain(console, &error);
    }
    let places = Places::new(source);
    let found = crate::policy::compile(source, environment).diagnostics;
    let errors = found.iter().filter(|diagnostic| diagnostic.level == Level::Error);
    all.hindered.push(Hindered {
        why: why.clone(),
        left_out: Vec::new(),
        file: path(source, POLICY_FILE),
        items: settle(errors.map(|diagnostic| Item::of_diagnostic(diagnostic, &places, &[])).collect()),
    });
    Err(Broken { why }.into())
}

/// One policy or fixture that cannot be run is told, and the others run: the exit code it asks for. `name` is the
/// directory that did not run, `file` what to open in it.
pub(super) fn goes_on(
    ran: anyhow::Result<()>,
    name: String,
    file: &str,
    all: &mut Outcomes,
    console: &mut Console,
) -> anyhow::Result<Option<Exit>> {
    let Err(error) = ran else { return Ok(None) };
    if crate::cli::failure::is_closed_pipe(&error) {
        return Err(error);
    }
    all.not_run += 1;
    if let Some(broken) = error.downcast_ref::<Broken>() {
        if let Some(known) = all.hindered.iter_mut().find(|hindered| hindered.why == broken.why) {
            known.left_out.push(name);
        }
        return Ok(Some(Exit::PolicyInvalid));
    }
    complain(console, &error);
    let why = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let file = format!("{name}/{file}");
    all.hindered.push(Hindered { why, left_out: vec![name], file, items: Vec::new() });
    Ok(Some(crate::cli::failure::exit_of(&error)))
}

//! The rollout that a call means.

use std::sync::Arc;

use super::app::App;
use super::problem::Problem;
use crate::daemon::desk::View;
use crate::policy::suggest;

/// The rollout of that name, in that environment when one is named.
pub(super) fn find(app: &App, name: &str, environment: Option<&str>) -> Result<Arc<View>, Problem> {
    let views = app.desk.views();
    let named: Vec<&Arc<View>> = views.iter().filter(|view| view.standing.key.rollout.as_str() == name).collect();
    let wanted = |view: &&&Arc<View>| environment.is_none_or(|wanted| view.standing.key.environment.as_str() == wanted);
    let mut found: Vec<&Arc<View>> = named.iter().filter(wanted).copied().collect();
    match (found.pop(), found.is_empty()) {
        (Some(view), true) => Ok(Arc::clone(view)),
        (Some(_), false) => {
            let title = format!("`{name}` runs in several environments");
            Err(Problem::conflict("ambiguous", title)
                .help(format!("add environment=, one of {}", environments(&named))))
        }
        (None, _) if !named.is_empty() => {
            let environment = environment.unwrap_or_default();
            let title = format!("`{name}` is not governed here in `{environment}`");
            Err(Problem::missing("unknown-rollout", title).help(format!("it is in {}", environments(&named))))
        }
        (None, _) => {
            let names: Vec<&str> = views.iter().map(|view| view.standing.key.rollout.as_str()).collect();
            let help = match suggest::closest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => "no rollout is governed here".to_owned(),
                None => format!("there is {}", names.join(", ")),
            };
            Err(Problem::missing("unknown-rollout", format!("no rollout `{name}` is governed here")).help(help))
        }
    }
}

fn environments(views: &[&Arc<View>]) -> String {
    views.iter().map(|view| view.standing.key.environment.as_str()).collect::<Vec<_>>().join(", ")
}

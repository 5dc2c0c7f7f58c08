//! What is replaced, and what cannot be replaced without losing what the recording is for.

use std::collections::BTreeMap;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::control::PolicyRecord;
use crate::fixture::record::redact::{Names, Redaction};
use crate::policy::compiled::Policy;

use super::Private;

/// The names that are replaced. Regions that a policy names become those of the policy that replays the recording: by
/// any other name it would not know them.
pub(super) fn redaction(
    wanted: &[Private],
    in_force: Option<&PolicyRecord>,
    replays: &Policy,
) -> anyhow::Result<Redaction> {
    let names = |what, prefix| wanted.contains(&what).then(|| Names::new(prefix));
    Ok(Redaction {
        regions: if wanted.contains(&Private::Region) { Some(regions(in_force, replays)?) } else { None },
        sources: names(Private::Source, "source"),
        people: names(Private::People, "person"),
    })
}

fn regions(in_force: Option<&PolicyRecord>, replays: &Policy) -> anyhow::Result<Names> {
    let theirs: Vec<&str> = replays.catalogue.regions().iter().map(|region| region.as_str()).collect();
    let ours: Vec<&str> = in_force.map_or_else(|| theirs.clone(), |record| {
        record.regions.iter().map(|region| region.as_str()).collect()
    });
    let named = |names: &[&str]| names.iter().any(|name| !name.is_empty());
    if !named(&ours) && !named(&theirs) {
        return Ok(Names::new("region"));
    }
    let tells = theirs.iter().any(|name| ours.contains(name));
    if tells || ours.len() != theirs.len() {
        let failure = Failure::new(Exit::Usage, format!("the policy names the regions ({})", theirs.join(", ")));
        let help = format!("write one with {} regions of other names, and name it with --policy", ours.len());
        return Err(failure.help(help).into());
    }
    let pairs = ours.iter().zip(&theirs).map(|(ours, theirs)| ((*ours).to_owned(), (*theirs).to_owned()));
    Ok(Names::given("region", pairs))
}

/// Old names to new; two metrics may not become one.
pub(super) fn renames(wanted: &[(String, String)]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut renames: BTreeMap<String, String> = BTreeMap::new();
    for (from, to) in wanted {
        if renames.values().any(|known| known == to) || renames.insert(from.clone(), to.clone()).is_some() {
            return Err(Failure::new(Exit::Usage, format!("`--rename {from}={to}`: two names for one metric")).into());
        }
    }
    Ok(renames)
}

//! Policies that have another path on one side: moved, or behind a symlink.

use std::path::Path;

use crate::policy::source::POLICY_FILE;
use crate::shell::files;

use super::sides::{Found, Holds, Side, Sides, in_revision, told};

/// Adds what one side has behind a symlink where the other has a directory: a tree is searched without following any,
/// and the policy is not gone for that.
///
/// # Errors
/// Git cannot be run.
pub(super) fn follow_links(sides: &Sides, old: &mut Vec<Found>, new: &mut Vec<Found>) -> anyhow::Result<()> {
    let linked = |side: &Side, has: &[Found], others: &[Found]| -> anyhow::Result<Vec<Found>> {
        let missing = others.iter().filter(|other| !has.iter().any(|one| one.below == other.below));
        missing.filter_map(|other| behind_link(side, &other.below).transpose()).collect()
    };
    let (more_old, more_new) = (linked(&sides.old, old, new)?, linked(&sides.new, new, old)?);
    old.extend(more_old);
    new.extend(more_new);
    Ok(())
}

fn behind_link(side: &Side, below: &str) -> anyhow::Result<Option<Found>> {
    match &side.holds {
        _ if below.is_empty() || side.elsewhere => Ok(None),
        Holds::Nothing => Ok(None),
        Holds::Folder(root) => {
            let folder = if root == Path::new(".") { Path::new(below).to_path_buf() } else { root.join(below) };
            let found =
                || Found { below: below.to_owned(), path: files::shown(&folder), source: files::load_policy(&folder) };
            Ok(folder.join(POLICY_FILE).is_file().then(found))
        }
        Holds::Revision { tree, revision, path } => {
            let whole = if path.is_empty() { below.to_owned() } else { format!("{path}/{below}") };
            let Some(real) = tree.follow(&whole).map_err(told)? else { return Ok(None) };
            if !tree.has(&format!("{real}/{POLICY_FILE}")) {
                return Ok(None);
            }
            let source = tree.load_policy(&real, &in_revision(revision, &whole)).map_err(told)?;
            Ok(Some(Found { below: below.to_owned(), path: whole, source }))
        }
    }
}

/// Takes from a side that stands for all of its policies those that moved: their rollout is governed on the other side.
/// What is said about it is added to the notes.
pub(super) fn keep_moved(sides: &mut Sides, old: &mut Vec<Found>, new: &mut Vec<Found>) {
    let Sides { old: was, new: is, notes } = sides;
    if was.elsewhere {
        keep(was, old, new, notes);
    }
    if is.elsewhere {
        keep(is, new, old, notes);
    }
}

fn keep(side: &mut Side, all: &mut Vec<Found>, others: &[Found], notes: &mut Vec<String>) {
    let wanted: Vec<String> = others.iter().filter_map(|other| super::pairs::rollout(&other.source)).collect();
    all.retain(|one| super::pairs::rollout(&one.source).is_some_and(|rollout| wanted.contains(&rollout)));
    let shown = &side.shown;
    for moved in all.iter().map(|one| &one.source.root) {
        notes.push(format!("there is no `{shown}`: compared with `{moved}`, which governs the same rollout"));
    }
    if all.is_empty() {
        side.holds = Holds::Nothing;
    }
}

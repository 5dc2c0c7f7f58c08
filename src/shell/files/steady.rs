//! Reading files that may be changing at this moment, for a controller that must not act on half of a change.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{canonical, info, load_policy, names};
use crate::policy::codes;
use crate::policy::diagnostic::{Diagnostic, Place};
use crate::policy::source::{MAX_FILES, PolicySource};

/// How often a policy that changes while it is read is read again. The change tells of itself afterwards in any case.
const TRIES: usize = 5;

/// What stands at a path: two directories of one name, one after the other, are two things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    real: PathBuf,
    number: (u64, u64),
}

/// What stands at `path`, symlinks followed; none when nothing does.
#[must_use]
pub fn identity(path: &Path) -> Option<Identity> {
    let real = canonical(path).ok()?;
    let number = number(&info(&real).ok()?);
    Some(Identity { real, number })
}

#[cfg(unix)]
fn number(info: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (info.dev(), info.ino())
}

#[cfg(not(unix))]
fn number(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// All files of the policy in `folder` as they stood together at one moment, as far as that can be had: when something
/// changed while it was read, it is read again. Files that every user may change are among its problems.
#[must_use]
pub fn load_steady(folder: &Path) -> PolicySource {
    let mut before = stamps(folder);
    let mut source = load_policy(folder);
    for _ in 1..TRIES {
        let after = stamps(folder);
        if before == after {
            break;
        }
        before = after;
        source = load_policy(folder);
    }
    for (file, writable) in before.iter().filter_map(|stamp| Some((&stamp.file, stamp.info.as_ref()?.writable))) {
        if writable && source.get(file).is_some() {
            source.problems.push(anybody_writes(file));
        }
    }
    source
}

fn anybody_writes(file: &str) -> Diagnostic {
    let place = Place { file: Arc::from(file), span: 0..0 };
    Diagnostic::error(codes::ANYBODY_WRITES, format!("`{file}` may be changed by every user of the machine"), place)
        .help("take the right to write from the others: chmod o-w")
}

/// What tells one version of a file from the next without reading it.
#[derive(Debug, PartialEq)]
struct Stamp {
    file: String,
    info: Option<Info>,
}

#[derive(Debug, PartialEq)]
struct Info {
    real: PathBuf,
    number: (u64, u64),
    length: u64,
    changed: Option<std::time::SystemTime>,
    writable: bool,
}

fn stamps(folder: &Path) -> Vec<Stamp> {
    let mut found = Vec::new();
    for prefix in ["", "env/", "tests/"] {
        let names = names(&folder.join(prefix)).unwrap_or_default();
        found.extend(names.into_iter().filter(|name| !name.starts_with('.')).take(2 * MAX_FILES).map(|name| {
            let file = format!("{prefix}{name}");
            Stamp { info: stamp(&folder.join(&file)).ok(), file }
        }));
    }
    found
}

fn stamp(path: &Path) -> io::Result<Info> {
    let real = canonical(path)?;
    let info = info(&real)?;
    let changed = info.modified().ok();
    Ok(Info { number: number(&info), length: info.len(), changed, writable: writable(&info), real })
}

#[cfg(unix)]
fn writable(info: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    info.is_file() && info.permissions().mode() & 0o002 != 0
}

#[cfg(not(unix))]
fn writable(_: &Metadata) -> bool {
    false
}

//! Reads policies into memory: a directory with `policy.toml` is a policy, and a tree may hold several.
//!
//! A file that cannot be read as text is a diagnostic of the policy, like any other fault in it: a missing overlay must
//! not look like an overlay that was never written.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::policy::codes;
use crate::policy::diagnostic::{Code, Diagnostic, Place};
use crate::policy::source::{MAX_FILE_BYTES, MAX_FILES, POLICY_FILE, PolicySource};

mod steady;

pub use steady::{Identity, identity, load_steady};

/// The folder whose scripts every policy beside it may import.
pub(super) const SHARED_FOLDER: &str = "shared";
/// How deep below the given path a policy may stand. A cycle of symlinks is never followed, this is for mistakes like
/// `rollgate check /`.
const DEEPEST: usize = 8;

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The path the user gave cannot be read.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// As the user named it.
        path: String,
        /// The file system's reason.
        #[source]
        source: io::Error,
    },
    /// A path without a policy in it or below it.
    #[error("no policy in `{0}`: a policy is a directory with a {POLICY_FILE}")]
    NoPolicy(String),
}

/// The directories with a `policy.toml`, at `path` or below it, in order of name. A `policy.toml` itself stands for its
/// directory. Hidden folders and build output are passed over.
///
/// # Errors
/// The path cannot be read, or there is no policy.
pub fn find_policies(path: &Path) -> Result<Vec<PathBuf>, FindError> {
    let unreadable = |source| FindError::Unreadable { path: shown(path), source };
    if info(path).map_err(unreadable)?.is_file() {
        return match (path.file_name().is_some_and(|name| name == POLICY_FILE), path.parent()) {
            (true, Some(folder)) if folder.as_os_str().is_empty() => Ok(vec![PathBuf::from(".")]),
            (true, Some(folder)) => Ok(vec![folder.to_path_buf()]),
            _ => Err(FindError::NoPolicy(shown(path))),
        };
    }
    let mut found = Vec::new();
    collect(path, POLICY_FILE, 0, &mut found)?;
    found.sort();
    if found.is_empty() { Err(FindError::NoPolicy(shown(path))) } else { Ok(found) }
}

/// The directories with a `fixture.toml`, at `path` or below it, in order of name; none is no error. A `fixture.toml`
/// itself stands for its directory.
///
/// # Errors
/// The path cannot be read.
pub fn find_fixtures(path: &Path) -> Result<Vec<PathBuf>, FindError> {
    let unreadable = |source| FindError::Unreadable { path: shown(path), source };
    if info(path).map_err(unreadable)?.is_file() {
        let folder = path.parent().filter(|_| path.file_name().is_some_and(|name| name == FIXTURE_FILE));
        return Ok(folder.map(Path::to_path_buf).into_iter().collect());
    }
    let mut found = Vec::new();
    collect(path, FIXTURE_FILE, 0, &mut found)?;
    found.sort();
    Ok(found)
}

/// The name of the file that makes a directory a fixture.
pub const FIXTURE_FILE: &str = "fixture.toml";

fn collect(folder: &Path, mark: &str, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), FindError> {
    if is_file(&folder.join(mark)) {
        found.push(folder.to_path_buf());
        return Ok(());
    }
    if depth == DEEPEST {
        return Ok(());
    }
    let unreadable = |source| FindError::Unreadable { path: shown(folder), source };
    for name in names(folder).map_err(unreadable)? {
        let below = if folder == Path::new(".") { PathBuf::from(&name) } else { folder.join(&name) };
        let linked = fs::symlink_metadata(&below).is_ok_and(|info| info.is_symlink());
        let passed_over = name.starts_with('.') || name == "target" || name == "node_modules";
        if passed_over || (linked && !is_of_a_config_map(folder, &below)) || !below.is_dir() {
            continue;
        }
        // A folder that may not be read may hold a policy: passing it over would call unseen policies sound.
        collect(&below, mark, depth + 1, found)?;
    }
    Ok(())
}

/// Whether the link `below` leads into a hidden folder beside it: Kubernetes mounts the keys of a ConfigMap as links into
/// `..data`, which is swapped as a whole. Nothing else in there is looked at, so each policy is found once.
fn is_of_a_config_map(folder: &Path, below: &Path) -> bool {
    let (Ok(folder), Ok(target)) = (canonical(folder), canonical(below)) else { return false };
    let first = target.strip_prefix(&folder).ok().and_then(|rest| rest.components().next());
    first.is_some_and(|first| first.as_os_str().to_string_lossy().starts_with(".."))
}

/// All files of the policy in `folder`, and the scripts it may import. Whatever cannot be read as text is among the
/// source's problems.
#[must_use]
pub fn load_policy(folder: &Path) -> PolicySource {
    let mut reader = Reader { source: PolicySource::new(shown(folder)) };
    reader.folder(folder, folder, "", &|name| name == POLICY_FILE || name.ends_with(".rhai"));
    reader.folder(folder, &folder.join("env"), "env/", &|name| name.ends_with(".toml"));
    reader.folder(folder, &folder.join("tests"), "tests/", &|name| name.ends_with(".toml"));
    for shared in shared_folders(folder) {
        reader.folder(&shared, &shared, "@shared/", &|name| name.ends_with(".rhai"));
    }
    reader.source
}

/// Where shared scripts may stand, the nearest last so that it wins: beside `policies`, beside the policy, in it.
#[must_use]
pub fn shared_folders(folder: &Path) -> Vec<PathBuf> {
    let Ok(folder) = canonical(folder) else { return Vec::new() };
    let mut found = vec![folder.join(SHARED_FOLDER)];
    if let Some(parent) = folder.parent() {
        found.insert(0, parent.join(SHARED_FOLDER));
        if parent.file_name().is_some_and(|name| name == "policies") {
            found.insert(0, parent.with_file_name(SHARED_FOLDER));
        }
    }
    found
}

struct Reader {
    source: PolicySource,
}

impl Reader {
    /// Reads the files of `folder` whose names are `wanted`; `tree` is what a symlink must not lead out of.
    fn folder(&mut self, tree: &Path, folder: &Path, prefix: &str, wanted: &dyn Fn(&str) -> bool) {
        let names = match names(folder) {
            Ok(names) => names,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return,
            Err(error) => {
                self.source.problems.push(Refusal::Unreadable(error).diagnostic(prefix.trim_end_matches('/')));
                return;
            }
        };
        for name in names {
            if name.starts_with('.') || !wanted(&name) || folder.join(&name).is_dir() {
                continue;
            }
            let inside = format!("{prefix}{name}");
            if self.source.iter().count() + self.source.problems.len() >= MAX_FILES {
                self.source.problems.push(Refusal::TooMany.diagnostic(&inside));
                return;
            }
            match read(tree, &folder.join(&name)) {
                Ok(text) => self.source.insert(inside, text),
                Err(refusal) => self.source.problems.push(refusal.diagnostic(&inside)),
            }
        }
    }
}

/// Why a file of a policy is not text that can be compiled.
pub(super) enum Refusal {
    Unreadable(io::Error),
    TooLarge(u64),
    NotUtf8 { line: usize },
    LeadsOut,
    TooMany,
}

impl Refusal {
    pub(super) fn diagnostic(self, file: &str) -> Diagnostic {
        let place = Place { file: Arc::from(file), span: 0..0 };
        let problem = |code: Code, message: String| Diagnostic::error(code, message, place);
        match self {
            Refusal::Unreadable(error) => problem(codes::UNREADABLE, format!("`{file}` cannot be read: {error}"))
                .help("let the user who runs rollgate read it"),
            Refusal::TooLarge(bytes) => {
                let size = format!("`{file}` is {} KiB, at most {} KiB", bytes.div_ceil(1024), MAX_FILE_BYTES / 1024);
                problem(codes::TOO_LARGE, size).help("recorded data belongs in a fixture, beside the policies")
            }
            Refusal::NotUtf8 { line } => {
                problem(codes::NOT_UTF8, format!("`{file}` is not UTF-8: line {line} has the first bad byte"))
                    .help("save the file as UTF-8")
            }
            Refusal::LeadsOut => {
                problem(codes::OUTSIDE, format!("`{file}` is a symlink that leads out of the policy's directory"))
                    .help("what decides must be under review with the policy: copy the file in, or use `shared/`")
            }
            Refusal::TooMany => {
                problem(codes::TOO_MANY_FILES, format!("more than {MAX_FILES} files, `{file}` is not read"))
                    .help("a policy is read by people: join its tests, or make two policies of it")
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the place that reads policies")]
fn read(tree: &Path, path: &Path) -> Result<String, Refusal> {
    let (tree, real) = (canonical(tree).map_err(Refusal::Unreadable)?, canonical(path).map_err(Refusal::Unreadable)?);
    if !real.starts_with(&tree) {
        return Err(Refusal::LeadsOut);
    }
    let found = info(&real).map_err(Refusal::Unreadable)?;
    // Opening a pipe waits for whoever writes into it.
    if !found.is_file() {
        return Err(Refusal::Unreadable(io::Error::other("it is no regular file")));
    }
    let size = found.len();
    let limit = MAX_FILE_BYTES as u64;
    if size > limit {
        return Err(Refusal::TooLarge(size));
    }
    // Bounded even when the file grows, or has no size because it is a device.
    let mut bytes = Vec::new();
    let file = fs::File::open(&real).map_err(Refusal::Unreadable)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(Refusal::Unreadable)?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(Refusal::TooLarge(bytes.len() as u64));
    }
    text(bytes)
}

/// The text of a file of a policy.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, Refusal> {
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        Refusal::NotUtf8 { line: 1 + good.iter().filter(|byte| **byte == b'\n').count() }
    })
}

/// The whole of a text file that a person named: a snapshot, a fixture's golden timeline.
///
/// # Errors
/// The file system's, or not UTF-8.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads files")]
pub fn read_text(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}

/// The lines of a file that may be long; `-` is standard input.
///
/// # Errors
/// The file system's.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads files")]
pub fn lines(path: &Path) -> io::Result<Box<dyn io::BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::BufReader::new(io::stdin())));
    }
    Ok(Box::new(io::BufReader::new(fs::File::open(path)?)))
}

/// Everything on standard input, as text.
///
/// # Errors
/// The stream's, or not UTF-8.
pub fn read_stdin() -> io::Result<String> {
    io::read_to_string(io::stdin())
}

/// The whole path, symlinks followed; the path itself when it leads nowhere.
#[must_use]
pub fn absolute(path: &Path) -> PathBuf {
    canonical(path).unwrap_or_else(|_| path.to_path_buf())
}

/// A path as people write it, with forward slashes and without `./` in front.
#[must_use]
pub fn shown(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    let text = text.strip_prefix("./").unwrap_or(&text).trim_end_matches('/');
    if text.is_empty() { ".".to_owned() } else { text.to_owned() }
}

/// The names in a folder, in order, so that no file system's own order is ever seen.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads folders")]
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> =
        fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

#[expect(clippy::disallowed_methods, reason = "this is the place that looks at files")]
fn info(path: &Path) -> io::Result<fs::Metadata> {
    fs::metadata(path)
}

#[expect(clippy::disallowed_methods, reason = "this is the place that follows symlinks")]
fn canonical(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}

fn is_file(path: &Path) -> bool {
    info(path).is_ok_and(|info| info.is_file())
}

#[cfg(test)]
mod tests;

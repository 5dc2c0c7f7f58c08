//! A fixture's directory: its data, its start, its label and what must come of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::policies;
use crate::fixture::directory::{EXPECT_FILE, FIXTURE_FILE, Fixture, Head, TIMELINE_FILE, read_fixture, read_head};
use crate::fixture::{ReadOptions, Recording};
use crate::policy::compiled::Policy;
use crate::policy::diagnostic::{Diagnostic, Level};
use crate::policy::source::PolicySource;
use crate::shell::data::open_recording;
use crate::shell::files;

/// A fixture's files as text, and the part of them that can be read without a policy.
pub(crate) struct Folder {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its files, for messages.
    pub(crate) source: PolicySource,
    /// What has to be known before its policy can be compiled.
    pub(crate) head: Head,
}

impl Folder {
    /// Whether `path` is a fixture's directory.
    pub(crate) fn is_one(path: &Path) -> bool {
        path.join(FIXTURE_FILE).is_file()
    }

    /// Reads the fixture in `path`. Its errors are shown before this fails.
    ///
    /// # Errors
    /// A file cannot be read, or `fixture.toml` is not one.
    pub(crate) fn read(path: &Path, console: &mut Console) -> anyhow::Result<Folder> {
        let mut source = PolicySource::new(files::shown(path));
        for name in [FIXTURE_FILE, EXPECT_FILE] {
            if let Ok(text) = files::read_text(&path.join(name)) {
                source.insert(name, text);
            }
        }
        let text = source.get(FIXTURE_FILE).map_or("", AsRef::as_ref).to_owned();
        let (head, diagnostics) = read_head(&text);
        refuse(&diagnostics, &source, console)?;
        let head = head.ok_or_else(|| {
            Failure::new(Exit::DataUnreadable, format!("`{}` cannot be read", files::shown(&path.join(FIXTURE_FILE))))
        })?;
        Ok(Folder { path: path.to_path_buf(), source, head })
    }

    /// The directory of its policy: relative to the nearest directory above that holds `policies`.
    pub(crate) fn policy_folder(&self) -> PathBuf {
        policy_folder(&self.path, &self.head)
    }

    /// Where the golden timeline is, or would be.
    pub(crate) fn timeline(&self) -> PathBuf {
        self.path.join(TIMELINE_FILE)
    }

    /// Read against its policy. Its errors are shown before this fails.
    ///
    /// # Errors
    /// It does not fit the policy.
    pub(crate) fn against(&self, policy: &Policy, console: &mut Console) -> anyhow::Result<Fixture> {
        let (fixture, diagnostics) = self.examine(policy);
        refuse(&diagnostics, &self.source, console)?;
        Ok(fixture)
    }

    /// Read against its policy, with every problem.
    pub(crate) fn examine(&self, policy: &Policy) -> (Fixture, Vec<Diagnostic>) {
        let text = self.source.get(FIXTURE_FILE).map_or("", AsRef::as_ref);
        read_fixture(text, self.source.get(EXPECT_FILE).map(AsRef::as_ref), policy)
    }

    /// Its recordings, opened.
    ///
    /// # Errors
    /// A file cannot be opened.
    pub(crate) fn recordings(&self) -> anyhow::Result<Vec<Recording>> {
        let open = |name: &String| open_recording(&files::shown(&self.path.join(name)), None);
        Ok(self.head.data.iter().map(open).collect::<Result<_, _>>()?)
    }

    /// How its data is read.
    pub(crate) fn reading(fixture: &Fixture, policy: &Arc<Policy>) -> ReadOptions {
        ReadOptions {
            assume_samples: fixture.assume_samples,
            mapping: fixture.mapping.clone(),
            rollout: Some(policy.rollout.clone()),
            ..ReadOptions::default()
        }
    }
}

/// The directory of the policy that the fixture in `path` replays.
pub(crate) fn policy_folder(path: &Path, head: &Head) -> PathBuf {
    let whole = files::absolute(path);
    let root = whole.ancestors().skip(1).find(|above| above.join("policies").is_dir());
    let root = root.or_else(|| whole.parent()).unwrap_or(&whole);
    let found = root.join(&head.policy);
    // As the user would name it, when that leads to the same place.
    let near = PathBuf::from(&head.policy);
    if files::absolute(&near) == found { near } else { found }
}

fn refuse(diagnostics: &[Diagnostic], source: &PolicySource, console: &mut Console) -> anyhow::Result<()> {
    for diagnostic in diagnostics {
        let text = policies::show(diagnostic, source, console);
        console.say(text.trim_end())?;
    }
    if diagnostics.iter().any(|diagnostic| diagnostic.level == Level::Error) {
        return Err(Failure::new(Exit::DataUnreadable, format!("fixture `{}` cannot be used", source.root)).into());
    }
    Ok(())
}

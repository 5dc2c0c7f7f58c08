//! `init`: a policy, its tests and a recording to start from.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::report::screen::{GOOD, Mark, PLACE, STRONG, paint};
use crate::shell::{files, write};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;

mod ci;
mod templates;

use ci::Ci;
use templates::{File, Template};

pub(super) use templates::SEVEN_DAY;

/// The files of the policy that a newcomer's controller starts with.
#[cfg(feature = "live")]
pub(super) fn example() -> impl Iterator<Item = File> {
    templates::CANARY.files(None).into_iter().filter(|file| file.path.starts_with("policies/"))
}

/// Write a policy, its tests and a recording to start from.
///
/// With --ci or --settings alone, nothing else is written: for a tree that is there already. Nothing that is there is overwritten: if one of the files exists, none is written.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate init                                a canary policy below here
  rollgate init --template seven-day rollouts  five stages over a week
  rollgate init --name checkout-cache rollouts
  rollgate init --ci github                    check every pull request
  rollgate init --settings                     a rollgate.toml to fill in")]
pub struct Init {
    /// Where to write [default: here]
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// What to start from [default: canary]
    #[arg(short, long, value_enum, value_name = "NAME")]
    template: Option<Choice>,
    /// What the rollout is called; lower-case words joined by dashes
    #[arg(short, long, value_name = "ROLLOUT", value_parser = rollout_name)]
    name: Option<String>,
    /// Write a workflow that checks, tests and diffs every pull request; alone, nothing else is written
    #[arg(long, value_enum, value_name = "SYSTEM")]
    ci: Option<Ci>,
    /// Write a rollgate.toml for `run`, every key explained; alone, nothing else is written
    #[arg(long)]
    settings: bool,
    /// Where the workflow installs rollgate from: `https://host/path#revision`, or crates.io
    #[arg(long, value_name = "SOURCE", requires = "ci", value_parser = ci::source)]
    rollgate_source: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// One small step before everybody: errors and latency against control
    Canary,
    /// Off, internal, canary, staged, full over a week, with approvals and a script
    SevenDay,
    /// A web service by its four signals: latency, traffic, errors, saturation
    WebService,
}

impl Choice {
    const fn template(self) -> &'static Template {
        match self {
            Choice::Canary => &templates::CANARY,
            Choice::SevenDay => &templates::SEVEN_DAY,
            Choice::WebService => &templates::WEB_SERVICE,
        }
    }
}

/// Feature names are made from it, so it has to be one that flags can have.
fn rollout_name(text: &str) -> Result<String, String> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fine = text.chars().all(letters) && text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
    if fine {
        Ok(text.to_owned())
    } else {
        Err("use lower-case words joined by dashes, as in `checkout-cache`".to_owned())
    }
}

/// A path as it can be pasted into a shell.
fn pasted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

impl Init {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let template = self.template.unwrap_or(Choice::Canary).template();
        let workflow = self.ci.map(|ci| ci.file(self.rollgate_source.as_deref()));
        // A tree that is there needs the workflow, or the settings, and nothing else.
        let only_extras = (workflow.is_some() || self.settings) && self.template.is_none() && self.name.is_none();
        let mut files: Vec<File> = if only_extras { Vec::new() } else { template.files(self.name.as_deref()) };
        files.extend(workflow);
        if self.settings {
            files.extend(templates::settings());
        }
        let there: Vec<String> = files
            .iter()
            .filter(|file| !file.path.starts_with(templates::SCHEMA_FOLDER))
            .map(|file| self.directory.join(&file.path))
            .filter(|path| path.symlink_metadata().is_ok())
            .map(|path| files::shown(&path))
            .collect();
        if !there.is_empty() {
            let more = match there.len() {
                1 => " is".to_owned(),
                number => format!(" and {} more are", number - 1),
            };
            let message =
                format!("`{}`{more} there already; nothing was written", there.first().map_or("", String::as_str));
            let failure = Failure::new(Exit::Failed, message);
            let help = if only_extras {
                "take it out, or edit it by hand"
            } else {
                "choose another directory, or another --name"
            };
            return Err(failure.help(help).into());
        }
        for file in &files {
            let path = self.directory.join(&file.path);
            // Every policy of a tree shares the schemas; what is there stays.
            if file.path.starts_with(templates::SCHEMA_FOLDER) && path.exists() {
                continue;
            }
            write::create(&path, file.text.as_bytes())
                .with_context(|| format!("cannot write `{}`", files::shown(&path)))?;
            // Five schemas in a row would push what matters off the screen.
            if !file.path.starts_with(templates::SCHEMA_FOLDER) {
                let icon = paint(GOOD, console.screen.icon(Mark::Good));
                console.line(format!("{icon} {}", files::shown(&path)))?;
            } else if file.path.ends_with("/policy.schema.json") {
                let icon = paint(GOOD, console.screen.icon(Mark::Good));
                let folder = files::shown(&self.directory.join(templates::SCHEMA_FOLDER));
                console.line(format!("{icon} {folder} (what editors complete from)"))?;
            }
        }
        if !only_extras {
            self.next_steps(template, console)?;
        }
        if self.ci.is_some() {
            self.about_the_workflow(console)?;
        }
        if self.settings {
            self.about_the_settings(console)?;
        }
        Ok(Exit::Done)
    }

    /// What a workflow cannot know by itself.
    fn about_the_workflow(&self, console: &mut Console) -> anyhow::Result<()> {
        console.line(format!("\n{}", paint(STRONG, "In the repository:")))?;
        match self.rollgate_source.as_deref() {
            None => console.line(
                "  set the Actions variable ROLLGATE_SOURCE to where rollgate comes from, as\n  \
                 `https://host/path#revision`: until then the workflow fails and says so",
            )?,
            Some(source) if !source.contains('#') && source != "crates.io" => console.line(
                "  pin the revision: `--rollgate-source URL#REVISION`; without it every run\n  installs whatever is newest",
            )?,
            Some(_) => console.line("  rollgate is installed from the source you gave")?,
        }
        console.line(
            "  the workflow belongs at the top of the repository, as .github/workflows;\n  \
             policies and fixtures are looked for in `policies` and `fixtures`",
        )?;
        Ok(())
    }

    /// They work as they are; what is worth a look first.
    fn about_the_settings(&self, console: &mut Console) -> anyhow::Result<()> {
        let path = self.directory.join(crate::settings::SETTINGS_FILE);
        let path = pasted(&files::shown(&path));
        console.line(format!("\n{}", paint(STRONG, "The settings:")))?;
        for (command, why) in [
            (format!("rollgate check {path}"), "is every key right"),
            (format!("rollgate run --config {path}"), "watch policies and metrics, and decide"),
        ] {
            console.line(format!("  {}\n      {why}", paint(PLACE, command)))?;
        }
        Ok(())
    }

    fn next_steps(&self, template: &Template, console: &mut Console) -> anyhow::Result<()> {
        let rollout = self.name.as_deref().unwrap_or(template.rollout);
        let (policy, fixture) = (Template::policy_folder(rollout), template.fixture_folder(rollout));
        let here = self.directory == Path::new(".");
        let at = |path: &str| if here { path.to_owned() } else { pasted(&files::shown(&self.directory.join(path))) };
        console.line(format!("\n{}", paint(STRONG, "Next:")))?;
        let steps = [
            (format!("rollgate check {}", at(&policy)), "is it sound"),
            (format!("rollgate test {}", pasted(&files::shown(&self.directory))), "does it do what its tests say"),
            (format!("rollgate replay {} {}", at(&policy), at(&fixture)), "what it would have done"),
        ];
        for (command, why) in steps {
            console.line(format!("  {}\n      {why}", paint(PLACE, command)))?;
        }
        Ok(())
    }
}

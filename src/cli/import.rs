//! `import`: other tools' files to a policy, and a list of what could not be converted.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::import::{self, File, ImportError, Imported, Input, Note, Outcome, Tool};
use crate::report::json::Envelope;
use crate::report::layout::{count, hang};
use crate::report::screen::{ATTENTION, BAD, GOOD, Mark, PLACE, QUIET, STRONG, paint};
use crate::shell::{files, write};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::global::{self, Output};

/// Convert Argo Rollouts or Flagger files to a policy, and list what could not be.
///
/// The policy goes to standard output, or with --write into one folder per rollout. Its comments say where each number
/// comes from and which were assumed. The report of what was converted, approximated and dropped goes to standard
/// error; reading it is part of the conversion.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate import rollout.yaml                what would it become
  rollgate import argo rollout.yaml templates.yaml --write policies
  rollgate import flagger canary.yaml > policy.toml
  helm template chart | rollgate import -     render templates first")]
pub struct Import {
    /// Files, `-` for standard input; with `argo` or `flagger` before them, only that tool's documents are read
    #[arg(value_name = "[argo|flagger] FILE", required = true)]
    files: Vec<String>,
    /// Write DIR/ROLLOUT/policy.toml instead of printing
    #[arg(short, long, value_name = "DIR")]
    write: Option<PathBuf>,
    /// Replace policies that are there
    #[arg(long, requires = "write")]
    force: bool,
    /// Shape of the report [default: pretty, or plain with --plain]
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<Output>,
}

impl Import {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let (tool, names) = match self.files.split_first() {
            Some((first, rest)) if first == "argo" => (Some(Tool::Argo), rest),
            Some((first, rest)) if first == "flagger" => (Some(Tool::Flagger), rest),
            _ => (None, self.files.as_slice()),
        };
        if names.is_empty() {
            let failure = Failure::new(Exit::Usage, "no file to import");
            return Err(failure.help("name the tool's YAML files, or - for standard input").into());
        }
        let inputs = names.iter().map(|name| read(name)).collect::<anyhow::Result<Vec<Input>>>()?;
        let imported = import::import(&inputs, tool).map_err(refused)?;
        if let Some(folder) = &self.write {
            self.put(folder, &imported)?;
        }
        match global::output(self.output, console.plain) {
            Output::Json => console.line(Envelope::new("import", Body::new(&imported)).pretty()?)?,
            Output::Jsonl => jsonl(&imported, console)?,
            Output::Plain => {
                console.plain = true;
                self.show(&imported, console)?;
            }
            Output::Pretty => self.show(&imported, console)?,
        }
        Ok(Exit::Done)
    }

    fn put(&self, folder: &Path, imported: &Imported) -> anyhow::Result<()> {
        let path = |file: &File| folder.join(&file.path);
        let there = imported.files.iter().map(path).find(|path| path.symlink_metadata().is_ok());
        if let Some(path) = there.filter(|_| !self.force) {
            let message = format!("`{}` is there already; nothing was written", files::shown(&path));
            let failure = Failure::new(Exit::Failed, message);
            return Err(failure.help("choose another directory, or replace it with --force").into());
        }
        for file in &imported.files {
            let path = path(file);
            write::put(&path, file.text.as_bytes())
                .with_context(|| format!("cannot write `{}`", files::shown(&path)))?;
        }
        Ok(())
    }

    /// The policies where a pipe wants them, everything else where a person reads.
    fn show(&self, imported: &Imported, console: &mut Console) -> anyhow::Result<()> {
        for file in &imported.files {
            match &self.write {
                Some(folder) => {
                    let icon = if console.plain { "wrote" } else { console.screen.icon(Mark::Good) };
                    let path = files::shown(&folder.join(&file.path));
                    console.line(format!("{} {path}", paint(GOOD, icon)))?;
                }
                None => {
                    if imported.files.len() > 1 {
                        console.line(format!("# ---- {}", file.path))?;
                    }
                    console.print(&file.text)?;
                }
            }
        }
        let text = report(&imported.report, console);
        console.say(text)?;
        if let (Some(folder), false) = (&self.write, console.plain) {
            let folder = files::shown(folder);
            console.line(format!("\n{}", paint(STRONG, "Next:")))?;
            console.line(format!("  {}\n      is it sound", paint(PLACE, format!("rollgate check {folder}"))))?;
            console.line("  then write a test for each bound, before anybody relies on it")?;
        }
        Ok(())
    }
}

fn read(name: &str) -> anyhow::Result<Input> {
    let (shown, text) = match name {
        "-" => ("standard input".to_owned(), files::read_stdin()),
        path => (files::shown(Path::new(path)), files::read_text(Path::new(path))),
    };
    match text {
        Ok(text) => Ok(Input { name: shown, text }),
        Err(cause) if cause.kind() == std::io::ErrorKind::InvalidData => {
            let failure = Failure::new(Exit::DataUnreadable, format!("`{shown}` is not UTF-8"));
            Err(failure.help("is this the YAML file, and not an archive of it?").into())
        }
        Err(cause) => Err(anyhow::Error::from(cause).context(format!("cannot read `{shown}`"))),
    }
}

fn refused(error: ImportError) -> anyhow::Error {
    let help = error.help.clone();
    Failure::new(Exit::DataUnreadable, error.to_string()).help(help).into()
}

/// Dropped first: it is what somebody has to do.
fn report(notes: &[Note], console: &Console) -> String {
    let mut text = String::new();
    let levels = [Outcome::Dropped, Outcome::Approximated, Outcome::Converted];
    // What was converted stands in the policy, with the line it comes from.
    for level in levels.into_iter().filter(|level| console.plain || *level != Outcome::Converted) {
        let own: Vec<&Note> = notes.iter().filter(|note| note.level == level).collect();
        if own.is_empty() {
            continue;
        }
        if console.plain {
            own.iter().for_each(|note| text.push_str(&plain(note)));
            continue;
        }
        let (mark, style, word) = match level {
            Outcome::Dropped => (Mark::Bad, BAD, "dropped: not in the policy"),
            Outcome::Approximated => {
                (Mark::Attention, ATTENTION, "approximated: in the policy, and not quite the same")
            }
            Outcome::Converted => (Mark::Good, GOOD, "converted"),
        };
        let icon = console.screen.icon(mark);
        text.push_str(&format!("\n{} {}\n", paint(style, format!("{icon} {}", own.len())), paint(style, word)));
        for note in own {
            let place = format!("{}:{}", note.place.file, note.place.line);
            let width = console.screen.width;
            text.push_str(&format!("  {}\n    {}\n", paint(PLACE, place), hang(&note.text, width, 4)));
            // What needs no hand would only be in the way of what does.
            if !note.by_hand.is_empty() && note.by_hand != "nothing" {
                let by_hand = hang(&format!("by hand: {}", note.by_hand), width, 6);
                text.push_str(&format!("    {}\n", paint(QUIET, format!("{} {by_hand}", console.screen.arrow()))));
            }
        }
    }
    let of = |level| notes.iter().filter(|note| note.level == level).count();
    text.push_str(&format!(
        "{}{} converted, {} approximated, {} dropped",
        if console.plain { "" } else { "\n" },
        count(of(Outcome::Converted), "fact"),
        of(Outcome::Approximated),
        of(Outcome::Dropped)
    ));
    text
}

fn plain(note: &Note) -> String {
    let level = match note.level {
        Outcome::Dropped => "dropped",
        Outcome::Approximated => "approximated",
        Outcome::Converted => "converted",
    };
    let by_hand = if note.by_hand.is_empty() { String::new() } else { format!("; by hand: {}", note.by_hand) };
    format!("{}:{}: {level}: {}{by_hand}\n", note.place.file, note.place.line, note.text)
}

/// What programs read.
#[derive(Serialize)]
struct Body<'a> {
    files: Vec<Shown<'a>>,
    notes: &'a [Note],
    converted: usize,
    approximated: usize,
    dropped: usize,
}

#[derive(Serialize)]
struct Shown<'a> {
    path: &'a str,
    text: &'a str,
}

impl Body<'_> {
    fn new(imported: &Imported) -> Body<'_> {
        let of = |level| imported.report.iter().filter(|note| note.level == level).count();
        Body {
            files: imported.files.iter().map(|file| Shown { path: &file.path, text: &file.text }).collect(),
            notes: &imported.report,
            converted: of(Outcome::Converted),
            approximated: of(Outcome::Approximated),
            dropped: of(Outcome::Dropped),
        }
    }
}

/// A line for each policy, then one for each note.
fn jsonl(imported: &Imported, console: &mut Console) -> anyhow::Result<()> {
    for file in &imported.files {
        console.line(Envelope::new("import", Shown { path: &file.path, text: &file.text }).line()?)?;
    }
    for note in &imported.report {
        console.line(Envelope::new("note", note).line()?)?;
    }
    Ok(())
}

//! `docs`: the pages that are written from a policy, and the dashboard that draws it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use jiff::tz::TimeZone;

use crate::handbook::Handbook;
use crate::handbook::grafana::Queries;
use crate::model::time::Time;
use crate::policy::compiled::Policy;
use crate::shell::{files, write};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::global::WhichEnvironment;
use super::policies;

/// Write the rollout plan, the runbook, the threshold matrix or a dashboard of a policy.
///
/// From the policy alone, so they say what rollgate will do. Keep them beside the policy and write them again with every
/// change.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate docs matrix            what each stage holds or rolls back on
  rollgate docs plan policies/isolation --start 2026-11-30T08:00:00Z
  rollgate docs runbook policies/isolation --write RUNBOOK.md
  rollgate docs grafana policies/isolation \\
    --query 'error_rate=job:errors:percent{variant=\"$group\"}'")]
pub struct Docs {
    #[command(subcommand)]
    page: Page,
}

#[derive(Debug, Subcommand)]
enum Page {
    /// The rollout plan: stages, exposure, bakes, gates, approvals, triggers, earliest and latest finish
    Plan(Plan),
    /// The runbook: checklist, commands, dashboards, troubleshooting, escalation, post-deployment
    Runbook(Common),
    /// Stage by threshold
    Matrix(Matrix),
    /// A Grafana dashboard with the policy's bounds drawn in
    Grafana(Grafana),
}

/// What every page takes.
#[derive(Debug, Args)]
struct Common {
    /// The policy's directory [default: the only one below `policies`, else here]
    policy: Option<PathBuf>,
    #[command(flatten)]
    environment: WhichEnvironment,
    /// Write into this file instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Plan {
    #[command(flatten)]
    common: Common,
    /// When it starts: gives dates, with the freezes worked in
    #[arg(long, value_name = "TIME", value_parser = time)]
    start: Option<Time>,
    /// Zone that dates are shown in, as in Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE", value_parser = zone, requires = "start")]
    tz: Option<TimeZone>,
}

#[derive(Debug, Args)]
struct Matrix {
    #[command(flatten)]
    common: Common,
    /// Shape [default: pretty at a terminal, else markdown]
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<Shape>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// For a terminal
    Pretty,
    /// A Markdown table
    Markdown,
}

#[derive(Debug, Args)]
struct Grafana {
    #[command(flatten)]
    common: Common,
    /// PromQL for a metric that has another name there, `$group` standing for the group; may be given again
    #[arg(long, value_name = "METRIC=PROMQL")]
    query: Vec<String>,
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).map_err(|error| error.to_string())
}

fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| format!("no zone is called `{text}`; write it as Europe/Berlin"))
}

impl Docs {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        match &self.page {
            Page::Plan(plan) => {
                let zone = plan.tz.clone().unwrap_or(TimeZone::UTC);
                plan.common.page(console, |book, _| Ok(book.plan(plan.start, &zone)))
            }
            Page::Runbook(common) => common.page(console, |book, _| Ok(book.runbook())),
            Page::Matrix(matrix) => {
                let at_screen = console.on_screen && matrix.common.write.is_none() && !console.plain;
                let width = console.screen.width;
                match matrix.output.unwrap_or(if at_screen { Shape::Pretty } else { Shape::Markdown }) {
                    Shape::Pretty => matrix.common.page(console, |book, _| Ok(book.matrix_screen(width))),
                    Shape::Markdown => matrix.common.page(console, |book, _| Ok(book.matrix())),
                }
            }
            Page::Grafana(grafana) => {
                grafana.common.page(console, |book, policy| Ok(book.grafana(&queries(&grafana.query, policy)?)))
            }
        }
    }
}

impl Common {
    /// Compiles the policy, makes the page, and puts it where it is wanted.
    fn page(
        &self,
        console: &mut Console,
        make: impl FnOnce(&Handbook<'_>, &Policy) -> anyhow::Result<String>,
    ) -> anyhow::Result<Exit> {
        let given: Vec<PathBuf> = self.policy.iter().cloned().collect();
        let usual = policies::or_usual(&given);
        let source = policies::load_one(usual.first().map_or(Path::new("."), PathBuf::as_path))?;
        let policy = policies::compile(&source, &self.environment.get(), console)?;
        let text = make(&Handbook::new(&policy, &source), &policy)?;
        match &self.write {
            None => console.print(text)?,
            Some(path) => {
                write::put(path, text.as_bytes()).with_context(|| format!("cannot write `{}`", path.display()))?;
                console.line(files::shown(path))?;
            }
        }
        Ok(Exit::Done)
    }
}

/// `METRIC=PROMQL`, each metric at most once.
fn queries(given: &[String], policy: &Policy) -> anyhow::Result<Queries> {
    let mut queries = Queries::new();
    for text in given {
        let Some((name, query)) = text.split_once('=').filter(|(_, query)| !query.trim().is_empty()) else {
            let failure = Failure::new(Exit::Usage, format!("`--query {text}` names no metric and its query"));
            return Err(failure.help("write it as --query 'error_rate=errors{variant=\"$group\"}'").into());
        };
        let Some(metric) = policy.catalogue.find(name.trim()) else {
            let names: Vec<&str> = policy.catalogue.metrics().iter().map(|metric| metric.name.as_str()).collect();
            let failure = Failure::new(Exit::Usage, format!("the policy has no metric `{}`", name.trim()));
            return Err(failure.help(format!("metrics: {}", names.join(", "))).into());
        };
        if queries.insert(metric, query.trim().to_owned()).is_some() {
            return Err(Failure::new(Exit::Usage, format!("`--query` is given twice for `{}`", name.trim())).into());
        }
    }
    Ok(queries)
}

//! Arguments that every command takes.

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::model::ids::Environment;
use crate::report::ci::Format;

/// How output looks, on every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Colour: when stdout is a terminal, always, or never (NO_COLOR is honoured)
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto, global = true, help_heading = "Appearance")]
    pub color: Color,
    /// Only ASCII: for terminals and logs that cannot show more
    #[arg(long, global = true, env = "ROLLGATE_ASCII", value_parser = clap::builder::FalseyValueParser::new(), help_heading = "Appearance")]
    pub ascii: bool,
    /// One fact per line and nothing drawn: for screen readers and grep
    #[arg(long, global = true, env = "ROLLGATE_PLAIN", value_parser = clap::builder::FalseyValueParser::new(), help_heading = "Appearance")]
    pub plain: bool,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// When stdout is a terminal and NO_COLOR is not set
    Auto,
    /// Even into a file or pipe
    Always,
    /// Never
    Never,
}

/// The shape of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people at a terminal
    Pretty,
    /// One fact per line
    Plain,
    /// One JSON object
    Json,
    /// One JSON object per line
    Jsonl,
}

/// The shape of a report that continuous integration may read too: `check`, `test`, `diff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnyOutput {
    /// One that every command has.
    Own(Output),
    /// One of another tool's.
    Ci(Format),
}

impl ValueEnum for AnyOutput {
    fn value_variants<'a>() -> &'a [AnyOutput] {
        &[
            AnyOutput::Own(Output::Pretty),
            AnyOutput::Own(Output::Plain),
            AnyOutput::Own(Output::Json),
            AnyOutput::Own(Output::Jsonl),
            AnyOutput::Ci(Format::Junit),
            AnyOutput::Ci(Format::Github),
            AnyOutput::Ci(Format::Sarif),
            AnyOutput::Ci(Format::Rdjsonl),
            AnyOutput::Ci(Format::Markdown),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            AnyOutput::Own(own) => own.to_possible_value(),
            AnyOutput::Ci(format) => Some(PossibleValue::new(format.name()).help(format.about())),
        }
    }
}

/// Which environment's policy is meant.
#[derive(Debug, Clone, Args)]
pub struct WhichEnvironment {
    /// Environment whose overlay (`env/NAME.toml`) is in force [default: the fixture's, else production]
    #[arg(short, long, value_name = "NAME", env = "ROLLGATE_ENVIRONMENT")]
    pub environment: Option<String>,
}

impl WhichEnvironment {
    /// As the policy compiler wants it.
    #[must_use]
    pub fn get(&self) -> Environment {
        self.asked().unwrap_or_else(|| Environment::new(crate::policy::PRODUCTION))
    }

    /// The environment, when one was named.
    #[must_use]
    pub fn asked(&self) -> Option<Environment> {
        self.environment.as_deref().map(Environment::new)
    }
}

/// The report's shape: what was asked for, else plain with `--plain`.
#[must_use]
pub fn output(asked: Option<Output>, plain: bool) -> Output {
    asked.unwrap_or(if plain { Output::Plain } else { Output::Pretty })
}

/// The same for commands whose reports continuous integration may read too.
#[must_use]
pub fn any_output(asked: Option<AnyOutput>, plain: bool) -> AnyOutput {
    asked.unwrap_or(AnyOutput::Own(output(None, plain)))
}

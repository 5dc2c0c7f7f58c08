//! `schema`: the JSON Schema of the files people write.

use clap::{Args, ValueEnum};

use super::console::Console;
use super::exit::Exit;

/// Print the JSON Schema that editors complete policies, tests and fixtures with.
///
/// Name it in the first line of a file: `#:schema ../../schemas/policy.schema.json`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate schema > schemas/policy.schema.json
  rollgate schema overlay > schemas/overlay.schema.json
  rollgate schema test > schemas/test.schema.json
  rollgate schema fixture > schemas/fixture.schema.json
  rollgate schema expect > schemas/expect.schema.json
  rollgate schema settings > schemas/settings.schema.json")]
pub struct Schema {
    /// Which file's schema
    #[arg(value_enum, default_value_t = Of::Policy)]
    of: Of,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Of {
    /// policy.toml
    Policy,
    /// env/NAME.toml
    Overlay,
    /// tests/NAME.toml of a policy
    Test,
    /// fixture.toml
    Fixture,
    /// expect.toml of a fixture
    Expect,
    /// rollgate.toml, the controller's settings
    Settings,
}

impl Schema {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let schema = match self.of {
            Of::Policy => crate::policy::schema::policy_schema(),
            Of::Overlay => crate::policy::schema::overlay_schema(),
            Of::Test => crate::fixture::schema::test_schema(),
            Of::Fixture => crate::fixture::schema::fixture_schema(),
            Of::Expect => crate::fixture::schema::expect_schema(),
            Of::Settings => crate::settings::schema::settings_schema(),
        };
        console.line(serde_json::to_string_pretty(&schema)?)?;
        Ok(Exit::Done)
    }
}

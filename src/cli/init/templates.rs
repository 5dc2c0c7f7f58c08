//! The templates: real files, compiled in, with the rollout's name put in place.

/// What editors complete policies, tests and fixtures with; shared by all policies of a tree.
pub(crate) const SCHEMA_FOLDER: &str = "schemas/";

/// One file to write.
#[derive(Debug)]
pub(crate) struct File {
    /// Path below the directory.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
}

/// A policy with its tests and one recording.
#[derive(Debug)]
pub(crate) struct Template {
    /// The rollout's name in the files below; replaced by the one asked for.
    pub(crate) rollout: &'static str,
    fixture: &'static str,
    policy_files: &'static [(&'static str, &'static str)],
    fixture_files: &'static [(&'static str, &'static str)],
}

macro_rules! files {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!($folder, "/", $name)))),+]
    };
}

/// One small step before everybody.
pub(crate) static CANARY: Template = Template {
    rollout: "my-rollout",
    fixture: "error-spike",
    policy_files: files!("canary": "policy.toml", "tests/errors.toml", "tests/bounds.toml"),
    fixture_files: files!("canary/fixture": "fixture.toml", "expect.toml", "data.csv"),
};

/// Five stages over a week.
pub(crate) static SEVEN_DAY: Template = Template {
    rollout: "request-isolation",
    fixture: "night-leak",
    policy_files: files!("seven-day": "policy.toml", "rules.rhai", "env/staging.toml", "tests/score.toml"),
    fixture_files: files!("seven-day/fixture": "fixture.toml", "expect.toml", "data.csv"),
};

/// A web service by its four signals.
pub(crate) static WEB_SERVICE: Template = Template {
    rollout: "web-service",
    fixture: "slow-database",
    policy_files: files!("web-service": "policy.toml", "tests/signals.toml"),
    fixture_files: files!("web-service/fixture": "fixture.toml", "expect.toml", "data.csv"),
};

impl Template {
    /// Every file, with `rollout` in place of the template's own name.
    pub(crate) fn files(&self, rollout: Option<&str>) -> Vec<File> {
        let rollout = rollout.unwrap_or(self.rollout);
        let named = |text: &str| text.replace(self.rollout, rollout).replace(&flag(self.rollout), &flag(rollout));
        let file = |folder: String| move |name: &str, text: String| File { path: format!("{folder}/{name}"), text };
        let (policy, fixture) = (file(Template::policy_folder(rollout)), file(self.fixture_folder(rollout)));
        let mut files: Vec<File> = self.policy_files.iter().map(|(name, text)| policy(name, named(text))).collect();
        files.extend(self.fixture_files.iter().map(|(name, text)| fixture(name, named(text))));
        files.extend(schemas());
        files
    }

    /// Where the policy stands.
    pub(crate) fn policy_folder(rollout: &str) -> String {
        format!("policies/{rollout}")
    }

    /// Where the recording stands.
    pub(crate) fn fixture_folder(&self, rollout: &str) -> String {
        format!("fixtures/{rollout}-{}", self.fixture)
    }

    /// One of the policy's or the recording's files, as it stands in the template.
    pub(crate) fn text(&self, name: &str) -> &'static str {
        let all = || self.policy_files.iter().chain(self.fixture_files);
        all().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }

    /// The policy's files.
    pub(crate) fn policy(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.policy_files.iter().copied()
    }
}

/// One for each kind of file that people write.
fn schemas() -> impl Iterator<Item = File> {
    use crate::fixture::schema::{expect_schema, fixture_schema, test_schema};
    use crate::policy::schema::{overlay_schema, policy_schema};
    let all = [
        ("policy", policy_schema()),
        ("overlay", overlay_schema()),
        ("test", test_schema()),
        ("fixture", fixture_schema()),
        ("expect", expect_schema()),
    ];
    all.into_iter().map(|(name, schema)| File {
        path: format!("{SCHEMA_FOLDER}{name}.schema.json"),
        text: format!("{schema:#}\n"),
    })
}

/// The controller's settings, every key at its default behind a `#`, and what editors complete them from.
pub(crate) fn settings() -> [File; 2] {
    let schema = crate::settings::schema::settings_schema();
    [
        File {
            path: crate::settings::SETTINGS_FILE.to_owned(),
            text: include_str!("settings/rollgate.toml").to_owned(),
        },
        File { path: format!("{SCHEMA_FOLDER}settings.schema.json"), text: format!("{schema:#}\n") },
    ]
}

/// A feature flag's name for a rollout: `my-rollout` has `my_rollout`.
fn flag(rollout: &str) -> String {
    rollout.replace('-', "_")
}

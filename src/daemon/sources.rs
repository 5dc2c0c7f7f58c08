//! The sources of the settings that are asked, made. Those that push come over the API.

use std::time::Duration;

use crate::adapters::source::file::{self, GrowingFile};
use crate::adapters::source::prometheus::{Access, Config, Prometheus, Query};
use crate::adapters::source::redis_stream::{self, RedisStream};
use crate::adapters::source::{About, Secret};
use crate::model::frame::Group;
use crate::ports::source::Source;
use crate::settings::Settings;
use crate::settings::sources::{
    self as given, FileSettings, GoogleSettings, GroupWords, PrometheusSettings, QuerySettings, SourceKind,
    SourceSettings, StreamSettings,
};
use crate::shell::{files, operator};

use super::stores;
use renewing::Renewing;

mod renewing;

/// A source, and how it is asked.
pub struct Made {
    /// The source.
    pub source: Box<dyn Source>,
    /// How often it is asked.
    pub every: Duration,
    /// The rollouts it feeds; all of them when empty.
    pub feeds: Vec<String>,
}

/// Every source of the settings that is asked.
///
/// # Errors
/// The name of the source that cannot be made, and why.
pub fn of(settings: &Settings) -> Result<Vec<Made>, (String, String)> {
    let mut made = Vec::new();
    for source in &settings.sources {
        let named = |why| (source.name.clone(), why);
        if let Some(built) = renewed(source).map_err(named)? {
            made.push(Made {
                source: built,
                every: Duration::from_millis(source.every.as_millis().unsigned_abs()),
                feeds: source.rollouts.iter().map(ToString::to_string).collect(),
            });
        }
    }
    Ok(made)
}

/// The names of the sources of the settings that are pushed to, and the rollouts each feeds; all of them when empty.
#[must_use]
pub fn pushed(settings: &Settings) -> Vec<(String, Vec<String>)> {
    let is_pushed = |source: &&SourceSettings| matches!(source.kind, SourceKind::Otlp(_) | SourceKind::Alertmanager(_));
    let named = settings.sources.iter().filter(is_pushed);
    named.map(|source| (source.name.clone(), source.rollouts.iter().map(ToString::to_string).collect())).collect()
}

/// A source that shows a secret is built anew when it is denied: the secret may be another one by then.
fn renewed(source: &SourceSettings) -> Result<Option<Box<dyn Source>>, String> {
    match source.kind {
        SourceKind::Prometheus(_) | SourceKind::Google(_) | SourceKind::RedisStream(_) => {
            let settings = source.clone();
            let again = move || build(&settings)?.ok_or_else(|| "it is not asked".to_owned());
            Ok(Some(Box::new(Renewing::new(again)?)))
        }
        SourceKind::Ndjson(_) | SourceKind::Otlp(_) | SourceKind::Alertmanager(_) => build(source),
    }
}

fn build(source: &SourceSettings) -> Result<Option<Box<dyn Source>>, String> {
    Ok(match &source.kind {
        SourceKind::Prometheus(settings) => Some(prometheus(source, settings)?),
        SourceKind::Google(settings) => Some(google(source, settings)?),
        SourceKind::RedisStream(settings) => Some(Box::new(stream(source, settings)?)),
        SourceKind::Ndjson(settings) => Some(Box::new(GrowingFile::new(growing(source, settings)))),
        SourceKind::Otlp(_) | SourceKind::Alertmanager(_) => None,
    })
}

/// A source that feeds one rollout says so; one that feeds several leaves it to whoever takes it in.
fn about(source: &SourceSettings) -> About {
    match source.rollouts.as_slice() {
        [only] => About { rollout: Some(only.to_string()), environment: None },
        _ => About::default(),
    }
}

fn prometheus(source: &SourceSettings, settings: &PrometheusSettings) -> Result<Box<dyn Source>, String> {
    let mut config =
        Config::new(&source.name, &stores::plain(&settings.url)?, queries(&settings.queries, &settings.groups));
    config.access = match &settings.access {
        given::Access::Open => Access::Open,
        given::Access::Bearer(token) => Access::Bearer(Secret::new(stores::secret(token)?)),
        given::Access::Basic { username, password } => {
            Access::Basic { user: username.clone(), password: Secret::new(stores::secret(password)?) }
        }
    };
    for (name, value) in &settings.headers {
        config.headers.push((name.clone(), Secret::new(stores::plain(value)?)));
    }
    if let Some(path) = &settings.ca {
        let text =
            files::read_text(path).map_err(|error| format!("`{}` cannot be read: {error}", files::shown(path)))?;
        config.ca = Some(text.into_bytes());
    }
    config.proxy = settings.proxy.as_ref().map(stores::plain).transpose()?;
    config.exposure.clone_from(&settings.exposure);
    asked(source, config)
}

fn google(source: &SourceSettings, settings: &GoogleSettings) -> Result<Box<dyn Source>, String> {
    let queries = queries(&settings.queries, &settings.groups);
    let mut config = Config::google(&source.name, &settings.project, queries);
    if let Some(url) = &settings.url {
        config.url = stores::plain(url)?;
    }
    config.access = match &settings.token {
        Some(token) => Access::Bearer(Secret::new(stores::secret(token)?)),
        None => Access::Google { metadata_host: operator::metadata_host() },
    };
    config.exposure.clone_from(&settings.exposure);
    asked(source, config)
}

fn asked(source: &SourceSettings, mut config: Config) -> Result<Box<dyn Source>, String> {
    config.about = about(source);
    config.region = source.region.as_ref().map(ToString::to_string).unwrap_or_default();
    config.deadline = source.deadline;
    Ok(Box::new(Prometheus::new(config).map_err(|error| error.to_string())?))
}

/// One query for each group that it is asked for.
fn queries(settings: &[QuerySettings], words: &GroupWords) -> Vec<Query> {
    settings.iter().flat_map(|query| Group::EVERY.into_iter().filter_map(|group| one(query, group, words))).collect()
}

fn one(query: &QuerySettings, group: Group, words: &GroupWords) -> Option<Query> {
    let word = match group {
        Group::Treatment => words.treatment.as_deref(),
        Group::Control => words.control.as_deref(),
        Group::All => words.all.as_deref(),
    };
    let tells_groups = query.query.contains("$group");
    let wanted = match &query.groups {
        Some(groups) => groups.contains(&group),
        None if tells_groups => word.is_some(),
        None => group == Group::All,
    };
    let filled = |text: &str| text.replace("$group", word.unwrap_or(group.name()));
    wanted.then(|| Query {
        samples: query.samples.as_deref().map(filled),
        age: query.age.as_deref().map(filled),
        ..Query::new(query.metric.as_str(), group, &filled(&query.query))
    })
}

fn stream(source: &SourceSettings, settings: &StreamSettings) -> Result<RedisStream, String> {
    let redis = stores::options(&settings.redis)?;
    let consumer = settings.consumer.clone().unwrap_or_else(operator::machine);
    let mut config = redis_stream::Config::new(&source.name, redis.servers, &settings.stream, &consumer);
    config.about = about(source);
    (config.credentials, config.sentinel_credentials) = (redis.credentials, redis.sentinel_credentials);
    config.tls = redis.tls;
    // The members of a group share its entries, and every controller has to hear everything.
    config.group = settings.group.clone().unwrap_or_else(|| format!("rollgate-{consumer}"));
    config.deadline = source.deadline;
    Ok(RedisStream::new(config))
}

fn growing(source: &SourceSettings, settings: &FileSettings) -> file::Config {
    let start = if settings.from_beginning { file::Start::Beginning } else { file::Start::End };
    file::Config { name: source.name.clone(), about: about(source), path: settings.path.clone(), start }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(treatment: Option<&str>, control: Option<&str>) -> GroupWords {
        GroupWords { treatment: treatment.map(str::to_owned), control: control.map(str::to_owned), all: None }
    }

    fn asked_for(query: &str, groups: Option<Vec<Group>>, words: &GroupWords) -> Vec<(Group, String)> {
        let query =
            QuerySettings { metric: "error_rate".into(), query: query.to_owned(), samples: None, age: None, groups };
        queries(&[query], words).into_iter().map(|query| (query.group, query.promql)).collect()
    }

    #[test]
    fn a_query_is_asked_once_for_each_group_that_has_a_word() {
        let asked = asked_for("rate(e{v=\"$group\"}[1m])", None, &words(Some("canary"), Some("stable")));
        let expected = [
            (Group::Treatment, "rate(e{v=\"canary\"}[1m])".to_owned()),
            (Group::Control, "rate(e{v=\"stable\"}[1m])".to_owned()),
        ];
        assert_eq!(asked, expected);
    }

    #[test]
    fn a_query_without_a_group_is_of_everybody_unless_it_says_of_whom() {
        assert_eq!(asked_for("up", None, &words(Some("canary"), None)), [(Group::All, "up".to_owned())]);
        let treatment = Some(vec![Group::Treatment]);
        assert_eq!(asked_for("up", treatment, &GroupWords::default()), [(Group::Treatment, "up".to_owned())]);
    }
}

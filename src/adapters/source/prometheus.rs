//! Prometheus, asked through its HTTP API, and whatever answers as it does: Thanos, Mimir, VictoriaMetrics, Google Cloud
//! Monitoring. One source asks one server; a server per region is a source per region.
//!
//! A poll asks three times, each time everything at once:
//!
//! 1. `time()`: is anybody there, and what time is it there. All else is asked at that instant, by the server's own
//!    clock: one that is ahead is then found out by whoever takes the readings in, and one that is behind goes stale.
//! 2. How old the readings are. The timestamp of an answer is the instant of asking, whatever the age of the samples
//!    under it, and for five minutes (the look-back) a sender that died looks alive. So for each series that a query
//!    reads the newest sample's time is asked, `max(timestamp(SERIES))`; a reading is as old as the series that is
//!    furthest behind. `age = "..."` says it otherwise.
//! 3. The values, each **at the time of its newest sample**, so that asking twice between two samples gives the same
//!    reading twice and not two readings of one instant.

mod api;
mod ask;
mod config;
mod google;
mod plan;
mod selectors;

use reqwest::blocking::Client;

use crate::model::reading::Unknown;
use crate::model::snapshot::{Snapshot, WireReading};
use crate::model::time::{Duration, Time};
use crate::ports::source::{Source, SourceError};

use super::http::{self, Setup};
use super::secret::Secret;
use super::sheet::Sheet;
use crate::adapters::deadline::Deadline;
use api::{Told, What};
use ask::{Asked, Server};
use google::Tokens;
use plan::{Age, Plan, Row};

pub use config::{Access, Config, Method, Query};

/// A server that answers PromQL.
pub struct Prometheus {
    config: Config,
    plan: Plan,
    client: Client,
    tokens: Option<Tokens>,
    problems: Vec<String>,
}

impl std::fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prometheus").field("config", &self.config).finish_non_exhaustive()
    }
}

/// When a reading was observed, and at which instant its value is to be asked for.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    At {
        observed: Time,
        evaluate: Time,
    },
    /// There is no sample under it that the server would still look back to.
    Nothing,
    /// Its age cannot be told, and then neither can its value.
    Failed(String),
}

type Answers = Vec<Result<Told, SourceError>>;

impl Prometheus {
    /// Sets it up; nothing is asked yet.
    ///
    /// # Errors
    /// An address, a header or a certificate that cannot be used, or two queries for one reading.
    pub fn new(config: Config) -> Result<Prometheus, SourceError> {
        let plan = Plan::new(&config)?;
        http::sendable(match &config.access {
            Access::Bearer(secret) | Access::Basic { password: secret, .. } => secret.reveal(),
            Access::Open | Access::Google { .. } => "",
        })?;
        let url = http::address(&config.url)?;
        let client = http::client(&Setup {
            ca: config.ca.as_deref(),
            proxy: config.proxy.as_deref(),
            headers: &config.headers,
            plain: url.scheme() == "http",
        })?;
        let tokens = match &config.access {
            Access::Google { metadata_host } => {
                Some(Tokens::new(metadata_host.as_deref().unwrap_or(google::METADATA_HOST))?)
            }
            _ => None,
        };
        Ok(Prometheus { config, plan, client, tokens, problems: Vec::new() })
    }

    fn token(&mut self, now: Time, deadline: &Deadline) -> Result<Option<Secret>, SourceError> {
        self.tokens.as_mut().map(|tokens| tokens.get(now, deadline)).transpose()
    }

    fn server<'a>(&'a self, token: Option<&'a Secret>, deadline: &'a Deadline) -> Server<'a> {
        Server { client: &self.client, config: &self.config, token, deadline }
    }

    /// What time it is there, and the token that was taken. A token that is not taken is renewed once.
    fn first_word(&mut self, now: Time, deadline: &Deadline) -> Result<(Time, Option<Secret>), SourceError> {
        let mut token = self.token(now, deadline)?;
        let mut told = self.server(token.as_ref(), deadline).ask("time()", None);
        if matches!(told, Err(SourceError::Denied(_)))
            && let Some(tokens) = &mut self.tokens
        {
            tokens.forget();
            token = self.token(now, deadline)?;
            told = self.server(token.as_ref(), deadline).ask("time()", None);
        }
        let at = told?.at.ok_or_else(|| SourceError::Malformed("it does not say what time it is".to_owned()))?;
        Ok((at, token))
    }

    /// One reading from its answers.
    fn reading(
        &self,
        row: &Row,
        at: Time,
        seen: &Seen,
        answers: &RowAnswers<'_>,
        problems: &mut Vec<String>,
    ) -> WireReading {
        let mut problem = |why: Unknown, what: &str| {
            problems.push(format!("{row}: {what}"));
            WireReading::missing(why)
        };
        let mut reading = match answers.value {
            Err(error) => problem(Unknown::SourceError, &error.to_string()),
            Ok(told) => match &told.what {
                What::Empty => WireReading::missing(Unknown::Absent),
                What::Partial(what) => problem(Unknown::SourceError, &format!("the answer is partial: {what}")),
                What::Several(what) => problem(Unknown::SourceError, what),
                What::NoNumber(what) => problem(Unknown::WrongType, what),
                What::Number(number) => match seen {
                    Seen::Nothing => problem(Unknown::Stale, NO_SAMPLE),
                    Seen::Failed(why) => problem(Unknown::SourceError, &format!("its age cannot be told: {why}")),
                    Seen::At { .. } => reading_of(*number),
                },
            },
        };
        if reading.unknown.is_none() {
            reading.samples = match answers.samples {
                None | Some(Ok(Told { what: What::Empty, .. })) => None,
                Some(Ok(Told { what: What::Number(count), .. })) if *count >= 0.0 && count.is_finite() => {
                    // The fraction is of extrapolation; a count beyond 2^53 has no use for its last bits.
                    Some(*count as u64)
                }
                Some(other) => {
                    let why = match other {
                        Ok(told) => format!("{:?} is no count", told.what),
                        Err(error) => error.to_string(),
                    };
                    problems.push(format!("{row}: its samples cannot be told: {why}"));
                    None
                }
            };
        }
        // What is missing or broken is so as of now, and only a value is as old as the samples under it.
        if let (Seen::At { observed, .. }, None | Some(Unknown::NotANumber | Unknown::Infinite)) =
            (seen, reading.unknown)
        {
            reading.observed = (*observed != at).then_some(*observed);
        }
        reading
    }
}

const NO_SAMPLE: &str = "there is a value, but no sample of the last minutes under it; if that is how it should be, \
                         say with `age` which series tells how old the reading is";

struct RowAnswers<'a> {
    value: &'a Result<Told, SourceError>,
    samples: Option<&'a Result<Told, SourceError>>,
}

impl Source for Prometheus {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn poll(&mut self, now: Time) -> Result<Vec<Snapshot>, SourceError> {
        self.problems.clear();
        let deadline = Deadline::start(self.config.deadline);
        let (at, token) = self.first_word(now, &deadline)?;
        let server = self.server(token.as_ref(), &deadline);

        let ages: Vec<Asked<'_>> = self.plan.ages.iter().map(|promql| Asked { promql, at }).collect();
        let ages = server.ask_all(&ages);
        let seen: Vec<Seen> = self.plan.rows.iter().map(|row| seen(row, at, &ages)).collect();

        let mut asked: Vec<Asked<'_>> = Vec::new();
        let mut place = |promql, at| {
            let wanted = Asked { promql, at };
            asked.iter().position(|asked| *asked == wanted).unwrap_or_else(|| {
                asked.push(wanted);
                asked.len() - 1
            })
        };
        let places: Vec<(usize, Option<usize>)> = self
            .plan
            .rows
            .iter()
            .zip(&seen)
            .map(|(row, seen)| {
                let time = if let Seen::At { evaluate, .. } = seen { *evaluate } else { at };
                (place(&row.promql, time), row.samples.as_ref().map(|samples| place(samples, time)))
            })
            .collect();
        let exposure = self.config.exposure.as_ref().map(|promql| place(promql, at));
        let answers = server.ask_all(&asked);

        let mut sheet = Sheet::default();
        let mut problems = Vec::new();
        let mut failed: Vec<(&Row, &SourceError)> = Vec::new();
        for ((row, seen), (value, samples)) in self.plan.rows.iter().zip(&seen).zip(places) {
            let Some(value) = answers.get(value) else { continue };
            if let Err(error) = value {
                failed.push((row, error));
            }
            let told = RowAnswers { value, samples: samples.and_then(|samples| answers.get(samples)) };
            let reading = self.reading(row, at, seen, &told, &mut problems);
            sheet.put(at, &row.region, row.group, &row.metric, reading);
        }
        match exposure.and_then(|exposure| answers.get(exposure)) {
            Some(Ok(Told { what: What::Number(percent), .. })) if percent.is_finite() => {
                sheet.expose(at, &self.config.region, *percent);
            }
            None | Some(Ok(Told { what: What::Empty, .. })) => {}
            Some(Ok(told)) => problems.push(format!("the exposure: {:?} is no number", told.what)),
            Some(Err(error)) => problems.push(format!("the exposure: {error}")),
        }
        if let (Some(first), true) = (failed.first(), failed.len() == self.plan.rows.len()) {
            return Err(all_failed(first, failed.len() - 1));
        }
        self.problems = problems;
        Ok(sheet.finish(&self.config.name, &self.config.about))
    }

    fn problems(&self) -> &[String] {
        &self.problems
    }
}

/// When the reading of `row` was observed.
fn seen(row: &Row, at: Time, ages: &Answers) -> Seen {
    let told = |place: usize| match ages.get(place) {
        Some(Ok(Told { what: What::Number(number), .. })) => Ok(Some(*number)),
        Some(Ok(Told { what: What::Empty, .. })) => Ok(None),
        Some(Ok(Told { what: What::Partial(why) | What::Several(why) | What::NoNumber(why), .. })) => Err(why.clone()),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("it was not asked".to_owned()),
    };
    match &row.age {
        Age::None => Seen::At { observed: at, evaluate: at },
        Age::Asked(place) => match told(*place) {
            Ok(Some(age)) => match millis(age) {
                Some(age) => Seen::At { observed: at - age, evaluate: at },
                None => Seen::Failed(format!("{age} seconds is no age")),
            },
            Ok(None) => Seen::Nothing,
            Err(why) => Seen::Failed(why),
        },
        Age::Newest(places) => {
            let mut oldest: Option<Time> = None;
            for place in places {
                match told(*place) {
                    // A series that never had a sample, such as errors nobody made yet, is not old.
                    Ok(None) => {}
                    Ok(Some(seconds)) => match api::instant(seconds) {
                        Some(newest) => oldest = Some(oldest.map_or(newest, |oldest| oldest.min(newest))),
                        None => return Seen::Failed(format!("{seconds} is no time")),
                    },
                    Err(why) => return Seen::Failed(why),
                }
            }
            oldest.map_or(Seen::Nothing, |oldest| Seen::At { observed: oldest, evaluate: oldest })
        }
    }
}

/// An age in seconds. A hair below zero is rounding; more is a clock that disagrees with itself.
fn millis(seconds: f64) -> Option<Duration> {
    (-1.0..9e12).contains(&seconds).then(|| Duration::from_millis((seconds * 1000.0) as i64))
}

fn reading_of(number: f64) -> WireReading {
    match number {
        number if number.is_nan() => WireReading::missing(Unknown::NotANumber),
        number if number.is_infinite() => WireReading::missing(Unknown::Infinite),
        number => WireReading::number(number),
    }
}

/// Not one query was answered: that is a failure of the source, and no reading.
fn all_failed((row, error): &(&Row, &SourceError), more: usize) -> SourceError {
    let more = match more {
        0 => String::new(),
        1 => "; one more query fails".to_owned(),
        more => format!("; {more} more queries fail"),
    };
    let text = format!("{row}: {error}{more}");
    match error {
        SourceError::Unreachable(_) => SourceError::Unreachable(text),
        SourceError::Denied(_) => SourceError::Denied(text),
        SourceError::Refused(_) => SourceError::Refused(text),
        SourceError::Malformed(_) => SourceError::Malformed(text),
    }
}

//! What Prometheus answers, read carefully: an error, a number, or why there is none.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::adapters::source::http::Answer;
use crate::adapters::source::shown::shown;
use crate::model::time::Time;
use crate::ports::source::SourceError;

/// The most series that a message names.
const NAMED_SERIES: usize = 3;

/// An answer to one instant query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    /// When it was evaluated, by the server's clock, if it says so.
    pub(super) at: Option<Time>,
    pub(super) what: What,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    /// One number; it may be NaN or infinite.
    Number(f64),
    /// No series. Prometheus calls that a success.
    Empty,
    /// The server says that it has not looked at everything.
    Partial(String),
    /// More series than the one that is expected.
    Several(String),
    /// Something that is no number: a matrix, a string, a histogram.
    NoNumber(String),
}

#[derive(Deserialize)]
struct Envelope {
    status: String,
    data: Option<Data>,
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    error: Option<Value>,
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    result_type: String,
    result: Value,
}

/// Reads an answer.
pub(super) fn read(answer: &Answer) -> Result<Told, SourceError> {
    if answer.status != 200 {
        return Err(refusal(answer));
    }
    let envelope: Envelope = serde_json::from_slice(&answer.body)
        .map_err(|error| SourceError::Malformed(format!("the answer cannot be read: {}", shown(&error.to_string()))))?;
    if envelope.status != "success" {
        return Err(SourceError::Refused(words(envelope.error_type.as_deref(), envelope.error.as_ref())));
    }
    let data =
        envelope.data.ok_or_else(|| SourceError::Malformed("the answer is a success without data".to_owned()))?;
    let told = match data.result_type.as_str() {
        "vector" => vector(&data.result)?,
        "scalar" => number(&data.result)?,
        other => Told {
            at: None,
            what: What::NoNumber(format!("the answer is a {}; ask for one number at one instant", shown(other))),
        },
    };
    // Whatever it says, it says of a part only.
    match envelope.warnings.unwrap_or_default().first() {
        Some(warning) => Ok(Told { what: What::Partial(shown(warning)), ..told }),
        None => Ok(told),
    }
}

/// Every series of a vector: its labels and its number.
fn vector(result: &Value) -> Result<Told, SourceError> {
    let series = result.as_array().ok_or_else(|| strange("a vector that is no list"))?;
    match series.as_slice() {
        [] => Ok(Told { at: None, what: What::Empty }),
        [one] => match one.get("value") {
            Some(sample) => number(sample),
            None if one.get("histogram").is_some() => Ok(Told {
                at: None,
                what: What::NoNumber("the answer is a histogram; ask for `histogram_quantile(..)` of it".to_owned()),
            }),
            None => Err(strange("a series without a value")),
        },
        several => {
            let named: Vec<String> = several.iter().take(NAMED_SERIES).map(labels).collect();
            let more = if several.len() > NAMED_SERIES { ", .." } else { "" };
            let count = several.len();
            let what = format!("{count} series came back and one is expected ({}{more}): aggregate", named.join(", "));
            Ok(Told { at: several.first().and_then(at), what: What::Several(what) })
        }
    }
}

fn at(series: &Value) -> Option<Time> {
    number(series.get("value")?).ok()?.at
}

fn labels(series: &Value) -> String {
    let none = Map::new();
    let labels = series.get("metric").and_then(Value::as_object).unwrap_or(&none);
    let pairs: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}={:?}", value.as_str().unwrap_or_default())).collect();
    shown(&format!("{{{}}}", pairs.join(", ")))
}

/// A `[1700000000.123, "0.5"]`. The number is a text, because JSON has neither NaN nor infinity.
fn number(sample: &Value) -> Result<Told, SourceError> {
    let pair = sample.as_array().map(Vec::as_slice);
    let Some([stamp, Value::String(text)]) = pair else { return Err(strange("a sample that is no pair")) };
    let at = stamp.as_f64().and_then(instant).ok_or_else(|| strange("a time that is none"))?;
    let number: f64 = text.parse().map_err(|_| strange("a number that is none"))?;
    Ok(Told { at: Some(at), what: What::Number(number) })
}

/// Seconds since the epoch, as Prometheus writes them.
pub(super) fn instant(seconds: f64) -> Option<Time> {
    let millis = (seconds * 1000.0).round();
    // Well inside of what a time can be; `as` beyond that would saturate in silence.
    (0.0..9e15).contains(&millis).then_some(Time::from_millis(millis as i64))
}

fn strange(what: &str) -> SourceError {
    SourceError::Malformed(format!("the answer cannot be read: {what}"))
}

/// What a status other than 200 means.
fn refusal(answer: &Answer) -> SourceError {
    let status = answer.status;
    let said = serde_json::from_slice::<Value>(&answer.body)
        .ok()
        .filter(|body| body.get("error").is_some())
        .map(|body| words(body.get("errorType").and_then(Value::as_str), body.get("error")));
    let said = said.map_or_else(|| format!("it answers {status}"), |said| format!("it answers {status}: {said}"));
    match status {
        401 | 403 => SourceError::Denied(said),
        404 => SourceError::Refused(format!("{said}; is that the address of a Prometheus?")),
        429 => {
            let again = answer.header("retry-after").map_or_else(String::new, |after| format!(", again after {after}"));
            SourceError::Refused(format!("{said}; it is asked too often{again}"))
        }
        300..=399 => {
            let place = answer.header("location").unwrap_or_default();
            SourceError::Refused(format!(
                "{said} and points to `{place}`; name that address, redirects are not followed"
            ))
        }
        _ => SourceError::Refused(said),
    }
}

/// An error as Prometheus words it, or as Google does: an object with `status` and `message`.
fn words(kind: Option<&str>, error: Option<&Value>) -> String {
    let (kind, text) = match error {
        Some(Value::String(text)) => (kind, text.as_str()),
        Some(Value::Object(object)) => {
            let text = |key| object.get(key).and_then(Value::as_str);
            (kind.or(text("status")), text("message").unwrap_or_default())
        }
        _ => (kind, ""),
    };
    match kind {
        Some(kind) if text.is_empty() => shown(kind),
        Some(kind) => shown(&format!("{kind}: {text}")),
        None if text.is_empty() => "an error without words".to_owned(),
        None => shown(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderMap;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
    }

    fn told(data: &str) -> Result<What, SourceError> {
        read(&answer(200, &format!(r#"{{"status":"success","data":{data}}}"#))).map(|told| told.what)
    }

    #[rstest::rstest]
    #[case::a_vector(r#"{"resultType":"vector","result":[{"metric":{},"value":[1.5,"0.25"]}]}"#, What::Number(0.25))]
    #[case::a_scalar(r#"{"resultType":"scalar","result":[1.5,"-3e2"]}"#, What::Number(-300.0))]
    #[case::infinite(r#"{"resultType":"scalar","result":[1.5,"+Inf"]}"#, What::Number(f64::INFINITY))]
    #[case::negative_infinite(r#"{"resultType":"scalar","result":[1.5,"-Inf"]}"#, What::Number(f64::NEG_INFINITY))]
    #[case::empty(r#"{"resultType":"vector","result":[]}"#, What::Empty)]
    #[case::unknown_fields(
        r#"{"resultType":"vector","result":[{"metric":{},"value":[1,"1"],"new":{}}],"stats":{}}"#,
        What::Number(1.0)
    )]
    fn answers_are_read(#[case] data: &str, #[case] what: What) {
        assert_eq!(told(data).unwrap(), what);
    }

    #[test]
    fn a_nan_is_a_number_that_is_none() {
        let what = told(r#"{"resultType":"vector","result":[{"metric":{},"value":[1.5,"NaN"]}]}"#).unwrap();
        assert!(matches!(what, What::Number(number) if number.is_nan()), "{what:?}");
    }

    #[test]
    fn several_series_are_named_and_not_all_of_them() {
        let one = |pod: &str| format!(r#"{{"metric":{{"pod":"{pod}"}},"value":[1,"1"]}}"#);
        let data = ["a", "b", "c", "d"].map(one).join(",");
        let what = told(&format!(r#"{{"resultType":"vector","result":[{data}]}}"#)).unwrap();
        let What::Several(text) = what else { panic!("{what:?}") };
        assert_eq!(text, r#"4 series came back and one is expected ({pod="a"}, {pod="b"}, {pod="c"}, ..): aggregate"#);
    }

    #[rstest::rstest]
    #[case::a_matrix(r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"]]}]}"#, "a matrix")]
    #[case::a_string(r#"{"resultType":"string","result":[1,"a"]}"#, "a string")]
    #[case::a_histogram(r#"{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}"#, "a histogram")]
    fn what_is_no_number_is_said_to_be_none(#[case] data: &str, #[case] named: &str) {
        let what = told(data).unwrap();
        assert!(matches!(&what, What::NoNumber(text) if text.contains(named)), "{what:?}");
    }

    #[test]
    fn a_warning_makes_it_partial_and_an_info_does_not() {
        let body = |extra: &str| {
            format!(r#"{{"status":"success","data":{{"resultType":"scalar","result":[1,"1"]}},{extra}}}"#)
        };
        let read = |extra: &str| read(&answer(200, &body(extra))).unwrap().what;
        assert_eq!(read(r#""warnings":["a store is gone"]"#), What::Partial("a store is gone".to_owned()));
        assert_eq!(read(r#""infos":["not a counter"]"#), What::Number(1.0));
        assert_eq!(read(r#""warnings":[]"#), What::Number(1.0));
        assert_eq!(read(r#""warnings":null"#), What::Number(1.0));
    }

    #[rstest::rstest]
    #[case::empty("")]
    #[case::cut_off(r#"{"status":"success","data":{"resultType":"#)]
    #[case::a_page("<html>")]
    #[case::no_data(r#"{"status":"success"}"#)]
    #[case::no_pair(r#"{"status":"success","data":{"resultType":"scalar","result":[1]}}"#)]
    #[case::a_bare_number(r#"{"status":"success","data":{"resultType":"scalar","result":[1,1]}}"#)]
    #[case::a_word(r#"{"status":"success","data":{"resultType":"scalar","result":[1,"many"]}}"#)]
    #[case::no_list(r#"{"status":"success","data":{"resultType":"vector","result":{}}}"#)]
    #[case::an_empty_series(r#"{"status":"success","data":{"resultType":"vector","result":[{}]}}"#)]
    #[case::an_endless_time(r#"{"status":"success","data":{"resultType":"scalar","result":[1e300,"1"]}}"#)]
    fn what_cannot_be_read_is_malformed(#[case] body: &str) {
        let error = read(&answer(200, body)).unwrap_err();
        assert_eq!(error.kind(), "malformed", "{error}");
    }

    #[rstest::rstest]
    #[case::bad_data(
        400,
        r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#,
        "refused",
        "bad_data: parse error"
    )]
    #[case::execution(
        422,
        r#"{"status":"error","errorType":"execution","error":"many-to-many"}"#,
        "refused",
        "execution: many-to-many"
    )]
    #[case::timeout(
        503,
        r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#,
        "refused",
        "timeout: query timed out"
    )]
    #[case::unauthorized(401, "Unauthorized", "denied", "it answers 401")]
    #[case::forbidden(
        403,
        r#"{"error":{"code":403,"message":"no role","status":"PERMISSION_DENIED"}}"#,
        "denied",
        "PERMISSION_DENIED: no role"
    )]
    #[case::too_many(429, "", "refused", "asked too often")]
    #[case::elsewhere(404, "<html>", "refused", "is that the address of a Prometheus?")]
    #[case::moved(302, "", "refused", "redirects are not followed")]
    #[case::broken(500, "", "refused", "it answers 500")]
    #[case::an_error_that_calls_itself_ok(
        200,
        r#"{"status":"error","errorType":"internal","error":"oops"}"#,
        "refused",
        "internal: oops"
    )]
    fn refusals_say_what_the_server_says(
        #[case] status: u16,
        #[case] body: &str,
        #[case] kind: &str,
        #[case] words: &str,
    ) {
        let error = read(&answer(status, body)).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(words), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn any_answer_is_read_or_refused(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), status in 100_u16..600) {
            drop(read(&Answer { status, headers: HeaderMap::new(), body }));
        }
    }
}

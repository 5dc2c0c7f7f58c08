//! What callers send: bounded in bytes, in what it unpacks to and in how deep it nests, before anything reads it.

use std::io::Read as _;
use std::marker::PhantomData;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt as _;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::problem::Problem;

/// Packed data that unpacks to more than this many times its size is a bomb; metrics pack ten to twentyfold.
const MOST_UNPACKING: usize = 100;
/// So much may come of even the smallest packed body.
const SMALL: usize = 64 << 10;
/// Deeper than any body of ours nests.
const DEEPEST: usize = 32;

/// A caller that sends too much is heard out for so many bytes, and for so long: one that is answered in the middle of its
/// body finds the connection cut, and most never read why.
const HEARD_OUT: usize = 8 << 20;
const HEARD_OUT_FOR: Duration = Duration::from_secs(2);

/// The shape a body says it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Json,
    JsonLines,
    Protobuf,
}

/// Which shape it is, of those that are taken.
pub(super) fn shape(headers: &HeaderMap, taken: &[Shape]) -> Result<Shape, Problem> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let shape = match name.as_str() {
        "application/json" => Some(Shape::Json),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/json-lines" => {
            Some(Shape::JsonLines)
        }
        "application/x-protobuf" => Some(Shape::Protobuf),
        _ => None,
    };
    if let Some(shape) = shape.filter(|shape| taken.contains(shape)) {
        return Ok(shape);
    }
    let names = taken.iter().map(|shape| match shape {
        Shape::Json => "application/json",
        Shape::JsonLines => "application/x-ndjson",
        Shape::Protobuf => "application/x-protobuf",
    });
    let names = names.collect::<Vec<_>>().join(" or ");
    let title = if name.is_empty() {
        "the body has no `content-type`".to_owned()
    } else {
        format!("`{name}` is not taken here")
    };
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", title)
        .help(format!("send {names} and say so in `content-type`; with curl, --json does")))
}

/// Reads a whole body of at most `most` bytes, unpacked.
pub(super) async fn read(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, Problem> {
    let said = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if let Some(length) = said.filter(|length| *length > most) {
        // Whoever asks before it sends is told before it sends.
        if length <= HEARD_OUT && !headers.contains_key(header::EXPECT) {
            hear_out(body.into_data_stream()).await;
        }
        return Err(too_large(most));
    }
    let packing = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim());
    let packed = match packing.map(str::to_ascii_lowercase).as_deref() {
        None | Some("" | "identity") => false,
        Some("gzip" | "x-gzip") => true,
        Some(_) => {
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-encoding", "only gzip is unpacked");
            return Err(problem.help("send it as it is, or packed with gzip"));
        }
    };
    let bytes = gather(body.into_data_stream(), most).await?;
    Ok(Bytes::from(if packed { unpack(&bytes, most)? } else { bytes }))
}

/// What a body brings, as it was sent.
async fn gather(mut stream: BodyDataStream, most: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        let cut_off = |_| Problem::bad("cut-off", "the body was cut off before its end").help("send it again");
        let piece = piece.map_err(cut_off)?;
        if bytes.len().saturating_add(piece.len()) > most {
            hear_out(stream).await;
            return Err(too_large(most));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Reads on and keeps nothing.
async fn hear_out(mut stream: BodyDataStream) {
    let listen = async {
        let mut heard = 0_usize;
        while let (true, Some(Ok(piece))) = (heard <= HEARD_OUT, stream.next().await) {
            heard = heard.saturating_add(piece.len());
        }
    };
    // However it ends, the answer is the same.
    let _ = tokio::time::timeout(HEARD_OUT_FOR, listen).await;
}

fn too_large(most: usize) -> Problem {
    let title = format!("the body is larger than {} KiB", most >> 10);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", title).help("send it in several parts")
}

fn unpack(packed: &[u8], most: usize) -> Result<Vec<u8>, Problem> {
    let by_ratio = packed.len().saturating_mul(MOST_UNPACKING).max(SMALL);
    let limit = most.min(by_ratio);
    let mut plain = Vec::new();
    let room = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    flate2::read::MultiGzDecoder::new(packed)
        .take(room)
        .read_to_end(&mut plain)
        .map_err(|error| Problem::bad("gzip", format!("the body is not sound gzip: {error}")))?;
    if plain.len() <= limit {
        return Ok(plain);
    }
    if limit == most {
        return Err(too_large(most));
    }
    let title = format!("the body unpacks to more than {MOST_UNPACKING} times its size");
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "gzip-bomb", title).help("send it unpacked"))
}

/// Refuses JSON that nests deeper than any of ours does, without reading it.
pub(super) fn shallow(text: &[u8]) -> Result<(), Problem> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth = depth.saturating_add(1),
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            b'\n' if depth == 0 => quoted = false,
            _ => {}
        }
        if depth > DEEPEST {
            return Err(Problem::bad("too-deep", format!("the JSON nests deeper than {DEEPEST} levels")));
        }
    }
    Ok(())
}

/// A value that is written as an object, and not as an array of its fields in order, which serde would take as well.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// Reads a body that is one object.
pub(super) fn json<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    shallow(text)?;
    serde_json::from_slice::<Object<T>>(text).map(|Object(body)| body).map_err(|error| {
        let problem = if error.is_data() {
            Problem::wrong("body", super::snapshots::words(&error))
        } else {
            Problem::bad("json", super::snapshots::words(&error))
        };
        problem.line(error.line()).help("GET /openapi.json describes every body")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_outside_of_texts_only() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(shallow(nested(DEEPEST).as_bytes()).is_ok());
        assert!(shallow(nested(DEEPEST + 1).as_bytes()).is_err());
        let quoted = format!("{{\"a\":\"{}\\\"{}\"}}", "[".repeat(100), "{".repeat(100));
        assert!(shallow(quoted.as_bytes()).is_ok());
        assert!(shallow(format!("{}{}", "[]".repeat(1000), "{}".repeat(1000)).as_bytes()).is_ok());
    }
}

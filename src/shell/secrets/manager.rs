//! Google Secret Manager, with the token of the machine's own service account.

use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::{Client, Response};
use serde::Deserialize;

use super::Places;

/// The metadata server answers at once, or this is not Google's machine.
const METADATA_DEADLINE: Duration = Duration::from_secs(2);
/// A secret is asked for at the start, when somebody waits.
const DEADLINE: Duration = Duration::from_secs(8);
/// A payload of 64 KiB, in base64, with what is around it.
const MOST_BYTES: u64 = 128 * 1024;

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

#[derive(Deserialize)]
struct Version {
    name: String,
    payload: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    #[serde(default)]
    data: String,
    /// A number as text, since JSON's own are not long enough.
    data_crc32c: Option<String>,
}

/// The payload of a version, and the full name of the version that it is.
pub(super) fn access(name: &str, places: &Places) -> Result<(Vec<u8>, String), String> {
    let client = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| format!("no HTTP client: {}", without_url(error)))?;
    let token = token(&client, places)?;
    let url = format!("{}/v1/{name}:access", places.manager);
    let asked = client.get(url).bearer_auth(&token).timeout(DEADLINE).send();
    let answer = asked.map_err(|error| format!("Secret Manager does not answer: {}", without_url(error)))?;
    let status = answer.status();
    if !status.is_success() {
        let hint = match status.as_u16() {
            401 => "the machine's token is not taken",
            403 => "the service account lacks secretmanager.versions.access",
            404 => "there is no such version",
            _ => "try again later",
        };
        return Err(format!("Secret Manager answers {}: {hint}", status.as_u16()));
    }
    let version: Version = serde_json::from_slice(&body(answer)?).map_err(|_| "the answer is no version".to_owned())?;
    let bytes = STANDARD.decode(&version.payload.data).map_err(|_| "the payload is no base64".to_owned())?;
    let sum = version.payload.data_crc32c.and_then(|sum| sum.parse::<u64>().ok());
    match sum {
        None => Err("the answer has no checksum".to_owned()),
        Some(sum) if sum == u64::from(crc32c(&bytes)) => Ok((bytes, version.name)),
        Some(_) => Err("the checksum is not the payload's: it was damaged on its way".to_owned()),
    }
}

fn token(client: &Client, places: &Places) -> Result<String, String> {
    let url = format!("{}/computeMetadata/v1/instance/service-accounts/default/token", places.metadata);
    let asked = client.get(url).header("Metadata-Flavor", "Google").timeout(METADATA_DEADLINE).send();
    let answer = asked.map_err(|error| format!("the metadata server does not answer: {}", without_url(error)))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(format!("the metadata server answers {}: has the machine a service account?", status.as_u16()));
    }
    let token: Token =
        serde_json::from_slice(&body(answer)?).map_err(|_| "the metadata server gives no token".to_owned())?;
    Ok(token.access_token)
}

fn body(answer: Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    answer.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| format!("the answer ends early: {error}"))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err("the answer is larger than a secret can be".to_owned());
    }
    Ok(bytes)
}

/// What went wrong, down to its cause.
fn without_url(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return "it takes too long".to_owned();
    }
    let mut cause: &dyn std::error::Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// CRC-32C (Castagnoli), bit by bit: a secret is short.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// The check value of the catalogue, and the vectors of RFC 3720 (B.4).
    #[rstest]
    #[case::check(b"123456789", 0xe306_9283)]
    #[case::nothing(b"", 0)]
    #[case::zeroes(&[0; 32], 0x8a91_36aa)]
    #[case::ones(&[0xff; 32], 0x62a8_ab43)]
    fn the_checksum_is_castagnoli(#[case] bytes: &[u8], #[case] sum: u32) {
        assert_eq!(crc32c(bytes), sum);
    }
}

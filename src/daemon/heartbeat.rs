//! The heartbeat: a URL outside that is called while all is well, so that somebody notices when this controller dies.
//! What calls nobody any more cannot tell anybody why; silence is the message.

use std::time::Duration;

use crate::settings::secret::Secret;

use super::desk::Desk;
use super::staff::Closing;
use super::telemetry::Telemetry;

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Calls `url` every `every` while `desk` is ready, until the house closes. The URL is a secret: whoever knows it can
/// fake health, so no message names it.
///
/// # Errors
/// No client can be made.
pub fn beat(
    url: &Secret,
    every: Duration,
    desk: &dyn Desk,
    telemetry: &Telemetry,
    closing: &Closing,
) -> Result<(), String> {
    let client = reqwest::blocking::Client::builder()
        .timeout(DEADLINE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| error.without_url().to_string())?;
    let mut failing = false;
    loop {
        let reasons = desk.unready();
        let outcome = if reasons.is_empty() { call(&client, url) } else { Err(reasons.join("; ")) };
        telemetry.heartbeat(match (&outcome, reasons.is_empty()) {
            (Ok(()), _) => "sent",
            (Err(_), true) => "failed",
            (Err(_), false) => "withheld",
        });
        match outcome {
            Ok(()) if std::mem::take(&mut failing) => tracing::info!("the heartbeat goes out again"),
            Ok(()) => {}
            Err(why) if !std::mem::replace(&mut failing, true) => tracing::warn!(%why, "the heartbeat does not go out"),
            Err(_) => {}
        }
        if closing.sleep(every) {
            return Ok(());
        }
    }
}

fn call(client: &reqwest::blocking::Client, url: &Secret) -> Result<(), String> {
    let answer = client.get(url.reveal()).send().map_err(|error| error.without_url().to_string())?;
    if answer.status().is_success() { Ok(()) } else { Err(format!("it answers {}", answer.status())) }
}

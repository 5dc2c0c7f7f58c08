//! Sends spans, and log lines where the settings ask for them, to an OpenTelemetry collector: OTLP over HTTP, as protobuf.
//!
//! ```text
//! whoever works ── queue, bounded ──> one thread ── batches ──> collector
//!                    └ full: dropped, and counted
//! ```
//!
//! Whoever hands something in never waits: a collector that is slow, dead or lying costs its own thread's time and what
//! it did not take. What became of each span is counted in `rollgate_exported_total`.
//!
//! | module | what it holds |
//! |---|---|
//! | `collector` | one call and what its answer means |
//! | `wire` | from spans and lines to OTLP's messages |

mod collector;
mod wire;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::settings::values::TelemetrySettings;
use crate::shell::clock::Stopwatch;

use super::logs::{self, Line, Lines};
use super::staff::Closing;
use super::telemetry::Telemetry;
use super::traces::{Ended, Sink};
use collector::{Collector, Outcome};
use wire::Resource;

/// What may wait for the collector: a few seconds of a busy controller.
const ROOM: usize = 4096;
/// What is sent at once.
const AT_ONCE: usize = 512;
/// How long something may wait for others to be sent with.
const LINGER: Duration = Duration::from_secs(1);
/// How often a batch is tried that the collector cannot take now.
const TRIES: u32 = 5;
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Something to be sent.
enum Piece {
    Span(Box<Ended>),
    Line(Box<Line>),
    /// Nothing: it is time to look whether it is time to go.
    Wake,
}

/// The queue's near end.
struct Queue {
    sender: SyncSender<Piece>,
    telemetry: Arc<Telemetry>,
}

impl Sink for Queue {
    fn take(&self, span: Ended) {
        if self.sender.try_send(Piece::Span(Box::new(span))).is_err() {
            self.telemetry.exported("span", "dropped", 1);
        }
    }
}

impl Lines for Queue {
    fn take(&self, line: Line) {
        if self.sender.try_send(Piece::Line(Box::new(line))).is_err() {
            self.telemetry.exported("log", "dropped", 1);
        }
    }
}

/// The thread that sends.
pub(super) struct Export {
    queue: Arc<Queue>,
    closing: Arc<Closing>,
    thread: JoinHandle<()>,
}

impl Export {
    /// From now on what `telemetry` traces goes where `settings` say, as that of `resource`.
    ///
    /// # Errors
    /// A secret cannot be had, the address is none, or the system has no thread left.
    pub(super) fn start(
        settings: &TelemetrySettings,
        resource: Resource,
        telemetry: &Arc<Telemetry>,
    ) -> Result<Export, String> {
        let collector = Collector::new(settings)?;
        let (sender, receiver) = sync_channel(ROOM);
        let queue = Arc::new(Queue { sender, telemetry: Arc::clone(telemetry) });
        let closing = Arc::new(Closing::default());
        let sending = Sending {
            receiver,
            collector,
            resource,
            telemetry: Arc::clone(telemetry),
            closing: Arc::clone(&closing),
            failing: false,
        };
        let thread = std::thread::Builder::new().name("otlp".to_owned()).spawn(move || sending.run());
        let thread = thread.map_err(|error| format!("the system gives no thread: {error}"))?;
        telemetry.tracer().send_to(Arc::clone(&queue) as Arc<dyn Sink>, settings.share);
        if settings.logs {
            logs::send_to(Arc::clone(&queue) as Arc<dyn Lines>);
        }
        Ok(Export { queue, closing, thread })
    }

    /// Sends what waits, once, and ends.
    pub(super) fn end(self) {
        self.closing.tell();
        // A queue that is full keeps the thread awake without it.
        drop(self.queue.sender.try_send(Piece::Wake));
        if self.thread.join().is_err() {
            tracing::error!("the thread that exports had died");
        }
    }
}

/// What the thread works with.
struct Sending {
    receiver: Receiver<Piece>,
    collector: Collector,
    resource: Resource,
    telemetry: Arc<Telemetry>,
    closing: Arc<Closing>,
    /// The last try failed, and that was told.
    failing: bool,
}

/// Pieces of one kind are sent together.
#[derive(Default)]
struct Batch {
    spans: Vec<Ended>,
    lines: Vec<Line>,
}

impl Batch {
    fn len(&self) -> usize {
        self.spans.len() + self.lines.len()
    }
}

impl Sending {
    fn run(mut self) {
        loop {
            let batch = self.gather();
            if batch.len() == 0 {
                if self.closing.is_told() {
                    return;
                }
                continue;
            }
            let Batch { spans, lines } = batch;
            if !spans.is_empty() {
                let body = wire::traces(&self.resource, &spans);
                self.deliver("span", "v1/traces", &body, spans.len());
            }
            if !lines.is_empty() {
                let body = wire::logs(&self.resource, &lines);
                self.deliver("log", "v1/logs", &body, lines.len());
            }
        }
    }

    /// Waits for something, and a little longer for more; nothing when it is time to go.
    fn gather(&self) -> Batch {
        let mut batch = Batch::default();
        let mut since = Stopwatch::start();
        while batch.len() < AT_ONCE {
            let closes = self.closing.is_told();
            let waited = Duration::from_millis(since.elapsed().as_millis().unsigned_abs());
            let patience = if closes { Duration::ZERO } else { LINGER.saturating_sub(waited) };
            match self.receiver.recv_timeout(patience) {
                Ok(piece) => {
                    if batch.len() == 0 {
                        since = Stopwatch::start();
                    }
                    match piece {
                        Piece::Span(span) => batch.spans.push(*span),
                        Piece::Line(line) => batch.lines.push(*line),
                        Piece::Wake => {}
                    }
                }
                Err(RecvTimeoutError::Timeout) if batch.len() == 0 && !closes => since = Stopwatch::start(),
                Err(_) => break,
            }
        }
        batch
    }

    /// Tries until the collector has it, or until it is not worth the wait; meanwhile the queue fills up, and then drops.
    fn deliver(&mut self, kind: &'static str, path: &str, body: &[u8], count: usize) {
        let mut wait = Duration::from_secs(1);
        for left in (0..TRIES).rev() {
            let closes = self.closing.is_told();
            if closes && self.failing {
                break;
            }
            let (why, after) = match self.collector.send(path, body, closes) {
                Outcome::Sent { refused } => return self.sent(kind, count, refused),
                Outcome::Later(why, after) => (why, after),
                Outcome::Never(why) => {
                    self.fails(&why);
                    break;
                }
            };
            self.fails(&why);
            if left == 0 || self.closing.sleep(after.unwrap_or(wait).min(LONGEST_WAIT)) {
                break;
            }
            wait = wait.saturating_mul(2);
        }
        self.telemetry.exported(kind, "failed", count as u64);
    }

    fn sent(&mut self, kind: &'static str, count: usize, refused: Option<(u64, String)>) {
        let (refused, why) = refused.unwrap_or_default();
        let count = count as u64;
        let refused = refused.min(count);
        self.telemetry.exported(kind, "sent", count - refused);
        if refused > 0 {
            self.telemetry.exported(kind, "failed", refused);
            return self.fails(&format!("it refused {refused} of {count}: {why}"));
        }
        if std::mem::take(&mut self.failing) {
            tracing::info!("the collector takes what is exported again");
        }
    }

    fn fails(&mut self, why: &str) {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(why, "the collector does not take what is exported");
        }
    }
}

/// What describes this process to a collector.
pub(super) fn resource(settings: &TelemetrySettings, instance: &str, host: &str, environment: &str) -> Resource {
    let own = [
        ("service.name", settings.service.as_str()),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", instance),
        ("host.name", host),
        ("deployment.environment.name", environment),
    ];
    let given = |name: &str| settings.attributes.iter().any(|(given, _)| given == name);
    let own = own.into_iter().filter(|(name, _)| !given(name)).map(|(name, value)| (name.to_owned(), value.to_owned()));
    Resource(own.chain(settings.attributes.iter().cloned()).collect())
}

//! Traces: what was done on whose behalf, and how long it took. A call of the API, the evaluation that its readings led
//! to and the plan that was carried out share one trace, whichever threads they ran on.
//!
//! Nothing here knows where spans go. Without a [`Sink`] there are none, and beginning one costs a look.

use std::borrow::Cow;
use std::future::Future;
use std::sync::{Arc, OnceLock};

use crate::model::time::Time;
use crate::shell::clock;

tokio::task_local! {
    /// The span that this thread, or this task, works in.
    static CURRENT: Context;
}

/// Which span: what a child needs to know of its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The trace; never all zeros.
    pub trace: [u8; 16],
    /// The span; never all zeros.
    pub span: [u8; 8],
    /// Whether a span of this trace is told even if nothing came of it.
    pub sampled: bool,
}

impl Context {
    /// Reads the `traceparent` header of a caller that traces, as W3C has it.
    #[must_use]
    pub fn parse(traceparent: &str) -> Option<Context> {
        let mut parts = traceparent.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let later = parts.next().is_some();
        let known = version.len() == 2 && version != "ff" && (version != "00" || !later);
        let (trace, span, [flags]) = (unhex::<16>(trace)?, unhex::<8>(span)?, unhex::<1>(flags)?);
        unhex::<1>(version)?;
        let named = trace != [0; 16] && span != [0; 8];
        (known && named).then_some(Context { trace, span, sampled: flags & 1 == 1 })
    }

    /// The span that is worked in right now, if any.
    #[must_use]
    pub fn current() -> Option<Context> {
        CURRENT.try_with(|context| *context).ok()
    }

    /// Reads a trace as [`Context::trace_id`] writes it.
    #[must_use]
    pub fn trace_of(text: &str) -> Option<[u8; 16]> {
        unhex(text)
    }

    /// The trace, as others write it.
    #[must_use]
    pub fn trace_id(&self) -> String {
        hex(&self.trace)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lower-case hex digits, exactly as many as are due.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let fine = text.len() == N * 2 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate().filter(|_| fine) {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    fine.then_some(bytes)
}

/// What an attribute says.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Words.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// Yes or no.
    Flag(bool),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Whole(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Flag(flag)
    }
}

/// What a span is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Work of this process.
    Internal,
    /// A call that came in.
    Server,
    /// A call that went out.
    Client,
}

/// A span that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Which it is.
    pub context: Context,
    /// The span that it is part of.
    pub parent: Option<[u8; 8]>,
    /// One of few: what was done, without saying to what.
    pub name: Cow<'static, str>,
    /// What it is of.
    pub kind: Kind,
    /// When it began, in nanoseconds since 1970.
    pub began: u64,
    /// When it ended.
    pub ended: u64,
    /// What else is known.
    pub attributes: Vec<(&'static str, Value)>,
    /// Why it failed, when it did.
    pub failed: Option<String>,
}

/// Where spans go.
pub trait Sink: Send + Sync {
    /// Takes a span. Never blocks: whoever waits for a decision waits for this.
    fn take(&self, span: Ended);
}

/// Begins spans.
#[derive(Default)]
pub struct Tracer(OnceLock<(Arc<dyn Sink>, f64)>);

impl std::fmt::Debug for Tracer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tracer").field(&self.0.get().map(|(_, share)| share)).finish()
    }
}

impl Tracer {
    /// Spans go to `sink` from now on: this share of the traces in full, and of the others what came to something. The
    /// first call counts.
    pub fn send_to(&self, sink: Arc<dyn Sink>, share: f64) {
        // A second sink would be a second controller in this process.
        drop(self.0.set((sink, share)));
    }

    /// Whether spans go anywhere.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.get().is_some()
    }

    /// A span that begins now, part of the one that is worked in.
    pub fn begin(&self, name: impl Into<Cow<'static, str>>, kind: Kind) -> Span {
        self.begin_under(Context::current(), name, kind)
    }

    /// A span that begins now, part of this one; of a new trace when there is none.
    pub fn begin_under(&self, parent: Option<Context>, name: impl Into<Cow<'static, str>>, kind: Kind) -> Span {
        let Some((sink, share)) = self.0.get() else { return Span(None) };
        let Some(context) = child_of(parent, *share) else { return Span(None) };
        let began = clock::nanos();
        let ended = Ended {
            context,
            parent: parent.map(|parent| parent.span),
            name: name.into(),
            kind,
            began,
            ended: began,
            attributes: Vec::new(),
            failed: None,
        };
        Span(Some(Box::new(Open { ended, watch: clock::Stopwatch::start(), kept: false, sink: Arc::clone(sink) })))
    }
}

/// A new span's name. None when the system gives no randomness: two spans of one name are worse than none.
fn child_of(parent: Option<Context>, share: f64) -> Option<Context> {
    let mut random = [0; 24];
    getrandom::fill(&mut random).ok()?;
    let [trace @ .., _, _, _, _, _, _, _, _] = random;
    let [.., a, b, c, d, e, f, g, h] = random;
    let span = [a, b, c, d, e, f, g, h];
    Some(match parent {
        Some(parent) => Context { span, ..parent },
        None => {
            let [.., a, b, c, d] = trace;
            let place = f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX);
            Context { trace, span, sampled: place < share || share >= 1.0 }
        }
    })
}

struct Open {
    ended: Ended,
    watch: clock::Stopwatch,
    kept: bool,
    sink: Arc<dyn Sink>,
}

/// Something that is being done. It ends when it is dropped.
#[must_use = "a span that is dropped at once has no length"]
pub struct Span(Option<Box<Open>>);

impl Span {
    /// One that nobody wants to know of.
    pub const fn none() -> Span {
        Span(None)
    }

    /// Which it is; none when nobody wants to know.
    #[must_use]
    pub fn context(&self) -> Option<Context> {
        self.0.as_ref().map(|open| open.ended.context)
    }

    /// Whether anybody wants to know: what is costly to say is said only then.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Says something of it.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(open) = &mut self.0 {
            open.ended.attributes.push((name, value.into()));
        }
    }

    /// It failed.
    pub fn fail(&mut self, why: impl Into<String>) {
        if let Some(open) = &mut self.0 {
            open.ended.failed = Some(why.into());
            open.kept = true;
        }
    }

    /// Something came of it: it is told whatever share of the traces is.
    pub fn keep(&mut self) {
        if let Some(open) = &mut self.0 {
            open.kept = true;
        }
    }

    /// It began earlier than it was known to.
    pub fn began(&mut self, at: Time) {
        if let Some(open) = &mut self.0 {
            let nanos = u64::try_from(at.as_millis()).unwrap_or(0).saturating_mul(1_000_000);
            open.ended.began = nanos.min(open.ended.began);
        }
    }

    /// Nothing came of it, and nobody asked for it: it is not told.
    pub fn forget(mut self) {
        self.0 = None;
    }

    /// Does something in it: spans that begin meanwhile on this thread are part of it.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        match self.context() {
            Some(context) => CURRENT.sync_scope(context, work),
            None => work(),
        }
    }

    /// The same for a task, which may change threads.
    pub async fn around<F: Future>(&self, work: F) -> F::Output {
        match self.context() {
            Some(context) => CURRENT.scope(context, work).await,
            None => work.await,
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(open) = self.0.take() else { return };
        let Open { mut ended, watch, kept, sink } = *open;
        if !kept && !ended.context.sampled {
            return;
        }
        // By the clock that cannot be set, unless it began before it was known.
        let length = (watch.seconds() * 1e9) as u64;
        ended.ended = ended.ended.saturating_add(length);
        sink.take(ended);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<Ended>>);

    impl Sink for Kept {
        fn take(&self, span: Ended) {
            self.0.lock().unwrap().push(span);
        }
    }

    fn traced(share: f64) -> (Tracer, Arc<Kept>) {
        let (tracer, kept) = (Tracer::default(), Arc::new(Kept::default()));
        tracer.send_to(Arc::clone(&kept) as Arc<dyn Sink>, share);
        (tracer, kept)
    }

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[rstest::rstest]
    #[case::sampled(PARENT, Some(true))]
    #[case::not_sampled("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", Some(false))]
    #[case::of_a_later_version("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", Some(true))]
    #[case::too_long("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", None)]
    #[case::no_version("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None)]
    #[case::no_trace("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None)]
    #[case::no_span("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", None)]
    #[case::upper_case("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None)]
    #[case::short("00-4bf92f-00f067aa0ba902b7-01", None)]
    #[case::nothing("", None)]
    fn a_caller_that_traces_is_understood(#[case] header: &str, #[case] sampled: Option<bool>) {
        assert_eq!(Context::parse(header).map(|context| context.sampled), sampled);
    }

    #[test]
    fn what_begins_within_a_span_is_part_of_it_on_this_thread_only() {
        let (tracer, kept) = traced(1.0);
        let outer = tracer.begin_under(Context::parse(PARENT), "outer", Kind::Server);
        outer.within(|| drop(tracer.begin("inner", Kind::Internal)));
        drop(tracer.begin("other", Kind::Internal));
        drop(outer);
        let spans = kept.0.lock().unwrap();
        let [inner, other, outer] = spans.as_slice() else { panic!("{spans:?}") };
        assert_eq!(outer.context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(outer.parent, Context::parse(PARENT).map(|parent| parent.span));
        assert_eq!((inner.context.trace, inner.parent), (outer.context.trace, Some(outer.context.span)));
        assert_ne!(other.context.trace, outer.context.trace);
        assert_eq!(other.parent, None);
        assert!(outer.began <= inner.began && inner.ended >= inner.began);
    }

    #[test]
    fn without_a_sink_there_are_no_spans() {
        let tracer = Tracer::default();
        let span = tracer.begin("nothing", Kind::Internal);
        assert!(!span.is_on() && span.context().is_none());
        assert_eq!(span.within(Context::current), None);
    }

    #[test]
    fn of_a_trace_outside_the_share_only_what_came_to_something_is_told() {
        let (tracer, kept) = traced(0.0);
        drop(tracer.begin("quiet", Kind::Internal));
        let mut span = tracer.begin("telling", Kind::Internal);
        span.keep();
        drop(span);
        let mut span = tracer.begin("failing", Kind::Internal);
        span.fail("why");
        drop(span);
        tracer.begin("forgotten", Kind::Internal).forget();
        let names: Vec<_> = kept.0.lock().unwrap().iter().map(|span| span.name.clone()).collect();
        assert_eq!(names, ["telling", "failing"]);
    }

    #[test]
    fn a_share_of_the_traces_is_about_that_share() {
        let (tracer, kept) = traced(0.25);
        for _ in 0..4000 {
            drop(tracer.begin("one", Kind::Internal));
        }
        let told = kept.0.lock().unwrap().len();
        // Five standard deviations, and some.
        assert!((850..1150).contains(&told), "{told}");
    }
}

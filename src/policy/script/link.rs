//! What the policy wants of its functions, and the functions made ready to run.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::finding::CheckKind;

use super::super::diagnostic::{Diagnostic, Place};
use super::super::source::{PolicySource, RULES_FILE};
use super::check::{Found, World, function_name};
use super::compile::Part;
use super::facts::FactRef;
use super::items::{File, Function};
use super::kinds::Kinds;
use super::lower::Node;
use super::names::{FunctionInfo, Wanted};
use super::run::{Entry, Line, Loaded};
use super::sandbox::ENGINE;
use super::{FORBIDDEN_CONSTRUCT, FunctionIx, MISSING, ScriptSet, UNUSED, WRONG_OUTCOME, suggest};

/// A lowered function longer than this is interpreted, where operations are counted.
const MAX_STEPS: usize = 2_000;
/// The same for one with an `if`, which may have to be taken along 64 paths.
const MAX_BRANCHING_STEPS: usize = 250;

/// Everything that checking left behind.
pub(super) struct Scripts<'a, 's> {
    pub(super) files: &'s [File<'a>],
    pub(super) parts: &'s [Part],
    pub(super) world: &'s World<'s>,
    pub(super) found: &'s [Found],
    pub(super) facts: Vec<FactRef>,
}

impl Scripts<'_, '_> {
    fn function(&self, at: usize) -> Option<(&File<'_>, &Function)> {
        let part = self.parts.get(at)?;
        let file = self.files.get(part.file)?;
        Some((file, file.functions.get(part.at)?))
    }

    /// The number of the function of that name in the policy's own rules.
    fn find(&self, name: &str) -> Option<usize> {
        self.own().find(|at| self.world.signatures.get(*at).is_some_and(|known| known.name == name))
    }

    /// The functions of `rules.rhai`.
    fn own(&self) -> impl Iterator<Item = usize> {
        let is_own = |at: &usize| self.function(*at).is_some_and(|(file, _)| *file.path == *RULES_FILE);
        (0..self.parts.len()).filter(is_own)
    }

    /// A function and all that it calls, each once, callees last.
    fn closure(&self, at: usize) -> Vec<usize> {
        let mut all = vec![at];
        let mut next = 0;
        while let Some(at) = all.get(next) {
            let calls = self.parts.get(*at).map_or(&[][..], |part| &part.calls);
            let new: Vec<usize> = calls.iter().copied().filter(|call| !all.contains(call)).collect();
            all.extend(new);
            next += 1;
        }
        all
    }

    /// Looks at every function that the policy names, and at those it does not.
    pub(super) fn wanted(
        &self,
        source: &PolicySource,
        wanted: &[Wanted],
        out: &mut Vec<Diagnostic>,
    ) -> Vec<FunctionInfo> {
        let mut used = BTreeSet::new();
        let mut functions = Vec::new();
        for (nth, want) in wanted.iter().enumerate() {
            let index = FunctionIx(u16::try_from(nth).unwrap_or(u16::MAX));
            let Some(at) = self.find(&want.function) else {
                out.push(self.missing(source, want));
                functions.push(FunctionInfo { index, ..FunctionInfo::default() });
                continue;
            };
            self.fitting(at, want, out);
            let all = self.closure(at);
            functions.push(self.info(index, &all));
            used.extend(all);
        }
        for at in self.own().filter(|at| !used.contains(at)) {
            if let Some((file, function)) = self.function(at) {
                let place = file.place(function.name_span.clone());
                let message = format!("nothing uses the function `{}`", function.name);
                out.push(
                    Diagnostic::warning(UNUSED, message, place).help("name it in a trigger or gate, or remove it"),
                );
            }
        }
        functions
    }

    fn missing(&self, source: &PolicySource, want: &Wanted) -> Diagnostic {
        if source.get(RULES_FILE).is_none() {
            let message = format!("the function `{}` is named, but there is no `{RULES_FILE}`", want.function);
            return Diagnostic::error(MISSING, message, want.place.clone())
                .help(format!("write `fn {}() {{ .. }}` in a `{RULES_FILE}` beside policy.toml", want.function));
        }
        let message = format!("`{RULES_FILE}` has no function `{}`", want.function);
        let problem = Diagnostic::error(MISSING, message, want.place.clone());
        let known = self.own().filter_map(|at| self.world.signatures.get(at)).map(|known| known.name.as_str());
        match suggest(&want.function, known) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!("write `fn {}() {{ .. }}` in `{RULES_FILE}`", want.function)),
        }
    }

    /// Whether the function can be what the policy wants of it.
    fn fitting(&self, at: usize, want: &Wanted, out: &mut Vec<Diagnostic>) {
        let Some((file, function)) = self.function(at) else { return };
        let place = file.place(function.name_span.clone());
        if !function.params.is_empty() {
            let message = format!("`{}` takes arguments; what the policy names takes none", want.function);
            out.push(Diagnostic::error(MISSING, message, want.place.clone()).also(place, "defined here"));
            return;
        }
        let Some(found) = self.found.get(at) else { return };
        let (what, due, other) = match want.kind {
            CheckKind::Gate => ("gate", "open() or closed()", Kinds::TRIGGER),
            CheckKind::Threshold | CheckKind::Trigger => ("trigger", "breach() or ok()", Kinds::GATE),
        };
        let wrong = if found.result.has(other) {
            match want.kind {
                CheckKind::Gate => "a trigger's verdict",
                CheckKind::Threshold | CheckKind::Trigger => "a gate's verdict",
            }
        } else if found.result.has(Kinds::NUMBER) {
            "a quantity"
        } else if found.result.has(Kinds::UNIT) {
            "nothing on some path"
        } else {
            return;
        };
        let message = format!("`{}` is used as a {what}, but returns {wrong}", want.function);
        out.push(
            Diagnostic::error(WRONG_OUTCOME, message, place)
                .also(want.place.clone(), format!("named here as a {what}"))
                .help(format!("a {what} returns {due}, or a fact")),
        );
    }

    fn info(&self, index: FunctionIx, all: &[usize]) -> FunctionInfo {
        let mut info = FunctionInfo { index, ..FunctionInfo::default() };
        let (mut hash, mut text) = (Fnv::new(), Fnv::new());
        for at in all {
            let Some(found) = self.found.get(*at) else { continue };
            for fact in found.facts.iter().filter_map(|fact| self.facts.get(*fact)) {
                if let FactRef::Baseline(metric, ..) = fact {
                    info.baselines.push(*metric);
                }
                match fact {
                    FactRef::Reading(metric, group, _) | FactRef::Baseline(metric, group, _) => {
                        info.reads.push((*metric, *group));
                    }
                    FactRef::Breached(check) | FactRef::Pending(check) => info.asks.push(*check),
                    FactRef::Param(value, _) => hash.add(&value.to_bits().to_le_bytes()),
                }
            }
            info.params.extend(found.params.iter().cloned());
            if let Some((file, function)) = self.function(*at) {
                info.files.push(file.path.to_string());
                for index in function.body.clone() {
                    hash.add(file.text.at(index).as_bytes());
                    text.add(file.text.at(index).as_bytes());
                }
            }
        }
        (info.fingerprint, info.text) = (hash.0, text.0);
        info.reads.sort_unstable();
        info.reads.dedup();
        info.baselines.sort_unstable();
        info.baselines.dedup();
        info.asks.sort_unstable();
        info.asks.dedup();
        info.params.sort_unstable();
        info.params.dedup();
        info.files.sort_unstable();
        info.files.dedup();
        info
    }

    // -- ready to run --

    /// The functions with facts in place of names, compiled for running. Only when nothing is wrong.
    pub(super) fn build(&self, wanted: &[Wanted], out: &mut Vec<Diagnostic>) -> ScriptSet {
        if wanted.is_empty() {
            return ScriptSet::default();
        }
        let mut text = String::new();
        let mut lines = Vec::new();
        let mut bodies = Vec::new();
        for at in 0..self.parts.len() {
            let (Some((file, function)), Some(found)) = (self.function(at), self.found.get(at)) else { continue };
            let body = rewritten(file, function, found);
            let first = 1 + text.matches('\n').count();
            let source_line = file.text.line(file.range(function.body.start, function.body.start).start);
            lines.push(Line { first, path: file.path.clone(), line: source_line, function: function.name.clone() });
            let params: Vec<&str> = function.params.iter().map(|(name, _)| name.as_str()).collect();
            text.push_str(&format!("fn {}({}) {body}\n", function_name(at), params.join(", ")));
            bodies.push(body);
        }
        let Ok(ast) = ENGINE.compile(&text) else {
            // The whole was read in parts before; what fails now is an arrangement that the rewriting does not expect.
            out.push(self.unreadable(&bodies));
            return ScriptSet::default();
        };
        let lowered = self.lowered();
        let mut entries = Vec::new();
        for want in wanted {
            let Some(at) = self.find(&want.function) else { continue };
            let Some(statements) = bodies.get(at).and_then(|body| ENGINE.compile(body).ok()) else { continue };
            let mut needs: Vec<usize> = self
                .closure(at)
                .iter()
                .filter_map(|at| self.found.get(*at))
                .flat_map(|one| one.facts.clone())
                .collect();
            needs.sort_unstable();
            needs.dedup();
            let node = lowered.get(at).cloned().flatten();
            let statements = match statements.statements() {
                [rhai::Stmt::Block(block)] => block.statements().to_vec(),
                statements => statements.to_vec(),
            };
            entries.push(Entry { line: at, kind: want.kind, statements, needs, node });
        }
        let library = ast.shared_lib().clone();
        ScriptSet::new(Loaded { library, entries, facts: self.facts.clone(), lines, idle: std::sync::Mutex::default() })
    }

    fn unreadable(&self, bodies: &[String]) -> Diagnostic {
        let bad = bodies.iter().position(|body| ENGINE.compile(body).is_err()).unwrap_or(0);
        let place = self.function(bad).map_or_else(
            || Place { file: Arc::from(RULES_FILE), span: 0..0 },
            |(file, function)| file.place(function.name_span.clone()),
        );
        Diagnostic::error(FORBIDDEN_CONSTRUCT, "this function is arranged in a way that cannot be compiled", place)
            .help("give parts of it a name with `let`")
    }

    /// The tree of each function that can be lowered.
    fn lowered(&self) -> Vec<Option<Arc<Node>>> {
        let mut lowered: Vec<Option<Arc<Node>>> = vec![None; self.parts.len()];
        // A pass resolves what was resolved before; chains are at most eight deep.
        for _ in 0..=super::sandbox::MAX_CALLS {
            for at in 0..self.parts.len() {
                let Some(node) = self.found.get(at).and_then(|found| found.node.as_ref()) else { continue };
                let linked = node.linked(&|function| lowered.get(function).cloned().flatten());
                if let (Some(linked), Some(slot)) = (linked.filter(is_short), lowered.get_mut(at)) {
                    slot.get_or_insert_with(|| Arc::new(linked));
                }
            }
        }
        lowered
    }
}

fn is_short(node: &Node) -> bool {
    node.steps() <= if node.branches() { MAX_BRANCHING_STEPS } else { MAX_STEPS }
}

/// A function's body with its edits applied; lines stay where they were.
fn rewritten(file: &File<'_>, function: &Function, found: &Found) -> String {
    let whole = file.range(function.body.start, function.body.end.saturating_sub(1));
    let mut edits = found.edits.clone();
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut text = String::new();
    let mut at = whole.start;
    for edit in edits {
        text.push_str(file.text.source.get(at..edit.range.start).unwrap_or(""));
        text.push_str(&edit.text);
        at = at.max(edit.range.end);
    }
    text.push_str(file.text.source.get(at..whole.end).unwrap_or(""));
    text
}

/// FNV-1a: the same on every machine and in every release.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&[0]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

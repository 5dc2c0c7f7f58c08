//! Calling a compiled function. Total: errors, overruns and panics come out as unknown, with the reason for people.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Caches, EvalAltResult, GlobalRuntimeState, Module, Position, Scope, Shared, Stmt};

use crate::model::finding::CheckKind;
use crate::model::reading::{Truth, Unknown};

use super::compile::Path;
use super::facts::FactRef;
use super::lower::{Env, Node};
use super::sandbox::{self, ENGINE, MAX_OPERATIONS};
use super::value::{Value, Verdict};
use super::{Facts, FunctionIx, ScriptAnswer};

/// One function that the policy names.
pub(super) struct Entry {
    /// Where its text is, in [`Loaded::lines`].
    pub(super) line: usize,
    pub(super) kind: CheckKind,
    pub(super) statements: Vec<Stmt>,
    /// The facts that it and all it calls may ask about.
    pub(super) needs: Vec<usize>,
    /// The same, lowered.
    pub(super) node: Option<Arc<Node>>,
}

/// Where a line of the text that runs comes from.
pub(super) struct Line {
    pub(super) first: usize,
    pub(super) path: Path,
    pub(super) line: usize,
    pub(super) function: String,
}

/// The scripts of one policy, ready to run.
pub(super) struct Loaded {
    pub(super) library: Shared<Module>,
    pub(super) entries: Vec<Entry>,
    pub(super) facts: Vec<FactRef>,
    pub(super) lines: Vec<Line>,
    /// Interpreters that nobody is using; their caches know the operators already.
    pub(super) idle: Mutex<Vec<Interpreter>>,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.entries.iter().filter_map(|entry| self.lines.get(entry.line)).map(|line| &line.function);
        f.debug_list().entries(names).finish()
    }
}

/// What the interpreter needs besides the script.
pub(super) struct Interpreter {
    global: GlobalRuntimeState,
    caches: Caches,
    scope: Scope<'static>,
}

impl Loaded {
    /// Runs a function the fastest way there is.
    pub(super) fn call(&self, function: FunctionIx, facts: &dyn Facts) -> ScriptAnswer {
        let Some(entry) = self.entries.get(usize::from(function.0)) else { return nothing() };
        match &entry.node {
            Some(node) => {
                let mut env = Env::new(facts);
                loop {
                    let answer = match env.run(node) {
                        Ok(value) => conclude(entry.kind, value, env.taint),
                        Err(fault) => return unknown(Unknown::WrongType, Some(self.at(entry, fault))),
                    };
                    if answer.truth != Truth::Breach || !env.paths.next() {
                        return answer;
                    }
                }
            }
            None => self.interpret(entry, facts),
        }
    }

    /// Runs a function in the interpreter.
    pub(super) fn call_interpreted(&self, function: FunctionIx, facts: &dyn Facts) -> ScriptAnswer {
        self.entries.get(usize::from(function.0)).map_or_else(nothing, |entry| self.interpret(entry, facts))
    }

    pub(super) fn is_lowered(&self, function: FunctionIx) -> bool {
        self.entries.get(usize::from(function.0)).is_some_and(|entry| entry.node.is_some())
    }

    fn interpret(&self, entry: &Entry, facts: &dyn Facts) -> ScriptAnswer {
        sandbox::begin(|values| {
            values.resize(self.facts.len(), Value::Unknown(Unknown::Absent));
            for need in &entry.needs {
                if let (Some(slot), Some(fact)) = (values.get_mut(*need), self.facts.get(*need)) {
                    *slot = fact.ask(facts);
                }
            }
        });
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut interpreter = idle.unwrap_or_else(|| self.interpreter());
        // An `if` on an unknown goes both ways. Only when every way is a breach is it one.
        let answer = loop {
            sandbox::begin_path();
            let result = catch_unwind(AssertUnwindSafe(|| interpreter.run(&entry.statements)));
            let answer = match result {
                Ok(Ok(value)) => conclude(entry.kind, value, sandbox::taint()),
                Ok(Err(error)) => return unknown(Unknown::WrongType, Some(self.fault(entry, &error))),
                Err(_) => {
                    return unknown(
                        Unknown::WrongType,
                        Some("the script ran into a fault of the interpreter".to_owned()),
                    );
                }
            };
            match answer.truth {
                Truth::Breach if sandbox::next_path() => {}
                _ => break answer,
            }
        };
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(interpreter);
        answer
    }

    fn interpreter(&self) -> Interpreter {
        let mut global = ENGINE.new_global_runtime_state();
        global.lib.push(self.library.clone());
        Interpreter { global, caches: Caches::new(), scope: Scope::new() }
    }

    /// What went wrong in a lowered function; it is short, so its first line is place enough.
    fn at(&self, entry: &Entry, what: &str) -> String {
        self.lines.get(entry.line).map_or_else(
            || what.to_owned(),
            |line| format!("{}:{}: in `{}`: {what}", line.path, line.line, line.function),
        )
    }

    /// What went wrong, and where in the policy.
    fn fault(&self, entry: &Entry, error: &EvalAltResult) -> String {
        let mut inner = error;
        let mut called = None;
        while let EvalAltResult::ErrorInFunctionCall(name, _, cause, _) = inner {
            called = Some(name.as_str());
            inner = cause;
        }
        let what = match inner {
            EvalAltResult::ErrorTerminated(..) => format!("more than {MAX_OPERATIONS} operations"),
            EvalAltResult::ErrorRuntime(text, _) => text.to_string(),
            EvalAltResult::ErrorStackOverflow(_) => "functions call each other too deep".to_owned(),
            other => {
                let text = other.to_string();
                text.split(" (line ").next().unwrap_or("").to_lowercase()
            }
        };
        match self.place(entry, called, inner.position()) {
            Some((path, line)) => format!("{path}:{line}: {what}"),
            None => what,
        }
    }

    /// The policy's own functions run as texts of their own; those they call are lines of the library.
    fn place(&self, entry: &Entry, called: Option<&str>, at: Position) -> Option<(&Path, usize)> {
        let line = at.line()?;
        let (from, inside) = match called {
            None => (self.lines.get(entry.line)?, line),
            Some(_) => {
                let from = self.lines.iter().rfind(|known| known.first <= line)?;
                (from, line - from.first + 1)
            }
        };
        Some((&from.path, from.line + inside - 1))
    }
}

impl Interpreter {
    fn run(&mut self, statements: &[Stmt]) -> Result<Value, Box<EvalAltResult>> {
        self.scope.clear();
        #[allow(deprecated, reason = "rhai marks its internals so; its version is pinned")]
        let value = ENGINE.eval_statements_raw(&mut self.global, &mut self.caches, &mut self.scope, statements)?;
        Ok(sandbox::from_dynamic(&value))
    }
}

pub(super) fn nothing() -> ScriptAnswer {
    unknown(Unknown::Absent, Some("the policy has no such function".to_owned()))
}

const fn unknown(why: Unknown, fault: Option<String>) -> ScriptAnswer {
    ScriptAnswer { truth: Truth::Unknown(why), fault }
}

/// What a function's value means for its check. A fact that holds is a breach of a trigger and opens a gate. A breach
/// stands whatever else was read; an ok after any unknown is unknown.
fn conclude(kind: CheckKind, value: Value, taint: Option<Unknown>) -> ScriptAnswer {
    let is_gate = matches!(kind, CheckKind::Gate);
    let truth = match (value, is_gate) {
        (Value::Fact(true) | Value::Verdict(Verdict::Breach), false)
        | (Value::Fact(false) | Value::Verdict(Verdict::Closed), true) => Truth::Breach,
        (Value::Fact(false) | Value::Verdict(Verdict::Ok), false)
        | (Value::Fact(true) | Value::Verdict(Verdict::Open), true) => taint.map_or(Truth::Ok, Truth::Unknown),
        (Value::Unknown(why), _) => Truth::Unknown(why),
        (wrong, _) => return unknown(Unknown::WrongType, Some(wrong_kind(wrong, is_gate))),
    };
    ScriptAnswer { truth, fault: None }
}

fn wrong_kind(value: Value, is_gate: bool) -> String {
    let what = match value {
        Value::Verdict(verdict) => verdict.name(),
        Value::Number(..) => "a number",
        _ => "nothing",
    };
    let due = if is_gate { "a gate returns open() or closed()" } else { "a trigger returns breach() or ok()" };
    format!("returned {what}; {due}")
}

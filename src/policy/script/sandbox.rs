//! The interpreter, with everything taken out that a policy has no use for, and every operator replaced by ours.
//!
//! Nothing is loaded from Rhai's standard packages: no text, list, map, time, file or print function exists. Limits
//! are counts, so a script ends the same way on a slow machine.

use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::sync::LazyLock;

use rhai::{Dynamic, Engine, EvalAltResult, OptimizationLevel, Position, Token};

use crate::model::reading::{Truth, Unknown};

use super::dim::Dim;
use super::value::{Arith, Compare, Value, Verdict};

/// Operations that one call may take, all its paths together.
pub(super) const MAX_OPERATIONS: u32 = 50_000;
/// Functions may call each other this deep.
pub(super) const MAX_CALLS: usize = 8;
/// Brackets, blocks and `else if` may be nested this deep.
pub(super) const MAX_DEPTH: usize = 32;
/// Both ways are taken at an `if` on an unknown; at this many such `if`s on one path the script is given up.
const MAX_UNDECIDED: usize = 6;
/// Names that start so are ours.
pub(super) const RESERVED: &str = "rg_";
/// What an `if` asks about its condition.
pub(super) const IF: &str = "rg_if";

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// One call in progress on this thread.
#[derive(Default)]
struct Run {
    facts: RefCell<Vec<Value>>,
    operations: Cell<u32>,
    /// The first unknown that was touched.
    taint: Cell<Option<Unknown>>,
    /// Which way each undecided `if` on the current path went.
    choices: RefCell<Vec<bool>>,
    /// How many undecided `if`s this path has passed.
    passed: Cell<usize>,
}

thread_local! {
    // Rhai's callbacks take no argument of ours; the counter must hold inside callbacks, too.
    static RUN: Run = Run::default();
}

/// The engine that every script runs on; it holds nothing of any policy.
pub(super) static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = bare(2 * MAX_DEPTH);
    #[allow(deprecated, reason = "rhai marks what may change; its version is pinned")]
    engine.on_var(|name, _, _| Ok(fact(name)));
    engine.on_progress(|_| {
        RUN.with(|run| {
            let operations = run.operations.get() + 1;
            run.operations.set(operations);
            (operations > MAX_OPERATIONS).then_some(Dynamic::UNIT)
        })
    });
    operators(&mut engine);
    functions(&mut engine);
    engine
});

/// The engine that reads scripts before they are checked: the same language.
pub(super) static READER: LazyLock<Engine> = LazyLock::new(|| bare(MAX_DEPTH));

/// Words that are part of Rhai and not of a policy, with what to say about them.
pub(super) const FORBIDDEN: [(&str, &str); 29] = [
    ("while", "loops are not available: write a window in TOML (`for = \"3 of 5\"`)"),
    ("loop", "loops are not available: write a window in TOML (`for = \"3 of 5\"`)"),
    ("for", "loops are not available: write a window in TOML (`for = \"3 of 5\"`)"),
    ("do", "loops are not available: write a window in TOML (`for = \"3 of 5\"`)"),
    ("until", "loops are not available: write a window in TOML (`for = \"3 of 5\"`)"),
    ("break", "loops are not available"),
    ("continue", "loops are not available"),
    ("in", "`in` is not available: compare with each value"),
    ("switch", "`switch` is not available: it cannot treat an unknown; use `if`"),
    ("match", "`match` is not available: it cannot treat an unknown; use `if`"),
    ("case", "`case` is not available: use `if`"),
    ("try", "`try` is not available: a script that fails is unknown"),
    ("catch", "`catch` is not available: a script that fails is unknown"),
    ("throw", "`throw` is not available: return a verdict"),
    ("eval", "`eval` is not available"),
    ("exit", "`exit` is not available: use `return`"),
    ("Fn", "function pointers are not available: call the function"),
    ("call", "function pointers are not available: call the function"),
    ("curry", "function pointers are not available: call the function"),
    ("this", "`this` is not available: pass an argument"),
    ("export", "`export` is not available: every function of a shared module can be called"),
    ("print", "`print` is not available: a decision lists its findings"),
    ("debug", "`debug` is not available: a decision lists its findings"),
    ("type_of", "`type_of` is not available: use `known(..)`"),
    ("is_def_var", "`is_def_var` is not available"),
    ("is_def_fn", "`is_def_fn` is not available"),
    ("is_shared", "`is_shared` is not available"),
    ("global", "`global` is not available: write a value in [params] and read it with `param(..)`"),
    ("spawn", "`spawn` is not available"),
];

fn bare(depth: usize) -> Engine {
    let mut engine = Engine::new_raw();
    engine
        .set_optimization_level(OptimizationLevel::None)
        .set_fast_operators(false)
        .set_allow_shadowing(false)
        .set_allow_looping(false)
        .set_allow_anonymous_fn(false)
        .set_allow_switch_expression(false)
        .set_allow_loop_expressions(false)
        .set_fail_on_invalid_map_property(true)
        .set_max_call_levels(MAX_CALLS)
        .set_max_expr_depths(depth, depth)
        .set_max_string_size(4096)
        .set_max_array_size(256)
        .set_max_map_size(256)
        .set_max_variables(64)
        .set_max_modules(0)
        .set_max_strings_interned(0);
    for (word, _) in FORBIDDEN {
        engine.disable_symbol(word);
    }
    for sign in ["import", "%", "**", "<<", ">>", "^", "..", "..=", "+=", "-=", "*=", "/=", "%=", "**=", "&=", "|="] {
        engine.disable_symbol(sign);
    }
    // Both sides of `&&` and `||` are always considered: rhai's own would stop at the first answer, and see no unknown.
    #[allow(deprecated, reason = "rhai marks what may change; its version is pinned")]
    engine.on_parse_token(|token, _, _| match token {
        Token::And => Token::Ampersand,
        Token::Or => Token::Pipe,
        other => other,
    });
    engine.on_print(|_| {}).on_debug(|_, _, _| {});
    engine
}

/// The value of a fact's variable (`rg_12`); none for the script's own variables.
fn fact(name: &str) -> Option<Dynamic> {
    let index: usize = name.strip_prefix(RESERVED)?.parse().ok()?;
    RUN.with(|run| {
        let value = run.facts.borrow().get(index).copied().unwrap_or(Value::Unknown(Unknown::Absent));
        Some(run.told(value))
    })
}

impl Run {
    /// Hands a value to the interpreter, noting an unknown.
    fn told(&self, value: Value) -> Dynamic {
        if let Value::Unknown(why) = value
            && self.taint.get().is_none()
        {
            self.taint.set(Some(why));
        }
        to_dynamic(value)
    }

    /// Which way an undecided `if` goes on this path.
    fn choose(&self) -> Fallible<bool> {
        let mut choices = self.choices.borrow_mut();
        let at = self.passed.replace(self.passed.get() + 1);
        if let Some(choice) = choices.get(at) {
            return Ok(*choice);
        }
        if at >= MAX_UNDECIDED {
            return Err(failure(format!("more than {MAX_UNDECIDED} `if`s on unknown facts")));
        }
        choices.push(false);
        Ok(false)
    }
}

/// Numbers are floats whose tag is the unit: no allocation where it counts. Verdicts and unknowns are a type of ours.
pub(super) fn to_dynamic(value: Value) -> Dynamic {
    match value {
        Value::Number(number, dim) => {
            let mut number = Dynamic::from_float(number);
            number.set_tag(dim.to_tag());
            number
        }
        Value::Fact(holds) => Dynamic::from_bool(holds),
        Value::Foreign => Dynamic::UNIT,
        Value::Verdict(_) | Value::Unknown(_) => Dynamic::from(Outcome(value)),
    }
}

/// A verdict or an unknown, as scripts hold it.
#[derive(Debug, Clone, Copy)]
struct Outcome(Value);

pub(super) fn from_dynamic(value: &Dynamic) -> Value {
    if let Ok(number) = value.as_float() {
        Value::Number(number, Dim::from_tag(value.tag()))
    } else if let Ok(holds) = value.as_bool() {
        Value::Fact(holds)
    } else if let Some(outcome) = value.read_lock::<Outcome>() {
        outcome.0
    } else if let Ok(number) = value.as_int() {
        // The linker writes every number as a float; should one slip through it is a bare number, never an integer
        // division.
        #[allow(clippy::cast_precision_loss, reason = "a policy has no integers beyond 2^53")]
        Value::Number(number as f64, Dim::Bare)
    } else {
        Value::Foreign
    }
}

fn binary(engine: &mut Engine, name: &str, how: impl Fn(Value, Value) -> Value + Copy + Send + Sync + 'static) {
    let any = TypeId::of::<Dynamic>();
    let number = TypeId::of::<f64>();
    let fact = TypeId::of::<bool>();
    // The wildcard pair leaves no combination to rhai, whose own answer to "wrong kind" is `false`; the exact pairs are the same
    // function, found faster.
    for types in [[number, number], [fact, fact], [any, any]] {
        engine.register_raw_fn(name, types, move |_, args| {
            let [a, b] = args else { return Err(failure("two operands are due".to_owned())) };
            let value = how(from_dynamic(a), from_dynamic(b));
            Ok(RUN.with(|run| run.told(value)))
        });
    }
}

fn unary(engine: &mut Engine, name: &str, how: fn(Value) -> Value) {
    for kind in [TypeId::of::<f64>(), TypeId::of::<bool>(), TypeId::of::<Dynamic>()] {
        engine.register_raw_fn(name, [kind], move |_, args| {
            let [a] = args else { return Err(failure("one operand is due".to_owned())) };
            let value = how(from_dynamic(a));
            Ok(RUN.with(|run| run.told(value)))
        });
    }
}

fn operators(engine: &mut Engine) {
    for op in Compare::ALL {
        binary(engine, op.symbol(), move |a, b| Value::compare(op, a, b));
    }
    for op in Arith::ALL {
        binary(engine, op.symbol(), move |a, b| Value::arith(op, a, b));
    }
    binary(engine, "&", Value::and);
    binary(engine, "|", Value::or);
    unary(engine, "!", Value::negate);
    unary(engine, "-", Value::minus);
    unary(engine, "+", |value| Value::arith(Arith::Add, Value::Number(0.0, Dim::Bare), value));
}

fn functions(engine: &mut Engine) {
    unary(engine, "abs", Value::abs);
    unary(engine, "known", Value::known);
    for verdict in [Verdict::Breach, Verdict::Ok, Verdict::Open, Verdict::Closed] {
        let name = verdict.name().trim_end_matches("()");
        engine.register_raw_fn(name, [], move |_, _| Ok(to_dynamic(Value::Verdict(verdict))));
    }
    for kind in [TypeId::of::<bool>(), TypeId::of::<Dynamic>()] {
        engine.register_raw_fn(IF, [kind], |_, args| {
            let decides = args.first().and_then(|value| from_dynamic(value).decides());
            match decides {
                Some(Truth::Breach) => Ok(true),
                Some(Truth::Ok) => Ok(false),
                Some(Truth::Unknown(_)) => RUN.with(Run::choose),
                None => Err(failure("an `if` asks for a fact, not for a number".to_owned())),
            }
        });
    }
}

fn failure(text: String) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(text.into(), Position::NONE).into()
}

/// Begins a call: `fill` lays out the facts it may ask about.
pub(super) fn begin(fill: impl FnOnce(&mut Vec<Value>)) {
    RUN.with(|run| {
        run.operations.set(0);
        run.choices.borrow_mut().clear();
        let mut facts = run.facts.borrow_mut();
        fill(&mut facts);
    });
}

/// Begins one path of the call.
pub(super) fn begin_path() {
    RUN.with(|run| {
        run.taint.set(None);
        run.passed.set(0);
    });
}

/// The first unknown that this path touched.
pub(super) fn taint() -> Option<Unknown> {
    RUN.with(|run| run.taint.get())
}

/// How many operations the call has taken.
pub(super) fn operations() -> u32 {
    RUN.with(|run| run.operations.get())
}

/// Moves on to the next path; false when every one has been taken.
pub(super) fn next_path() -> bool {
    RUN.with(|run| {
        let mut choices = run.choices.borrow_mut();
        while let Some(last) = choices.pop() {
            if !last {
                choices.push(true);
                return true;
            }
        }
        false
    })
}

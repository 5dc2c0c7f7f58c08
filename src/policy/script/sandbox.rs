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
use super::paths::{NOT_A_FACT, Paths};
use super::value::{Arith, Compare, Value, Verdict};

/// Operations that one call may take, all its paths together.
pub(super) const MAX_OPERATIONS: u32 = 50_000;
/// Functions may call each other this deep.
pub(super) const MAX_CALLS: usize = 8;
/// Brackets, blocks and `else if` may be nested this deep.
pub(super) const MAX_DEPTH: usize = 32;
/// Names that start so are ours.
pub(super) const RESERVED: &str = "rg_";
/// What an `if` asks about its condition.
pub(super) const IF: &str = "rg_if";

/// One call in progress on this thread.
#[derive(Default)]
struct Run {
    facts: RefCell<Vec<Value>>,
    operations: Cell<u32>,
    /// An unknown that was touched: of several, the first in the order of their declaration.
    taint: Cell<Option<Unknown>>,
    paths: RefCell<Paths>,
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

/// The engine that reads scripts before they are checked: the same language, except that a name given twice is left to
/// the lint, which says so under its own code and goes on.
pub(super) static READER: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = bare(MAX_DEPTH);
    engine.set_allow_shadowing(true);
    engine
});

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
    ("eval", "`eval` is not available: write the condition itself"),
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
        if let Value::Unknown(why) = value {
            // Rhai evaluates a variable's place before its value: which came first says nothing.
            self.taint.set(Some(self.taint.get().map_or(why, |first| first.min(why))));
        }
        to_dynamic(value)
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
            let [a, b] = args else { return Err(failure("two operands are due")) };
            let value = how(from_dynamic(a), from_dynamic(b));
            Ok(RUN.with(|run| run.told(value)))
        });
    }
}

fn unary(engine: &mut Engine, name: &str, how: fn(Value) -> Value) {
    for kind in [TypeId::of::<f64>(), TypeId::of::<bool>(), TypeId::of::<Dynamic>()] {
        engine.register_raw_fn(name, [kind], move |_, args| {
            let [a] = args else { return Err(failure("one operand is due")) };
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
                Some(Truth::Unknown(_)) => RUN.with(|run| run.paths.borrow_mut().choose().map_err(failure)),
                None => Err(failure(NOT_A_FACT)),
            }
        });
    }
}

fn failure(text: &str) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(text.into(), Position::NONE).into()
}

/// Begins a call: `fill` lays out the facts it may ask about.
pub(super) fn begin(fill: impl FnOnce(&mut Vec<Value>)) {
    RUN.with(|run| {
        run.operations.set(0);
        run.paths.replace(Paths::default());
        let mut facts = run.facts.borrow_mut();
        fill(&mut facts);
    });
}

/// Begins one path of the call.
pub(super) fn begin_path() {
    RUN.with(|run| {
        run.taint.set(None);
        run.paths.borrow_mut().begin();
    });
}

/// An unknown that this path touched.
pub(super) fn taint() -> Option<Unknown> {
    RUN.with(|run| run.taint.get())
}

/// How many operations the call has taken.
pub(super) fn operations() -> u32 {
    RUN.with(|run| run.operations.get())
}

/// Moves on to the next path; false when every one has been taken.
pub(super) fn next_path() -> bool {
    RUN.with(|run| run.paths.borrow_mut().next())
}

#[cfg(test)]
mod tests {
    use rhai::{Array, Blob, FnPtr, Map};

    use super::*;
    use crate::model::units::Unit;

    fn evaluate(op: Compare, a: &Dynamic, b: &Dynamic) -> Value {
        begin(|_| {});
        begin_path();
        from_dynamic(&ENGINE.eval_binary_op::<Dynamic>(op.symbol(), a.clone(), b.clone()).unwrap())
    }

    fn reading(unit: Unit) -> Dynamic {
        to_dynamic(Value::Number(2.0, Dim::Of(unit)))
    }

    /// What no reading can be compared with. None of these gets past `check` by being written down; this is what stands
    /// behind it.
    fn foreign() -> Vec<Dynamic> {
        let map: Map = [("value".into(), Dynamic::from_float(2.0))].into_iter().collect();
        vec![
            "2".into(),
            'c'.into(),
            true.into(),
            false.into(),
            Dynamic::UNIT,
            Array::new().into(),
            Array::from([Dynamic::from_float(2.0)]).into(),
            Map::new().into(),
            map.into(),
            Dynamic::from_blob(Blob::new()),
            FnPtr::new("metric").unwrap().into(),
            Dynamic::from(0_i64..2),
            Dynamic::from(0_i64..=2),
            Dynamic::from(2_u8),
            Dynamic::from(2.0_f32),
            to_dynamic(Value::Verdict(Verdict::Breach)),
            to_dynamic(Value::Verdict(Verdict::Open)),
            to_dynamic(Value::Unknown(Unknown::Stale)),
        ]
    }

    /// "A reading compared with anything of a wrong kind is unknown: all operators, all kinds, both sides."
    #[test]
    fn a_reading_compared_with_a_wrong_kind_is_unknown() {
        let mut tried = 0;
        for unit in Unit::ALL {
            for other in foreign() {
                for op in Compare::ALL {
                    for (a, b) in [(reading(unit), other.clone()), (other.clone(), reading(unit))] {
                        let answer = evaluate(op, &a, &b);
                        assert!(matches!(answer, Value::Unknown(_)), "{a:?} {} {b:?}: {answer:?}", op.symbol());
                        assert!(taint().is_some());
                        tried += 1;
                    }
                }
            }
        }
        assert_eq!(tried, 9 * 18 * 6 * 2);
    }

    #[test]
    fn readings_of_kinds_that_do_not_go_together_are_unknown() {
        for a in Unit::ALL {
            for b in Unit::ALL {
                let fits = Dim::Of(a).compares_with(Dim::Of(b));
                for op in Compare::ALL {
                    let answer = evaluate(op, &reading(a), &reading(b));
                    assert_eq!(matches!(answer, Value::Fact(_)), fits, "{a} {} {b}", op.symbol());
                }
            }
        }
    }

    /// Fast operators are off, and no pair of raw values is left to rhai, whose answer to "wrong kind" is `false`.
    #[test]
    fn raw_values_of_different_kinds_are_unknown() {
        for (nth, a) in foreign().iter().enumerate() {
            for b in foreign().iter().skip(nth + 1) {
                let facts = a.is_bool() && b.is_bool();
                for op in Compare::ALL {
                    let answer = evaluate(op, a, b);
                    assert!(facts || matches!(answer, Value::Unknown(_)), "{a:?} {} {b:?}: {answer:?}", op.symbol());
                }
            }
        }
    }

    #[test]
    fn whole_numbers_divide_as_quantities() {
        let value = ENGINE.eval_binary_op::<Dynamic>("/", 3_i64, 200_i64).unwrap();
        assert_eq!(from_dynamic(&value), Value::Number(0.015, Dim::Bare));
        let zero = ENGINE.eval_binary_op::<Dynamic>("/", 1_i64, 0_i64).unwrap();
        assert_eq!(from_dynamic(&zero), Value::Unknown(Unknown::Infinite));
    }

    /// Behind the lint stands the engine: what the lint would refuse does not run here either.
    #[test]
    fn the_engine_itself_knows_nothing_but_facts() {
        let no_such = [
            "print(1)",
            "debug(1)",
            "eval(\"1\")",
            "import \"x\" as x;",
            "while true {}",
            "loop {}",
            "for x in 0 {}",
            "switch 1 { _ => 2 }",
            "try {} catch {}",
            "throw 1",
            "|x| x",
            "Fn(\"ok\")",
            "sleep(1)",
            "timestamp()",
            "type_of(1)",
            "[1].len()",
            "\"a\".len()",
            "\"a\" + \"b\"",
            "1 % 2",
            "1 << 2",
            "2 ** 3",
            "blob(9)",
            "let a = 1; a += 1; a",
            "rand()",
            "parse_int(\"1\")",
            "exit()",
            "this",
            "is_def_fn(\"a\", 1)",
        ];
        for script in no_such {
            begin(|_| {});
            begin_path();
            let value = ENGINE.eval::<Dynamic>(script).map(|value| from_dynamic(&value));
            assert!(
                !matches!(value, Ok(Value::Fact(_) | Value::Number(..) | Value::Verdict(_))),
                "{script}: {value:?}"
            );
        }
    }

    /// "Limits are counts (own thread-local operation counter), never wall time."
    #[test]
    fn a_function_that_never_ends_is_stopped_by_count() {
        begin(|_| {});
        begin_path();
        let script = "fn a(n) { b(n) && b(n) && b(n) && b(n) && b(n) && b(n) && b(n) && b(n) }
            fn b(n) { c(n) && c(n) && c(n) && c(n) && c(n) && c(n) && c(n) && c(n) }
            fn c(n) { d(n) && d(n) && d(n) && d(n) && d(n) && d(n) && d(n) && d(n) }
            fn d(n) { e(n) && e(n) && e(n) && e(n) && e(n) && e(n) && e(n) && e(n) }
            fn e(n) { true && true && true && true } a(1)";
        let error = ENGINE.eval::<Dynamic>(script).unwrap_err();
        assert!(matches!(*error, EvalAltResult::ErrorTerminated(..)), "{error}");
        assert_eq!(operations(), MAX_OPERATIONS + 1);
        begin(|_| {});
        let error = ENGINE.eval::<Dynamic>("fn a() { a() } a()").unwrap_err();
        assert!(format!("{error:?}").contains("ErrorStackOverflow"), "{error}");
    }
}

//! CEL: one expression.

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::{Key, Map};
use cel::{Context, Program, Value};

use crate::world::{BASELINE_P95, METRICS, Sample};
use crate::{Contender, decided, expressions};

pub const NAME: &str = "cel 0.15";

pub fn contender() -> Contender {
    let [p0, p1, p2] = expressions("stage", str::to_owned);
    let text = format!("({p0}) ? 0 : (({p1}) ? 1 : (({p2}) ? 2 : 3))");
    let program = Program::compile(&text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    let names: Vec<Key> = METRICS.iter().map(|(name, _)| Key::from(*name)).collect();
    let stages = ["off", "canary", "staged", "full"].map(Value::from);
    // The standard functions are in the root; each decision has a scope of its own below it.
    let root: &'static Context<'static, 'static> = Box::leak(Box::new(Context::default()));
    let group = move |samples: &[Sample; 12]| {
        let entries = names.iter().cloned().zip(samples.iter().map(|sample| Value::Float(sample.value)));
        Value::Map(Map { map: Arc::new(entries.collect::<HashMap<Key, Value>>()) })
    };
    Contender::new(NAME, move |snapshot| {
        let mut scope = root.new_inner_scope();
        scope.add_variable_from_value("t", group(&snapshot.treatment));
        scope.add_variable_from_value("c", group(&snapshot.control));
        scope.add_variable_from_value("base", Value::Float(BASELINE_P95));
        scope.add_variable_from_value("stage", stages[usize::from(snapshot.stage)].clone());
        match program.execute(&scope) {
            Ok(Value::Int(worst)) => decided(worst),
            other => panic!("{other:?}"),
        }
    })
}

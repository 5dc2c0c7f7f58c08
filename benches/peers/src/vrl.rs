//! VRL: one program, with the types of its input declared.

use std::collections::BTreeMap;

use ::vrl::compiler::state::{ExternalEnv, LocalEnv, RuntimeState, TypeState};
use ::vrl::compiler::{CompileConfig, Context, TargetValueRef, TimeZone, compile_with_state};
use ::vrl::value::kind::Collection;
use ::vrl::value::{KeyString, Kind, ObjectMap, Secrets, Value};

use crate::world::{BASELINE_P95, METRICS, Sample};
use crate::{Contender, decided, expressions};

pub const NAME: &str = "vrl 0.38";

fn program() -> String {
    let fields = |one: &str| one.replace("t.", ".t.").replace("c.", ".c.").replace("base ", ".base ");
    let [p0, p1, p2] = expressions(".stage", fields);
    format!("if {p0} {{ 0 }} else if {p1} {{ 1 }} else if {p2} {{ 2 }} else {{ 3 }}")
}

pub fn contender() -> Contender {
    let metrics: BTreeMap<_, _> = METRICS.iter().map(|(name, _)| ((*name).into(), Kind::float())).collect();
    let group = Kind::object(Collection::from(metrics));
    let input = BTreeMap::from([
        ("t".into(), group.clone()),
        ("c".into(), group),
        ("base".into(), Kind::float()),
        ("stage".into(), Kind::bytes()),
    ]);
    let target = Kind::object(Collection::from(input));
    let state = TypeState {
        local: LocalEnv::default(),
        external: ExternalEnv::new_with_kind(target, Kind::object(Collection::any())),
    };
    let text = program();
    let compiled = compile_with_state(&text, &[], &state, CompileConfig::default())
        .unwrap_or_else(|error| panic!("{text}\n{error:#?}"));
    let program = compiled.program;
    let names: Vec<KeyString> = METRICS.iter().map(|(name, _)| KeyString::from(*name)).collect();
    let [t, c, base, stage] = ["t", "c", "base", "stage"].map(KeyString::from);
    let stages = ["off", "canary", "staged", "full"].map(Value::from);
    let values = move |samples: &[Sample; 12]| {
        let entries = names.iter().cloned().zip(samples.iter().map(|sample| Value::from_f64_or_zero(sample.value)));
        Value::Object(entries.collect::<ObjectMap>())
    };
    let (mut runtime, timezone) = (RuntimeState::default(), TimeZone::default());
    let (mut metadata, mut secrets) = (Value::Object(ObjectMap::new()), Secrets::default());
    Contender::new(NAME, move |snapshot| {
        let mut value = Value::Object(ObjectMap::from([
            (t.clone(), values(&snapshot.treatment)),
            (c.clone(), values(&snapshot.control)),
            (base.clone(), Value::from_f64_or_zero(BASELINE_P95)),
            (stage.clone(), stages[usize::from(snapshot.stage)].clone()),
        ]));
        let mut target = TargetValueRef { value: &mut value, metadata: &mut metadata, secrets: &mut secrets };
        let mut context = Context::new(&mut target, &mut runtime, &timezone);
        match program.resolve(&mut context) {
            Ok(Value::Integer(worst)) => decided(worst),
            other => panic!("{other:?}"),
        }
    })
}

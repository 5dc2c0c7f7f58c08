//! Rego, in regorus: its interpreter, and its virtual machine.

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Rc, Value};

use crate::world::{BASELINE_P95, METRICS, Sample, Snapshot};
use crate::{CONDITIONS, Contender, decided};

pub const INTERPRETER: &str = "regorus 0.14, interpreter";
pub const MACHINE: &str = "regorus 0.14, bytecode VM";

const RULE: &str = "data.rollout.severity";

fn policy() -> String {
    let mut text =
        String::from("package rollout\n\nseverity := 0 if p0\nelse := 1 if p1\nelse := 2 if p2\nelse := 3\n");
    for (severity, conditions) in CONDITIONS.iter().enumerate() {
        for condition in *conditions {
            let stage = condition.stage.map_or_else(String::new, |name| format!("input.stage == \"{name}\"; "));
            // Rego has no "or": each alternative is a body of its own.
            for one in condition.any {
                text += &format!("\np{severity} if {{ {stage}{} }}\n", fields(one));
            }
        }
    }
    text
}

fn fields(condition: &str) -> String {
    condition.replace("t.", "input.t.").replace("c.", "input.c.").replace("base ", "input.base ")
}

/// The names, made once.
struct Names {
    metrics: Vec<Value>,
    t: Value,
    c: Value,
    base: Value,
    stage: Value,
    stages: [Value; 4],
}

impl Names {
    fn new() -> Names {
        Names {
            metrics: METRICS.iter().map(|(name, _)| Value::from(*name)).collect(),
            t: Value::from("t"),
            c: Value::from("c"),
            base: Value::from("base"),
            stage: Value::from("stage"),
            stages: ["off", "canary", "staged", "full"].map(Value::from),
        }
    }

    fn group(&self, samples: &[Sample; 12]) -> Value {
        let mut value = Value::new_object();
        if let Ok(object) = value.as_object_mut() {
            for (name, sample) in self.metrics.iter().zip(samples) {
                object.insert(name.clone(), Value::from(sample.value));
            }
        }
        value
    }

    fn input(&self, snapshot: &Snapshot) -> Value {
        let mut value = Value::new_object();
        if let Ok(object) = value.as_object_mut() {
            object.insert(self.t.clone(), self.group(&snapshot.treatment));
            object.insert(self.c.clone(), self.group(&snapshot.control));
            object.insert(self.base.clone(), Value::from(BASELINE_P95));
            object.insert(self.stage.clone(), self.stages[usize::from(snapshot.stage)].clone());
        }
        value
    }
}

fn engine() -> Engine {
    let mut engine = Engine::new();
    engine.add_policy("rollout.rego".to_owned(), policy()).unwrap_or_else(|error| panic!("{}\n{error:?}", policy()));
    engine
}

fn severity(value: &Value) -> i64 {
    value.as_i64().expect("a severity is a number")
}

pub fn interpreter() -> Contender {
    let (mut engine, names) = (engine(), Names::new());
    Contender::new(INTERPRETER, move |snapshot| {
        engine.set_input(names.input(snapshot));
        decided(severity(&engine.eval_rule(RULE.to_owned()).expect("it evaluates")))
    })
}

pub fn machine() -> Contender {
    let entry: Rc<str> = Rc::from(RULE);
    let compiled = engine().compile_with_entrypoint(&entry).expect("it compiles");
    let program = Compiler::compile_from_policy(&compiled, &[RULE]).expect("it compiles");
    let (mut vm, names) = (RegoVM::new_with_policy(compiled), Names::new());
    vm.load_program(program);
    Contender::new(MACHINE, move |snapshot| {
        vm.set_input(names.input(snapshot));
        decided(severity(&vm.execute_entry_point_by_index(0).expect("it evaluates")))
    })
}

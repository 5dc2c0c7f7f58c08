//! A small world for scripts: metrics, params and checks with known answers.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test binary uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};

use rollgate::model::finding::CheckKind;
use rollgate::model::frame::{Catalogue, Group, Kind, Metric, MetricIx};
use rollgate::model::ids::MetricName;
use rollgate::model::reading::{Reading, Truth, Unknown};
use rollgate::model::units::{Better, Unit};
use rollgate::policy::compiled::CheckIx;
use rollgate::policy::diagnostic::{Level, Place};
use rollgate::policy::script::{self, Facts, Names, Param, ScriptsCompiled, Wanted};
use rollgate::policy::source::PolicySource;

pub const METRICS: [(&str, Unit); 6] = [
    ("errors", Unit::Percent),
    ("p95", Unit::Ms),
    ("ratio", Unit::Ratio),
    ("gone", Unit::Percent),
    ("zero", Unit::Percent),
    ("restarts", Unit::Count),
];

pub fn catalogue() -> Catalogue {
    let metric = |(name, unit): &(&str, Unit)| Metric {
        name: MetricName::new(name),
        unit: *unit,
        better: Better::Lower,
        range: None,
        kind: Kind::Gauge,
    };
    Catalogue::new(METRICS.iter().map(metric).collect(), Vec::new())
}

pub fn names(catalogue: &Catalogue) -> Names<'_> {
    let params = [
        ("limit", 1.0, Unit::Percent),
        ("half", 50.0, Unit::Percent),
        ("second", 1.0, Unit::S),
        ("factor", 1.5, Unit::Number),
        ("huge", f64::MAX, Unit::Number),
    ];
    Names {
        catalogue,
        groups: &[],
        params: params.map(|(name, value, unit)| (name.to_owned(), Param { value, unit })).into_iter().collect(),
        checks: BTreeMap::from([
            ("yes".to_owned(), CheckIx(0)),
            ("no".to_owned(), CheckIx(1)),
            ("unknown".to_owned(), CheckIx(2)),
        ]),
        script_checks: BTreeSet::from(["script-one".to_owned()]),
    }
}

/// errors: 2 %, control 1 %; p95: 220 ms, control 200 ms, baseline 210 ms; ratio 0.02; gone: absent; zero: 0; restarts: 3.
#[derive(Debug)]
pub struct World;

pub fn value() -> World {
    World
}

impl Facts for World {
    fn reading(&self, metric: MetricIx, group: Group) -> Reading {
        let is_control = group == Group::Control;
        match METRICS[usize::from(metric.0)].0 {
            "errors" => Reading::Value(if is_control { 1.0 } else { 2.0 }),
            "p95" => Reading::Value(if is_control { 200.0 } else { 220.0 }),
            "ratio" => Reading::Value(0.02),
            "zero" => Reading::Value(0.0),
            "restarts" => Reading::Value(3.0),
            _ => Reading::Unknown(Unknown::Absent),
        }
    }

    fn baseline(&self, metric: MetricIx) -> Reading {
        match METRICS[usize::from(metric.0)].0 {
            "p95" => Reading::Value(210.0),
            _ => Reading::Unknown(Unknown::NoBaseline),
        }
    }

    fn breached(&self, check: CheckIx) -> Truth {
        match check.0 {
            0 => Truth::Breach,
            1 => Truth::Ok,
            _ => Truth::Unknown(Unknown::Stale),
        }
    }

    fn pending(&self, check: CheckIx) -> Truth {
        self.breached(check).negate()
    }
}

pub fn breach() -> Truth {
    Truth::Breach
}

pub fn ok() -> Truth {
    Truth::Ok
}

pub fn unknown(why: Unknown) -> Truth {
    Truth::Unknown(why)
}

/// One script with the function `wanted`.
#[derive(Debug)]
pub struct Case {
    source: PolicySource,
    kind: CheckKind,
}

impl Case {
    pub fn trigger(body: &str) -> Case {
        Case::new(CheckKind::Trigger, body)
    }

    pub fn gate(body: &str) -> Case {
        Case::new(CheckKind::Gate, body)
    }

    pub fn new(kind: CheckKind, body: &str) -> Case {
        Case::rules(kind, &format!("fn wanted() {{ {body} }}"))
    }

    pub fn rules(kind: CheckKind, rules: &str) -> Case {
        let mut source = PolicySource::new("test");
        source.insert("rules.rhai", rules);
        Case { source, kind }
    }

    pub fn with_shared(mut self, name: &str, text: &str) -> Case {
        self.source.insert(format!("@shared/{name}.rhai"), text);
        self
    }

    pub fn compile(&self) -> ScriptsCompiled {
        let catalogue = catalogue();
        let place = Place { file: "policy.toml".into(), span: 0..0 };
        let wanted = Wanted { function: "wanted".to_owned(), kind: self.kind, place };
        script::compile(&self.source, &names(&catalogue), &[wanted])
    }

    /// Both ways of running it give this answer.
    #[track_caller]
    pub fn answers(&self, truth: Truth) {
        let compiled = self.compile();
        let errors: Vec<_> = compiled.diagnostics.iter().filter(|problem| problem.level == Level::Error).collect();
        assert!(errors.is_empty(), "{:?}: {errors:#?}", self.source);
        let index = compiled.functions[0].index;
        for answer in [compiled.set.call(index, &World), compiled.set.call_interpreted(index, &World)] {
            assert_eq!(answer.truth, truth, "{:?}: {:?}", self.source, answer.fault);
        }
    }
}

/// The codes of all problems of a body, in order and each once.
pub fn codes(kind: CheckKind, body: &str) -> Vec<u16> {
    let mut codes: Vec<u16> =
        Case::new(kind, body).compile().diagnostics.iter().map(|problem| problem.code.0).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

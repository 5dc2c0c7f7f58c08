//! Readings under the lint: which metric and group is meant, and the variable put in its place.

use std::ops::Range;

use rhai::{Expr, Position};

use crate::model::frame::{Group, MetricIx};

use super::super::dim::Dim;
use super::super::facts::FactRef;
use super::super::kinds::Kinds;
use super::super::lower::Node;
use super::super::{FORBIDDEN_CONSTRUCT, UNKNOWN_METRIC, api, sandbox, suggest};
use super::{Checker, Typed};

impl Checker<'_, '_> {
    /// `metric("x").treatment`, or the same through a variable that holds the metric.
    pub(super) fn property(&mut self, of: &Expr, property: &Expr, at: Position) -> Typed {
        let Expr::Property(names, place) = property else {
            let (span, message) = match property {
                Expr::MethodCall(call, at) => {
                    (self.span(*at), format!("call `{0}(x, ..)` instead of `x.{0}(..)`", call.name))
                }
                other => (self.expr_span(other), "a reading has no properties".to_owned()),
            };
            self.expr_quietly(of);
            self.error(FORBIDDEN_CONSTRUCT, span, message);
            return Typed::opaque();
        };
        let (name, span) = (names.2.as_str(), self.span(*place));
        let (metric, start) = match of {
            Expr::FnCall(call, at) if call.name == "metric" && !call.is_qualified() => {
                let metric = self.named(call, *at).and_then(|(name, span)| self.find_metric(&name, span));
                (metric, self.span(*at).start)
            }
            Expr::Variable(variable, _, at) if variable.2.is_empty() => {
                let local = self.locals.iter().rfind(|local| local.name == variable.1.as_str());
                let Some(local) = local else { return self.local(variable.1.as_str(), *at) };
                if local.blamed {
                    return Typed::opaque();
                }
                if local.metric.is_none() {
                    let message = format!("`{}` is not a metric: it has no `.{name}`", local.name);
                    self.error(FORBIDDEN_CONSTRUCT, span, message).help.push(
                        "a metric is held by a variable only as `let m = metric(\"name\")` in the same function"
                            .to_owned(),
                    );
                    return Typed::opaque();
                }
                (local.metric, self.span(*at).start)
            }
            other => {
                let told = self.out.len();
                self.expr(other);
                if self.out.len() > told {
                    return Typed::opaque();
                }
                let span = self.span(at);
                self.error(FORBIDDEN_CONSTRUCT, span, format!("only `metric(..)` has a `.{name}`"));
                return Typed::opaque();
            }
        };
        if !api::PROPERTIES.iter().any(|known| known.name == name) {
            let near = suggest(name, api::PROPERTIES.iter().map(|known| known.name));
            let error = self.error(UNKNOWN_METRIC, span, format!("a metric has no `.{name}`"));
            let known = "it has `.treatment`, `.control`, `.all`, `.baseline` and `.value`".to_owned();
            error.help.push(near.map_or(known, |near| format!("did you mean `.{near}`?")));
            return Typed::opaque();
        }
        let Some(metric) = metric else { return Typed::opaque() };
        let fact = self.reading(metric, name);
        self.fact(fact, start..span.end)
    }

    /// Reports what is wrong inside, and nothing about the whole.
    pub(super) fn expr_quietly(&mut self, expr: &Expr) {
        let _ = self.expr(expr);
    }

    pub(super) fn reading(&self, metric: MetricIx, property: &str) -> FactRef {
        let dim = self.world.names.catalogue.metric(metric).map_or(Dim::Bare, |metric| Dim::Of(metric.unit));
        let own = self.world.names.groups.get(usize::from(metric.0)).copied().unwrap_or(Group::Treatment);
        match property {
            "baseline" => FactRef::Baseline(metric, own, dim),
            group => FactRef::Reading(metric, Group::from_name(group).unwrap_or(own), dim),
        }
    }

    /// Puts a fact in place of `range`.
    pub(super) fn fact(&mut self, fact: FactRef, range: Range<usize>) -> Typed {
        let number = self.table.intern(fact);
        if !self.found.facts.contains(&number) {
            self.found.facts.push(number);
        }
        // Lines must stay where they are.
        let lines = self.file.text.source.get(range.clone()).unwrap_or("").matches('\n').count();
        self.edit(range, format!("{}{number}{}", sandbox::RESERVED, "\n".repeat(lines)));
        let node = Some(Node::Fact(fact));
        match fact {
            FactRef::Reading(_, _, dim) | FactRef::Baseline(_, _, dim) | FactRef::Param(_, dim) => {
                Typed { kinds: Kinds::NUMBER, dim: Some(dim), node }
            }
            FactRef::Breached(_) | FactRef::Pending(_) => Typed::new(Kinds::FACT, node),
        }
    }
}

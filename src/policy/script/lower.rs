//! Functions that only combine facts, as small trees evaluated natively: some twenty times faster than interpreting
//! them, with the same meaning, because both use the operators of [`super::value`].
//!
//! What is not lowered (`if`, `return`, assignments, arguments) is interpreted. That both agree is a property test.

use std::sync::Arc;

use crate::model::reading::Unknown;

use super::Facts;
use super::facts::FactRef;
use super::value::{Arith, Compare, Value};

/// Locals that a lowered function may have.
pub(super) const MAX_LOCALS: usize = 16;

/// A lowered expression.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Const(Value),
    Fact(FactRef),
    Local(usize),
    /// `let slot = value; rest`
    Let(usize, Box<Node>, Box<Node>),
    Compare(Compare, Box<Node>, Box<Node>),
    Arith(Arith, Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Unary(fn(Value) -> Value, Box<Node>),
    /// Another function without arguments, by its number.
    Call(usize),
    /// The same, found.
    Body(Arc<Node>),
}

/// What one evaluation touches.
pub(super) struct Env<'f> {
    facts: &'f dyn Facts,
    /// The first unknown that was touched.
    pub(super) taint: Option<Unknown>,
}

type Locals = [Value; MAX_LOCALS];

impl<'f> Env<'f> {
    pub(super) fn new(facts: &'f dyn Facts) -> Env<'f> {
        Env { facts, taint: None }
    }

    pub(super) fn run(&mut self, node: &Node) -> Value {
        self.value(node, &mut [Value::Foreign; MAX_LOCALS])
    }

    fn value(&mut self, node: &Node, locals: &mut Locals) -> Value {
        let value = match node {
            Node::Const(value) => *value,
            Node::Fact(fact) => fact.ask(self.facts),
            Node::Local(slot) => locals.get(*slot).copied().unwrap_or(Value::Foreign),
            Node::Let(slot, value, rest) => {
                let value = self.value(value, locals);
                if let Some(local) = locals.get_mut(*slot) {
                    *local = value;
                }
                return self.value(rest, locals);
            }
            Node::Compare(op, a, b) => Value::compare(*op, self.value(a, locals), self.value(b, locals)),
            Node::Arith(op, a, b) => Value::arith(*op, self.value(a, locals), self.value(b, locals)),
            Node::And(a, b) => self.value(a, locals).and(self.value(b, locals)),
            Node::Or(a, b) => self.value(a, locals).or(self.value(b, locals)),
            Node::Unary(how, a) => how(self.value(a, locals)),
            Node::Call(_) => Value::Foreign,
            Node::Body(body) => return self.run(body),
        };
        if let Value::Unknown(why) = value
            && self.taint.is_none()
        {
            self.taint = Some(why);
        }
        value
    }
}

impl Node {
    /// The tree with its calls replaced by what `body` knows of them; none when one cannot be lowered.
    pub(super) fn linked(&self, body: &dyn Fn(usize) -> Option<Arc<Node>>) -> Option<Node> {
        let boxed = |node: &Node| node.linked(body).map(Box::new);
        Some(match self {
            Node::Call(function) => Node::Body(body(*function)?),
            Node::Let(slot, a, b) => Node::Let(*slot, boxed(a)?, boxed(b)?),
            Node::Compare(op, a, b) => Node::Compare(*op, boxed(a)?, boxed(b)?),
            Node::Arith(op, a, b) => Node::Arith(*op, boxed(a)?, boxed(b)?),
            Node::And(a, b) => Node::And(boxed(a)?, boxed(b)?),
            Node::Or(a, b) => Node::Or(boxed(a)?, boxed(b)?),
            Node::Unary(how, a) => Node::Unary(*how, boxed(a)?),
            Node::Const(_) | Node::Fact(_) | Node::Local(_) | Node::Body(_) => self.clone(),
        })
    }

    /// How many steps evaluating it takes, calls included.
    pub(super) fn steps(&self) -> usize {
        match self {
            Node::Const(_) | Node::Fact(_) | Node::Local(_) | Node::Call(_) => 1,
            Node::Unary(_, a) => a.steps().saturating_add(1),
            Node::Body(a) => a.steps().saturating_add(1),
            Node::Let(_, a, b) | Node::Compare(_, a, b) | Node::Arith(_, a, b) | Node::And(a, b) | Node::Or(a, b) => {
                a.steps().saturating_add(b.steps()).saturating_add(1)
            }
        }
    }
}

//! Functions as small trees evaluated natively: some twenty times faster than interpreting them, with the same
//! meaning, because both use the operators of [`super::value`].
//!
//! What is too long or too strange for a tree is interpreted. That both agree is a property test.

use std::sync::Arc;

use crate::model::reading::{Truth, Unknown};

use super::Facts;
use super::facts::FactRef;
use super::paths::{NOT_A_FACT, Paths};
use super::value::{Arith, Compare, Value};

/// Locals that a lowered function may have.
pub(super) const MAX_LOCALS: usize = 16;

/// A lowered expression or statement.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Const(Value),
    Fact(FactRef),
    Local(usize),
    /// `let slot = value;` or `slot = value;`
    Set(usize, Box<Node>),
    /// Statements; the value is the last one's.
    Block(Vec<Node>),
    If(Box<[Node; 3]>),
    Return(Box<Node>),
    Compare(Compare, Box<Node>, Box<Node>),
    Arith(Arith, Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Unary(fn(Value) -> Value, Box<Node>),
    /// Another function, by its number.
    Call(usize, Vec<Node>),
    /// The same, found.
    Body(Arc<Node>, Vec<Node>),
}

/// Why evaluation does not go on.
enum Stop {
    Return(Value),
    Fault(&'static str),
}

/// What one evaluation touches.
pub(super) struct Env<'f> {
    facts: &'f dyn Facts,
    /// An unknown that was touched on this path: of several, the first in the order of their declaration.
    pub(super) taint: Option<Unknown>,
    /// Which way each undecided `if` on this path goes.
    pub(super) paths: Paths,
    stop: Option<Stop>,
}

type Locals = [Value; MAX_LOCALS];

impl<'f> Env<'f> {
    pub(super) fn new(facts: &'f dyn Facts) -> Env<'f> {
        Env { facts, taint: None, paths: Paths::default(), stop: None }
    }

    /// One path through a function; an error is the words for people.
    pub(super) fn run(&mut self, body: &Node) -> Result<Value, &'static str> {
        (self.taint, self.stop) = (None, None);
        self.paths.begin();
        let value = self.function(body, &mut [Value::Foreign; MAX_LOCALS]);
        match self.stop.take() {
            Some(Stop::Fault(fault)) => Err(fault),
            _ => Ok(value),
        }
    }

    fn function(&mut self, body: &Node, locals: &mut Locals) -> Value {
        let value = self.value(body, locals);
        match self.stop.take() {
            None => value,
            Some(Stop::Return(value)) => value,
            fault => {
                self.stop = fault;
                Value::Foreign
            }
        }
    }

    fn value(&mut self, node: &Node, locals: &mut Locals) -> Value {
        let value = match node {
            Node::Const(value) => *value,
            Node::Fact(fact) => fact.ask(self.facts),
            Node::Local(slot) => locals.get(*slot).copied().unwrap_or(Value::Foreign),
            Node::Compare(op, a, b) => Value::compare(*op, self.value(a, locals), self.value(b, locals)),
            Node::Arith(op, a, b) => Value::arith(*op, self.value(a, locals), self.value(b, locals)),
            Node::And(a, b) => self.value(a, locals).and(self.value(b, locals)),
            Node::Or(a, b) => self.value(a, locals).or(self.value(b, locals)),
            Node::Unary(how, a) => how(self.value(a, locals)),
            other => return self.control(other, locals),
        };
        if let Value::Unknown(why) = value {
            self.taint = Some(self.taint.map_or(why, |first| first.min(why)));
        }
        value
    }

    /// Statements and calls.
    fn control(&mut self, node: &Node, locals: &mut Locals) -> Value {
        match node {
            Node::Set(slot, value) => {
                let value = self.value(value, locals);
                if let Some(local) = locals.get_mut(*slot) {
                    *local = value;
                }
                Value::Foreign
            }
            Node::Block(statements) => {
                let mut value = Value::Foreign;
                for statement in statements {
                    value = self.value(statement, locals);
                    if self.stop.is_some() {
                        break;
                    }
                }
                value
            }
            Node::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                let condition = self.value(condition, locals);
                if self.stop.is_some() {
                    return Value::Foreign;
                }
                match self.decide(condition) {
                    Ok(true) => self.value(then, locals),
                    Ok(false) => self.value(otherwise, locals),
                    Err(fault) => {
                        self.stop = Some(Stop::Fault(fault));
                        Value::Foreign
                    }
                }
            }
            Node::Return(value) => {
                let value = self.value(value, locals);
                self.stop.get_or_insert(Stop::Return(value));
                value
            }
            Node::Body(body, args) => {
                let mut own = [Value::Foreign; MAX_LOCALS];
                for (slot, arg) in own.iter_mut().zip(args) {
                    *slot = self.value(arg, locals);
                }
                self.function(body, &mut own)
            }
            _ => Value::Foreign,
        }
    }

    fn decide(&mut self, condition: Value) -> Result<bool, &'static str> {
        match condition.decides() {
            Some(Truth::Breach) => Ok(true),
            Some(Truth::Ok) => Ok(false),
            Some(Truth::Unknown(_)) => self.paths.choose(),
            None => Err(NOT_A_FACT),
        }
    }
}

impl Node {
    /// The tree with its calls replaced by what `body` knows of them; none when one cannot be lowered.
    pub(super) fn linked(&self, body: &dyn Fn(usize) -> Option<Arc<Node>>) -> Option<Node> {
        let boxed = |node: &Node| node.linked(body).map(Box::new);
        let all = |nodes: &[Node]| nodes.iter().map(|node| node.linked(body)).collect::<Option<Vec<Node>>>();
        Some(match self {
            Node::Call(function, args) => Node::Body(body(*function)?, all(args)?),
            Node::Set(slot, a) => Node::Set(*slot, boxed(a)?),
            Node::Block(statements) => Node::Block(all(statements)?),
            Node::If(parts) => {
                let [a, b, c] = &**parts;
                Node::If(Box::new([a.linked(body)?, b.linked(body)?, c.linked(body)?]))
            }
            Node::Return(a) => Node::Return(boxed(a)?),
            Node::Compare(op, a, b) => Node::Compare(*op, boxed(a)?, boxed(b)?),
            Node::Arith(op, a, b) => Node::Arith(*op, boxed(a)?, boxed(b)?),
            Node::And(a, b) => Node::And(boxed(a)?, boxed(b)?),
            Node::Or(a, b) => Node::Or(boxed(a)?, boxed(b)?),
            Node::Unary(how, a) => Node::Unary(*how, boxed(a)?),
            Node::Const(_) | Node::Fact(_) | Node::Local(_) | Node::Body(..) => self.clone(),
        })
    }

    fn parts(&self) -> Vec<&Node> {
        match self {
            Node::Const(_) | Node::Fact(_) | Node::Local(_) => Vec::new(),
            Node::Set(_, a) | Node::Return(a) | Node::Unary(_, a) => vec![a],
            Node::Block(nodes) | Node::Call(_, nodes) => nodes.iter().collect(),
            Node::Body(body, args) => args.iter().chain(std::iter::once(&**body)).collect(),
            Node::If(parts) => parts.iter().collect(),
            Node::Compare(_, a, b) | Node::Arith(_, a, b) | Node::And(a, b) | Node::Or(a, b) => vec![a, b],
        }
    }

    /// How many steps evaluating it takes at most, calls included.
    pub(super) fn steps(&self) -> usize {
        self.parts().into_iter().fold(1, |sum, part| sum.saturating_add(part.steps()))
    }

    /// Whether a `return` stands in it: such a tree is a statement, never an operand.
    pub(super) fn returns(&self) -> bool {
        match self {
            Node::Return(_) => true,
            Node::Body(_, args) => args.iter().any(Node::returns),
            other => other.parts().into_iter().any(Node::returns),
        }
    }

    /// Whether it may have to be taken along several paths.
    pub(super) fn branches(&self) -> bool {
        matches!(self, Node::If(_)) || self.parts().into_iter().any(Node::branches)
    }
}

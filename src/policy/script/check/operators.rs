//! Operators under the lint: what may be compared, added and combined.

use rhai::{Expr, Position};

use super::super::kinds::Kinds;
use super::super::lower::Node;
use super::super::value::{Arith, Compare, Value};
use super::super::{FORBIDDEN_CONSTRUCT, UNITS, WRONG_OUTCOME};
use super::{Checker, Typed, unary_node};

impl Checker<'_, '_> {
    pub(super) fn unary(&mut self, name: &str, operand: &Expr, at: Position) -> Typed {
        let a = self.expr(operand);
        match name {
            "!" => {
                self.due(&a, Kinds::OUTCOME, name, at);
                let kinds = a.kinds.and(Kinds::OUTCOME.or(Kinds::OPAQUE)).or_if_none(Kinds::FACT);
                Typed::new(kinds, unary_node(Value::negate, a.node))
            }
            "-" => {
                self.due(&a, Kinds::NUMBER, name, at);
                Typed { kinds: Kinds::NUMBER, dim: a.dim, node: unary_node(Value::minus, a.node) }
            }
            _ => self.no_operator(name, at),
        }
    }

    pub(super) fn binary(&mut self, name: &str, a: &Expr, b: &Expr, at: Position) -> Typed {
        if let Some(op) = Compare::parse(name) {
            let is_chain = is_comparison(a) || is_comparison(b);
            let (a, b) = (self.expr(a), self.expr(b));
            return self.compare(op, a, b, is_chain, at);
        }
        let (a, b) = (self.expr(a), self.expr(b));
        match (name, Arith::parse(name)) {
            ("&" | "&&", _) => self.logic(name, a, b, Node::And, at),
            ("|" | "||", _) => self.logic(name, a, b, Node::Or, at),
            (_, Some(op)) => self.arith(op, a, b, at),
            _ => self.no_operator(name, at),
        }
    }

    pub(super) fn no_operator(&mut self, name: &str, at: Position) -> Typed {
        let span = self.span(at);
        self.error(FORBIDDEN_CONSTRUCT, span, format!("`{name}` is not available"));
        Typed::opaque()
    }

    pub(super) fn compare(&mut self, op: Compare, a: Typed, b: Typed, is_chain: bool, at: Position) -> Typed {
        let span = self.span(at);
        let is_fact = |typed: &Typed| typed.kinds.is_only(Kinds::OUTCOME);
        if is_chain {
            self.error(FORBIDDEN_CONSTRUCT, span, "a comparison cannot be compared again")
                .help
                .push("write `a < b && b < c`".to_owned());
        } else if is_fact(&a) || is_fact(&b) {
            self.error(FORBIDDEN_CONSTRUCT, span, format!("`{}` compares quantities, not facts", op.symbol()))
                .help
                .push("a fact stands for itself: combine facts with `&&`, `||` and `!`".to_owned());
        } else if let (Some(x), Some(y)) = (a.dim, b.dim)
            && !x.compares_with(y)
        {
            self.error(UNITS, span, format!("{} cannot be compared with {}", x.name(), y.name()));
        } else if a.kinds == Kinds::UNIT || b.kinds == Kinds::UNIT {
            self.error(UNITS, span, "there is no value to compare");
        }
        Typed::new(Kinds::FACT, pair(a.node, b.node).map(|(a, b)| Node::Compare(op, a, b)))
    }

    pub(super) fn arith(&mut self, op: Arith, a: Typed, b: Typed, at: Position) -> Typed {
        self.due(&a, Kinds::NUMBER, op.symbol(), at);
        self.due(&b, Kinds::NUMBER, op.symbol(), at);
        let dim = match (a.dim, b.dim) {
            (Some(x), Some(y)) => {
                let dim = op.dim(x, y);
                if dim.is_none() {
                    let span = self.span(at);
                    let message = format!("`{}` has no meaning for {} and {}", op.symbol(), x.name(), y.name());
                    self.error(UNITS, span, message)
                        .help
                        .push("write numbers in [params], each with its unit".to_owned());
                }
                dim
            }
            _ => None,
        };
        Typed { kinds: Kinds::NUMBER, dim, node: pair(a.node, b.node).map(|(a, b)| Node::Arith(op, a, b)) }
    }

    pub(super) fn logic(
        &mut self,
        name: &str,
        a: Typed,
        b: Typed,
        node: fn(Box<Node>, Box<Node>) -> Node,
        at: Position,
    ) -> Typed {
        self.due(&a, Kinds::OUTCOME, name, at);
        self.due(&b, Kinds::OUTCOME, name, at);
        let both = a.kinds.or(b.kinds).and(Kinds::OUTCOME.or(Kinds::OPAQUE));
        if both.has(Kinds::TRIGGER) && both.has(Kinds::GATE) {
            let span = self.span(at);
            self.error(WRONG_OUTCOME, span, "a trigger's verdict and a gate's verdict cannot be combined");
        }
        let kinds = match (a.kinds, b.kinds) {
            (x, y) if x == Kinds::TRIGGER || y == Kinds::TRIGGER => Kinds::TRIGGER,
            (x, y) if x == Kinds::GATE || y == Kinds::GATE => Kinds::GATE,
            _ => both.or_if_none(Kinds::FACT),
        };
        Typed::new(kinds, pair(a.node, b.node).map(|(a, b)| node(a, b)))
    }

    /// Reports an operand that can only be of another kind than `due`.
    pub(super) fn due(&mut self, operand: &Typed, due: Kinds, operator: &str, at: Position) {
        let other = if due == Kinds::NUMBER { Kinds::OUTCOME } else { Kinds::NUMBER };
        if operand.kinds.is_only(other.or(Kinds::UNIT)) {
            let span = self.span(at);
            let (wants, has) = if due == Kinds::NUMBER { ("quantities", "a fact") } else { ("facts", "a quantity") };
            self.error(UNITS, span, format!("`{operator}` is for {wants}; here is {has}"));
        }
    }
}

fn pair(a: Option<Node>, b: Option<Node>) -> Option<(Box<Node>, Box<Node>)> {
    Some((Box::new(a?), Box::new(b?)))
}

fn is_comparison(expr: &Expr) -> bool {
    matches!(expr, Expr::FnCall(call, _) if call.is_operator_call() && Compare::parse(call.name.as_str()).is_some())
}

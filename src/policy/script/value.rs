//! Values inside a script, and what operators make of them. Three-valued throughout: whatever cannot be told, or is
//! of a wrong kind, is unknown; no operator ever answers a plain `false` about something it could not compare.
//!
//! The interpreter and the lowered trees both come here, so there is one meaning of `>`.

use std::cmp::Ordering;

use crate::model::reading::{Reading, Truth, Unknown};

use super::dim::Dim;

/// Two numbers that differ by no more than this fraction are the same number: exactly +10 % is not beyond +10 %.
const SAME: f64 = 1e-9;

/// What a script works with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    /// A quantity and what it measures.
    Number(f64, Dim),
    /// A named fact, known to hold or known not to.
    Fact(bool),
    /// What a function says outright.
    Verdict(Verdict),
    /// Cannot be told.
    Unknown(Unknown),
    /// A text, a list, nothing at all: no fact can be made of it.
    Foreign,
}

/// `breach()`, `ok()`, `open()`, `closed()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A trigger fires.
    Breach,
    /// A trigger does not fire.
    Ok,
    /// A gate lets through.
    Open,
    /// A gate does not.
    Closed,
}

impl Verdict {
    /// Whether it affirms what its kind of check asks.
    const fn holds(self) -> bool {
        matches!(self, Verdict::Breach | Verdict::Open)
    }

    const fn is_about_a_gate(self) -> bool {
        matches!(self, Verdict::Open | Verdict::Closed)
    }

    const fn of(is_about_a_gate: bool, holds: bool) -> Verdict {
        match (is_about_a_gate, holds) {
            (true, true) => Verdict::Open,
            (true, false) => Verdict::Closed,
            (false, true) => Verdict::Breach,
            (false, false) => Verdict::Ok,
        }
    }

    /// The function that makes it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Verdict::Breach => "breach()",
            Verdict::Ok => "ok()",
            Verdict::Open => "open()",
            Verdict::Closed => "closed()",
        }
    }
}

/// The six comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
}

impl Compare {
    pub(crate) const ALL: [Compare; 6] = [
        Compare::Greater,
        Compare::GreaterOrEqual,
        Compare::Less,
        Compare::LessOrEqual,
        Compare::Equal,
        Compare::NotEqual,
    ];

    /// As written.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Compare::Greater => ">",
            Compare::GreaterOrEqual => ">=",
            Compare::Less => "<",
            Compare::LessOrEqual => "<=",
            Compare::Equal => "==",
            Compare::NotEqual => "!=",
        }
    }

    pub(crate) fn parse(symbol: &str) -> Option<Compare> {
        Compare::ALL.into_iter().find(|op| op.symbol() == symbol)
    }

    const fn holds(self, order: Ordering) -> bool {
        match self {
            Compare::Greater => order.is_gt(),
            Compare::GreaterOrEqual => order.is_ge(),
            Compare::Less => order.is_lt(),
            Compare::LessOrEqual => order.is_le(),
            Compare::Equal => order.is_eq(),
            Compare::NotEqual => order.is_ne(),
        }
    }
}

/// Arithmetic on quantities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arith {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
}

impl Arith {
    pub(crate) const ALL: [Arith; 6] = [Arith::Add, Arith::Sub, Arith::Mul, Arith::Div, Arith::Min, Arith::Max];

    /// As written.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Arith::Add => "+",
            Arith::Sub => "-",
            Arith::Mul => "*",
            Arith::Div => "/",
            Arith::Min => "min",
            Arith::Max => "max",
        }
    }

    pub(crate) fn parse(symbol: &str) -> Option<Arith> {
        Arith::ALL.into_iter().find(|op| op.symbol() == symbol)
    }

    /// What the result measures; none when the operands do not go together.
    pub(crate) fn dim(self, a: Dim, b: Dim) -> Option<Dim> {
        match self {
            Arith::Add | Arith::Sub | Arith::Min | Arith::Max => a.sum(b),
            Arith::Mul => a.product(b),
            Arith::Div => a.quotient(b),
        }
    }
}

impl Value {
    /// A reading of a metric in `dim`. The engine hands over finite numbers only; this does not rely on it.
    pub(crate) fn reading(reading: Reading, dim: Dim) -> Value {
        match reading {
            Reading::Value(value) => Value::finite(value, dim),
            Reading::Unknown(why) => Value::Unknown(why),
        }
    }

    /// A check's state as a fact.
    pub(crate) const fn truth(truth: Truth) -> Value {
        match truth {
            Truth::Breach => Value::Fact(true),
            Truth::Ok => Value::Fact(false),
            Truth::Unknown(why) => Value::Unknown(why),
        }
    }

    fn finite(value: f64, dim: Dim) -> Value {
        if value.is_finite() {
            Value::Number(value, dim)
        } else if value.is_nan() {
            Value::Unknown(Unknown::NotANumber)
        } else {
            Value::Unknown(Unknown::Infinite)
        }
    }

    /// `a > b` and its kin. Only numbers of one family, and facts for equality, can be compared.
    pub(crate) fn compare(op: Compare, a: Value, b: Value) -> Value {
        match (a, b) {
            (Value::Number(x, dx), Value::Number(y, dy)) => {
                let Some((x, y)) = Dim::align(x, dx, y, dy) else { return Value::Unknown(Unknown::WrongType) };
                order(x, y).map_or(Value::Unknown(Unknown::NotANumber), |order| Value::Fact(op.holds(order)))
            }
            (Value::Fact(x), Value::Fact(y)) => match op {
                Compare::Equal => Value::Fact(x == y),
                Compare::NotEqual => Value::Fact(x != y),
                _ => Value::Unknown(Unknown::WrongType),
            },
            (Value::Unknown(why), Value::Number(..) | Value::Fact(_) | Value::Unknown(_))
            | (Value::Number(..) | Value::Fact(_), Value::Unknown(why)) => Value::Unknown(why),
            _ => Value::Unknown(Unknown::WrongType),
        }
    }

    /// `a + b` and its kin, `min` and `max` too. Unknown operands and results that are no number are unknown.
    pub(crate) fn arith(op: Arith, a: Value, b: Value) -> Value {
        match (a, b) {
            (Value::Number(x, dx), Value::Number(y, dy)) => {
                let Some(dim) = op.dim(dx, dy) else { return Value::Unknown(Unknown::WrongType) };
                Value::finite(calculate(op, x, dx, y, dy), dim)
            }
            (Value::Unknown(why), Value::Number(..) | Value::Unknown(_)) | (Value::Number(..), Value::Unknown(why)) => {
                Value::Unknown(why)
            }
            _ => Value::Unknown(Unknown::WrongType),
        }
    }

    /// Kleene's "and", both sides always considered.
    pub(crate) fn and(self, other: Value) -> Value {
        self.combine(other, Truth::and)
    }

    /// Kleene's "or", both sides always considered.
    pub(crate) fn or(self, other: Value) -> Value {
        self.combine(other, Truth::or)
    }

    fn combine(self, other: Value, how: fn(Truth, Truth) -> Truth) -> Value {
        let gate = match (self.polarity(), other.polarity()) {
            (Some(a), Some(b)) if a != b => return Value::Unknown(Unknown::WrongType),
            (Some(gate), _) | (None, Some(gate)) => Some(gate),
            (None, None) => None,
        };
        match how(self.as_truth(), other.as_truth()) {
            Truth::Unknown(why) => Value::Unknown(why),
            known => {
                let holds = known == Truth::Breach;
                gate.map_or(Value::Fact(holds), |gate| Value::Verdict(Verdict::of(gate, holds)))
            }
        }
    }

    /// Kleene's "not": unknown stays unknown.
    pub(crate) fn negate(self) -> Value {
        match self {
            Value::Fact(holds) => Value::Fact(!holds),
            Value::Verdict(verdict) => Value::Verdict(Verdict::of(verdict.is_about_a_gate(), !verdict.holds())),
            Value::Unknown(why) => Value::Unknown(why),
            Value::Number(..) | Value::Foreign => Value::Unknown(Unknown::WrongType),
        }
    }

    /// `-a`
    pub(crate) fn minus(self) -> Value {
        self.map_number(|x| -x)
    }

    /// `abs(a)`
    pub(crate) fn abs(self) -> Value {
        self.map_number(f64::abs)
    }

    fn map_number(self, how: fn(f64) -> f64) -> Value {
        match self {
            Value::Number(value, dim) => Value::Number(how(value), dim),
            Value::Unknown(why) => Value::Unknown(why),
            _ => Value::Unknown(Unknown::WrongType),
        }
    }

    /// `known(a)`: itself always known. It lifts no taint: an ok from a script that read an unknown stays unknown.
    pub(crate) const fn known(self) -> Value {
        Value::Fact(!matches!(self, Value::Unknown(_) | Value::Foreign))
    }

    /// What an `if` makes of it: taken, not taken, or undecided. None for a number or a text.
    pub(crate) const fn decides(self) -> Option<Truth> {
        match self {
            Value::Number(..) | Value::Foreign => None,
            _ => Some(self.as_truth()),
        }
    }

    /// Breach stands for "holds".
    pub(crate) const fn as_truth(self) -> Truth {
        match self {
            Value::Fact(true) => Truth::Breach,
            Value::Fact(false) => Truth::Ok,
            Value::Verdict(verdict) if verdict.holds() => Truth::Breach,
            Value::Verdict(_) => Truth::Ok,
            Value::Unknown(why) => Truth::Unknown(why),
            Value::Number(..) | Value::Foreign => Truth::Unknown(Unknown::WrongType),
        }
    }

    const fn polarity(self) -> Option<bool> {
        match self {
            Value::Verdict(verdict) => Some(verdict.is_about_a_gate()),
            _ => None,
        }
    }
}

fn calculate(op: Arith, x: f64, dx: Dim, y: f64, dy: Dim) -> f64 {
    match op {
        Arith::Mul => x * y * dx.product_scale(dy),
        Arith::Div => {
            let (x, y) = Dim::align(x, dx, y, dy).filter(|_| dx.is_family_of(dy)).unwrap_or((x, y));
            x / (y * dx.quotient_scale(dy))
        }
        Arith::Add | Arith::Sub | Arith::Min | Arith::Max => {
            let y = y * dy.scale_to(dx);
            match op {
                Arith::Add => x + y,
                Arith::Sub => x - y,
                Arith::Min => x.min(y),
                _ => x.max(y),
            }
        }
    }
}

/// The order of two numbers; numbers that differ by rounding only are equal.
fn order(x: f64, y: f64) -> Option<Ordering> {
    if (x - y).abs() <= SAME * x.abs().max(y.abs()) { Some(Ordering::Equal) } else { x.partial_cmp(&y) }
}

//! Conditions of Argo Rollouts: what they say about a value, about no data and about NaN.
//!
//! A condition compares the result with constants, so between two neighbouring constants its answer does not change.
//! It is evaluated at every constant and once in every gap; from the answers the bounds are read off exactly, however
//! the condition was written.

use std::collections::BTreeSet;

mod parse;

/// One condition, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    expression: Expr,
}

#[derive(Debug, Clone, PartialEq)]
enum Expr {
    Number(f64),
    Truth(bool),
    Nil,
    /// `"name"`: only good for `result["name"]` and comparisons nobody converts.
    Field(String),
    /// The whole result, or a field of it.
    Result(String),
    /// The first series of the result.
    First(String),
    Default(Box<Expr>, Box<Expr>),
    Call(Function, Box<Expr>),
    Every {
        all: bool,
        each: Box<Expr>,
    },
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    Compare(Compare, Box<Expr>, Box<Expr>),
    Plus(Box<Expr>, Box<Expr>),
    Times(Box<Expr>, Box<Expr>),
    Over(Box<Expr>, Box<Expr>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Equal,
    Unequal,
    Below,
    AtMost,
    Above,
    AtLeast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Len,
    IsNan,
    IsInf,
}

/// What the query answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// A number, perhaps NaN.
    Value(f64),
    /// Nothing: an empty vector, or nil.
    Nothing,
}

/// Why a condition has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stuck {
    /// It reads a value that is not there: Argo counts an error.
    Missing,
    /// It does something this reader does not know.
    Unknown(String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Number(f64),
    Truth(bool),
    Nil,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// What is not understood, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Condition, String> {
        let condition = Condition { expression: parse::parse(text)? };
        match condition.fields().len() {
            0 | 1 => {}
            number => return Err(format!("it reads {number} fields of the result, and a metric is one number")),
        }
        // A question asked once finds what no answer can be given to.
        match condition.holds(Answer::Value(0.5)) {
            Ok(_) | Err(Stuck::Missing) => condition.breakpoints().map(|_| condition),
            Err(Stuck::Unknown(why)) => Err(why),
        }
    }

    /// Whether it holds for an answer.
    ///
    /// # Errors
    /// It has no answer.
    pub fn holds(&self, answer: Answer) -> Result<bool, Stuck> {
        truth(&self.expression, answer)
    }

    /// The fields of the result that it reads: `successPercent`, `data.ok`; an empty name is the result itself.
    #[must_use]
    pub fn fields(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        walk(&self.expression, &mut |expression| {
            if let Expr::Result(path) | Expr::First(path) = expression {
                found.insert(path.clone());
            }
        });
        found
    }

    /// Whether it speaks of every series of the result, and not only of the first.
    #[must_use]
    pub fn asks_every_series(&self) -> bool {
        let mut found = false;
        walk(&self.expression, &mut |expression| found |= matches!(expression, Expr::Every { .. }));
        found
    }

    /// The values at which its answer may change, in order.
    ///
    /// # Errors
    /// It compares something that does not grow evenly with the result.
    pub fn breakpoints(&self) -> Result<Vec<f64>, String> {
        let mut found: Vec<f64> = Vec::new();
        let mut broken = None;
        walk(&self.expression, &mut |expression| {
            let Expr::Compare(_, left, right) = expression else { return };
            match (linear(left), linear(right)) {
                (Some((a, b)), Some((c, d))) if a != c => found.push((d - b) / (a - c)),
                (Some(_), Some(_)) => {}
                _ if matches!((&**left, &**right), (Expr::Nil, _) | (_, Expr::Nil)) => {}
                _ => broken = Some("it computes more than a multiple of the result".to_owned()),
            }
        });
        found.retain(|value| value.is_finite());
        found.sort_by(f64::total_cmp);
        found.dedup();
        broken.map_or(Ok(found), Err)
    }
}

fn walk(expression: &Expr, see: &mut impl FnMut(&Expr)) {
    see(expression);
    match expression {
        Expr::Number(_) | Expr::Truth(_) | Expr::Nil | Expr::Field(_) | Expr::Result(_) | Expr::First(_) => {}
        Expr::Call(_, inner) | Expr::Every { each: inner, .. } | Expr::Not(inner) => walk(inner, see),
        Expr::Default(a, b)
        | Expr::And(a, b)
        | Expr::Or(a, b)
        | Expr::Compare(_, a, b)
        | Expr::Plus(a, b)
        | Expr::Times(a, b)
        | Expr::Over(a, b) => {
            walk(a, see);
            walk(b, see);
        }
        Expr::If(a, b, c) => [a, b, c].into_iter().for_each(|inner| walk(inner, see)),
    }
}

/// `a` and `b` of `a * result + b`.
fn linear(expression: &Expr) -> Option<(f64, f64)> {
    match expression {
        Expr::Number(number) => Some((0.0, *number)),
        Expr::Result(_) | Expr::First(_) => Some((1.0, 0.0)),
        Expr::Default(value, _) => linear(value),
        Expr::Call(Function::Len, _) => Some((0.0, 1.0)),
        Expr::Plus(left, right) => {
            let ((a, b), (c, d)) = (linear(left)?, linear(right)?);
            Some((a + c, b + d))
        }
        Expr::Times(left, right) => match (linear(left)?, linear(right)?) {
            ((0.0, by), (a, b)) | ((a, b), (0.0, by)) => Some((a * by, b * by)),
            _ => None,
        },
        Expr::Over(left, right) => match (linear(left)?, linear(right)?) {
            ((a, b), (0.0, by)) if by != 0.0 => Some((a / by, b / by)),
            _ => None,
        },
        _ => None,
    }
}

fn truth(expression: &Expr, answer: Answer) -> Result<bool, Stuck> {
    match expression {
        Expr::Not(inner) => Ok(!truth(inner, answer)?),
        Expr::And(left, right) => Ok(truth(left, answer)? && truth(right, answer)?),
        Expr::Or(left, right) => Ok(truth(left, answer)? || truth(right, answer)?),
        Expr::Every { all, each } => match answer {
            Answer::Nothing => Ok(*all),
            Answer::Value(_) => truth(each, answer),
        },
        _ => match value(expression, answer)? {
            Value::Truth(truth) => Ok(truth),
            Value::Number(_) | Value::Nil => Err(unknown("it is a number where a yes or no is due")),
        },
    }
}

fn unknown(why: &str) -> Stuck {
    Stuck::Unknown(why.to_owned())
}

fn value(expression: &Expr, answer: Answer) -> Result<Value, Stuck> {
    Ok(match expression {
        Expr::Number(number) => Value::Number(*number),
        Expr::Truth(truth) => Value::Truth(*truth),
        Expr::Nil => Value::Nil,
        Expr::Field(_) => return Err(unknown("it compares texts, and a metric is a number")),
        Expr::Result(_) => match answer {
            Answer::Value(number) => Value::Number(number),
            Answer::Nothing => Value::Nil,
        },
        Expr::First(_) => match answer {
            Answer::Value(number) => Value::Number(number),
            Answer::Nothing => return Err(Stuck::Missing),
        },
        Expr::Default(inner, other) => match value(inner, answer) {
            Ok(Value::Nil) | Err(Stuck::Missing) => value(other, answer)?,
            found => found?,
        },
        Expr::Call(Function::Len, _) => Value::Number(if answer == Answer::Nothing { 0.0 } else { 1.0 }),
        Expr::Call(Function::IsNan, inner) => Value::Truth(number(inner, answer)?.is_nan()),
        Expr::Call(Function::IsInf, inner) => Value::Truth(number(inner, answer)?.is_infinite()),
        Expr::If(condition, yes, no) => value(if truth(condition, answer)? { yes } else { no }, answer)?,
        Expr::Compare(compare, left, right) => Value::Truth(compared(*compare, left, right, answer)?),
        Expr::Plus(left, right) => Value::Number(number(left, answer)? + number(right, answer)?),
        Expr::Times(left, right) => Value::Number(number(left, answer)? * number(right, answer)?),
        Expr::Over(left, right) => Value::Number(number(left, answer)? / number(right, answer)?),
        Expr::Not(_) | Expr::And(..) | Expr::Or(..) | Expr::Every { .. } => Value::Truth(truth(expression, answer)?),
    })
}

fn number(expression: &Expr, answer: Answer) -> Result<f64, Stuck> {
    match value(expression, answer)? {
        Value::Number(number) => Ok(number),
        Value::Nil => Err(Stuck::Missing),
        Value::Truth(_) => Err(unknown("it computes with a yes or no")),
    }
}

fn compared(compare: Compare, left: &Expr, right: &Expr, answer: Answer) -> Result<bool, Stuck> {
    let (a, b) = (value(left, answer)?, value(right, answer)?);
    match (compare, a, b) {
        (Compare::Equal, Value::Number(a), Value::Number(b)) => Ok(a == b),
        (Compare::Unequal, Value::Number(a), Value::Number(b)) => Ok(a != b),
        (Compare::Equal, _, _) => Ok(a == b),
        (Compare::Unequal, _, _) => Ok(a != b),
        (Compare::Below, Value::Number(a), Value::Number(b)) => Ok(a < b),
        (Compare::AtMost, Value::Number(a), Value::Number(b)) => Ok(a <= b),
        (Compare::Above, Value::Number(a), Value::Number(b)) => Ok(a > b),
        (Compare::AtLeast, Value::Number(a), Value::Number(b)) => Ok(a >= b),
        (_, Value::Nil, _) | (_, _, Value::Nil) => Err(Stuck::Missing),
        _ => Err(unknown("it compares a yes or no with a number")),
    }
}

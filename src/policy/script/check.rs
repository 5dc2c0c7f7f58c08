//! One function under the lint: every name found, every construct allowed, every quantity fitting; and what to write
//! in place of the facts it names before it is handed to the interpreter.

mod calls;
mod operators;
mod readings;

use std::ops::Range;

use rhai::{ASTFlags, Expr, Position, Stmt};

use crate::model::frame::MetricIx;

use super::super::diagnostic::{Code, Diagnostic};
use super::dim::Dim;
use super::facts::FactTable;
use super::items::{File, Function};
use super::kinds::Kinds;
use super::lower::{MAX_LOCALS, Node};
use super::names::Names;
use super::text::Kind;
use super::value::Value;
use super::{FORBIDDEN_CONSTRUCT, UNITS, UNKNOWN_VARIABLE, api, suggest};

/// What is known of a function that may be called.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    pub(super) file: usize,
    pub(super) name: String,
    pub(super) params: usize,
    /// What it returns; nothing known before it was checked.
    pub(super) result: Kinds,
    pub(super) dim: Option<Dim>,
}

/// All that can be called and named.
pub(super) struct World<'a> {
    pub(super) names: &'a Names<'a>,
    pub(super) signatures: Vec<Signature>,
    /// Per file, alias to file; none when the module was not found (already reported).
    pub(super) imports: Vec<Vec<(String, Option<usize>)>>,
}

/// Text to put in place of a range of the file.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

/// What checking one function found out.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) edits: Vec<Edit>,
    pub(super) facts: Vec<usize>,
    pub(super) params: Vec<String>,
    pub(super) calls: Vec<usize>,
    pub(super) result: Kinds,
    pub(super) dim: Option<Dim>,
    pub(super) node: Option<Node>,
}

struct Local {
    name: String,
    kinds: Kinds,
    dim: Option<Dim>,
    metric: Option<MetricIx>,
    constant: bool,
    slot: Option<usize>,
    /// Its value was already found wrong: what follows from that is not said again.
    blamed: bool,
}

/// What is known of an expression.
struct Typed {
    kinds: Kinds,
    dim: Option<Dim>,
    node: Option<Node>,
}

impl Typed {
    const fn new(kinds: Kinds, node: Option<Node>) -> Typed {
        Typed { kinds, dim: None, node }
    }

    fn without_node(self) -> Typed {
        Typed { node: None, ..self }
    }

    /// After an error: nothing more to be said about it.
    const fn opaque() -> Typed {
        Typed::new(Kinds::OPAQUE, None)
    }
}

pub(super) struct Checker<'a, 'w> {
    pub(super) file: &'a File<'a>,
    pub(super) file_at: usize,
    pub(super) world: &'w World<'w>,
    pub(super) table: &'w mut FactTable,
    pub(super) out: &'w mut Vec<Diagnostic>,
    /// The byte that the first line of the parsed text starts at, less its column.
    base: usize,
    source: &'a str,
    locals: Vec<Local>,
    slots: usize,
    found: Found,
    returned: Kinds,
}

impl<'a, 'w> Checker<'a, 'w> {
    /// Checks `function`, whose body was parsed into `body` from `source`, which starts at byte `base`.
    #[allow(clippy::too_many_arguments, reason = "the parts of one pass, handed over once")]
    pub(super) fn run(
        file: &'a File<'a>,
        file_at: usize,
        world: &'w World<'w>,
        table: &'w mut FactTable,
        out: &'w mut Vec<Diagnostic>,
        function: &Function,
        body: &[Stmt],
    ) -> Found {
        let base = file.range(function.body.start, function.body.start).start;
        let source = file.text.source.get(base..).unwrap_or("");
        let mut checker = Checker {
            file,
            file_at,
            world,
            table,
            out,
            base,
            source,
            locals: Vec::new(),
            slots: 0,
            found: Found::default(),
            returned: Kinds::NONE,
        };
        for (slot, (name, _)) in function.params.iter().enumerate() {
            checker.locals.push(Local {
                name: name.clone(),
                kinds: Kinds::OPAQUE,
                dim: None,
                metric: None,
                constant: false,
                slot: (slot < MAX_LOCALS).then_some(slot),
                blamed: false,
            });
        }
        checker.slots = function.params.len();
        checker.numbers(function);
        let value = checker.block(body);
        let mut found = checker.found;
        found.result = value.kinds.or(checker.returned);
        found.dim = if checker.returned == Kinds::NONE { value.dim } else { None };
        found.node = value.node;
        found
    }

    /// Whole numbers become floats: `3 / 200` is 0.015 in a policy.
    fn numbers(&mut self, function: &Function) {
        for index in function.body.clone() {
            let Some(token) = self.file.text.tokens.get(index).filter(|token| token.kind == Kind::Number) else {
                continue;
            };
            let word = self.file.text.str(token).replace('_', "");
            if word.bytes().all(|b| b.is_ascii_digit()) {
                self.edit(token.span.clone(), format!("{word}.0"));
            } else if word.starts_with('0') && word.get(1..2).is_some_and(|c| "xXoObB".contains(c)) {
                let message = format!("`{word}` is not a quantity: write a decimal number");
                self.error(FORBIDDEN_CONSTRUCT, token.span.clone(), message);
            } else if !word.parse::<f64>().is_ok_and(f64::is_finite) {
                self.error(FORBIDDEN_CONSTRUCT, token.span.clone(), format!("`{word}` is not a quantity"));
            }
        }
    }

    fn byte(&self, at: Position) -> usize {
        let (Some(line), Some(column)) = (at.line(), at.position()) else { return self.base };
        self.base + super::text::byte_of(self.source, line, column)
    }

    fn span(&self, at: Position) -> Range<usize> {
        self.file.text.span_at(self.byte(at))
    }

    fn token(&self, at: Position) -> usize {
        self.file.text.index_at(self.byte(at))
    }

    fn error(&mut self, code: Code, span: Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        self.out.push(self.file.error(code, span, message));
        let last = self.out.len() - 1;
        // Just pushed.
        #[allow(clippy::indexing_slicing, reason = "the element pushed in the line before")]
        &mut self.out[last]
    }

    fn edit(&mut self, range: Range<usize>, text: String) {
        self.found.edits.push(Edit { range, text });
    }

    // -- statements --

    /// A block: its value is its last statement's.
    fn block(&mut self, statements: &[Stmt]) -> Typed {
        let depth = self.locals.len();
        let mut nodes = Some(Vec::new());
        let mut value = Typed::new(Kinds::UNIT, None);
        for statement in statements {
            let mut did = self.statement(statement);
            nodes = nodes.zip(did.typed.node.take()).map(|(mut nodes, node)| {
                nodes.push(node);
                nodes
            });
            let leaves = did.leaves;
            value = did.typed.without_node();
            if leaves {
                break;
            }
        }
        self.locals.truncate(depth);
        Typed { node: nodes.map(one), ..value }
    }

    fn statement(&mut self, statement: &Stmt) -> Did {
        let typed = match statement {
            Stmt::Noop(_) => Typed::new(Kinds::UNIT, Some(Node::Const(Value::Foreign))),
            Stmt::Expr(expr) => self.expr(expr),
            Stmt::FnCall(call, at) => self.call(call, *at),
            Stmt::Block(block) => self.block(block.statements()),
            Stmt::If(flow, at) => self.branches(&flow.expr, flow.body.statements(), flow.branch.statements(), *at),
            Stmt::Var(var, flags, _) => self.variable(var.0.as_str(), var.0.pos, &var.1, *flags),
            Stmt::Assignment(assignment) => self.assignment(&assignment.1.lhs, &assignment.1.rhs),
            Stmt::Return(value, _, _) => {
                let unit = Typed::new(Kinds::UNIT, Some(Node::Const(Value::Foreign)));
                let value = value.as_ref().map_or(unit, |value| self.expr(value));
                self.returned = self.returned.or(value.kinds);
                let node = value.node.map(|node| Node::Return(Box::new(node)));
                return Did { typed: Typed::new(Kinds::NONE, node), leaves: true };
            }
            other => {
                let span = self.span(other.position());
                self.error(FORBIDDEN_CONSTRUCT, span, "this statement is not available in a policy");
                Typed::opaque()
            }
        };
        Did { leaves: typed.kinds == Kinds::NONE, typed }
    }

    fn variable(&mut self, name: &str, at: Position, value: &Expr, flags: ASTFlags) -> Typed {
        let span = self.span(at);
        let (file, before) = (self.file, self.out.len());
        file.own_name(name, span.clone(), self.out);
        if self.out.len() == before && self.locals.iter().any(|local| local.name == name) {
            self.error(FORBIDDEN_CONSTRUCT, span, format!("`{name}` is already defined: give this one its own name"));
        }
        let metric = bare_metric(value).and_then(|name| self.world.names.catalogue.find(name));
        if metric.is_some() {
            // The variable stands for the metric; only the readings that are asked of it are read.
            let first = self.token(value.start_position());
            let close = self.file.text.closing(first + 1).unwrap_or(first);
            self.edit(self.file.range(first, close), "()".to_owned());
            let name = name.to_owned();
            self.locals.push(Local {
                name,
                kinds: Kinds::NUMBER,
                dim: None,
                metric,
                constant: true,
                slot: None,
                blamed: false,
            });
            return Typed::new(Kinds::UNIT, Some(Node::Const(Value::Foreign)));
        }
        let told = self.out.len();
        let value = self.expr(value);
        let blamed = self.out.len() > told;
        if value.kinds == Kinds::UNIT {
            let span = self.span(at);
            self.error(UNITS, span, format!("`{name}` is given no value"));
        }
        let slot = (self.slots < MAX_LOCALS).then_some(self.slots);
        self.slots += 1;
        let constant = flags.contains(ASTFlags::CONSTANT);
        let name = name.to_owned();
        self.locals.push(Local { name, kinds: value.kinds, dim: value.dim, metric: None, constant, slot, blamed });
        Typed::new(Kinds::UNIT, set(slot, value.node))
    }

    fn assignment(&mut self, target: &Expr, value: &Expr) -> Typed {
        let value = self.expr(value);
        let mut slot = None;
        let Expr::Variable(variable, _, at) = target else {
            let span = self.span(target.start_position());
            self.error(FORBIDDEN_CONSTRUCT, span, "only a local variable can be assigned to");
            return Typed::opaque();
        };
        let name = variable.1.as_str();
        let span = self.span(*at);
        match self.locals.iter().rposition(|local| local.name == name) {
            None => self.unknown_variable(name, span),
            Some(at) => {
                let Some(local) = self.locals.get_mut(at) else { return Typed::opaque() };
                local.kinds = local.kinds.or(value.kinds);
                local.dim = local.dim.filter(|dim| value.dim == Some(*dim));
                slot = local.slot;
                if local.constant {
                    self.error(FORBIDDEN_CONSTRUCT, span, format!("`{name}` is constant"));
                }
            }
        }
        Typed::new(Kinds::UNIT, set(slot, value.node))
    }

    fn branches(&mut self, condition: &Expr, then: &[Stmt], otherwise: &[Stmt], at: Position) -> Typed {
        self.wrap_condition(at);
        let typed = self.expr(condition);
        if typed.kinds.is_only(Kinds::NUMBER.or(Kinds::UNIT)) {
            let span = self.expr_span(condition);
            self.error(UNITS, span, "an `if` asks for a fact, not for a number");
        }
        let a = self.block(then);
        let b = self.block(otherwise);
        let dim = if a.dim == b.dim { a.dim } else { None };
        let nodes = typed.node.zip(a.node).zip(b.node).map(|((c, a), b)| Node::If(Box::new([c, a, b])));
        Typed { kinds: a.kinds.or(b.kinds), dim, node: nodes }
    }

    /// `if x {` becomes `if rg_if(x) {`: what is undecided must be seen to be so.
    fn wrap_condition(&mut self, at: Position) {
        let text = &self.file.text;
        let first = self.token(at) + 1;
        let mut open = first;
        while !matches!(text.at(open), "{" | "") {
            open = match text.at(open) {
                "(" => text.closing(open).unwrap_or(open),
                _ => open,
            } + 1;
        }
        if open <= first || (first..open).any(|index| text.at(index) == "if" && text.at(index - 1) != "(") {
            let span = self.file.range(first - 1, first);
            self.error(
                FORBIDDEN_CONSTRUCT,
                span,
                "a condition that is an `if` or a block itself needs brackets or a name",
            );
            return;
        }
        let (from, to) = (self.file.range(first, first).start, self.file.range(open - 1, open - 1).end);
        self.edit(from..from, format!("{}(", super::sandbox::IF));
        self.edit(to..to, ")".to_owned());
    }

    // -- expressions --

    /// The word that an expression starts with, or its operator.
    fn expr_span(&self, expr: &Expr) -> Range<usize> {
        self.span(expr.position())
    }

    fn expr(&mut self, expr: &Expr) -> Typed {
        match expr {
            Expr::IntegerConstant(value, _) => {
                #[allow(clippy::cast_precision_loss, reason = "written as a float for the interpreter, too")]
                let value = *value as f64;
                number(value)
            }
            Expr::FloatConstant(value, _) => number(**value),
            Expr::BoolConstant(holds, _) => Typed::new(Kinds::FACT, Some(Node::Const(Value::Fact(*holds)))),
            Expr::Unit(_) => Typed::new(Kinds::UNIT, None),
            Expr::Variable(variable, _, at) if variable.2.is_empty() => self.local(variable.1.as_str(), *at),
            Expr::FnCall(call, at) => self.call(call, *at),
            Expr::Dot(pair, _, at) => self.property(&pair.lhs, &pair.rhs, *at),
            Expr::Stmt(block) => {
                let typed = self.block(block.statements());
                // A `return` in the middle of an expression is left to the interpreter.
                if typed.node.as_ref().is_some_and(Node::returns) { typed.without_node() } else { typed }
            }
            other => {
                let span = self.expr_span(other);
                let message = match other {
                    Expr::Variable(..) => "a module's variables are not available: call one of its functions",
                    Expr::StringConstant(..) => {
                        "a text stands only in `metric(..)`, `param(..)`, `breached(..)` and `pending(..)`"
                    }
                    _ => "this expression is not available in a policy",
                };
                self.error(FORBIDDEN_CONSTRUCT, span, message);
                Typed::opaque()
            }
        }
    }

    fn local(&mut self, name: &str, at: Position) -> Typed {
        match self.locals.iter().rfind(|local| local.name == name) {
            Some(Local { metric: Some(metric), .. }) => {
                let (fact, span) = (self.reading(*metric, "value"), self.span(at));
                self.fact(fact, span)
            }
            Some(local) => Typed { kinds: local.kinds, dim: local.dim, node: local.slot.map(Node::Local) },
            None => {
                let span = self.span(at);
                self.unknown_variable(name, span);
                Typed::opaque()
            }
        }
    }

    fn unknown_variable(&mut self, name: &str, span: Range<usize>) {
        let is_function = self.world.signatures.iter().any(|known| known.name == name) || api::find(name).is_some();
        let near = suggest(name, self.locals.iter().map(|local| local.name.as_str())).map(str::to_owned);
        let error = self.error(UNKNOWN_VARIABLE, span, format!("there is no variable `{name}`"));
        if is_function {
            error.help.push(format!("`{name}` is a function: call it, `{name}(..)`"));
        } else if let Some(near) = near {
            error.help.push(format!("did you mean `{near}`?"));
        }
    }
}

/// What a statement did.
struct Did {
    typed: Typed,
    /// Nothing behind it is reached.
    leaves: bool,
}

fn set(slot: Option<usize>, value: Option<Node>) -> Option<Node> {
    Some(Node::Set(slot?, Box::new(value?)))
}

/// A block of one statement is that statement.
fn one(mut nodes: Vec<Node>) -> Node {
    match (nodes.len(), nodes.pop()) {
        (1, Some(node)) => node,
        (_, last) => {
            nodes.extend(last);
            Node::Block(nodes)
        }
    }
}

/// What stands for a script function in the text that is run.
pub(super) fn function_name(function: usize) -> String {
    format!("{}f{function}", super::sandbox::RESERVED)
}

fn number(value: f64) -> Typed {
    let node = Some(Node::Const(Value::Number(value, Dim::Bare)));
    Typed { kinds: Kinds::NUMBER, dim: Some(Dim::Bare), node }
}

fn unary_node(how: fn(Value) -> Value, node: Option<Node>) -> Option<Node> {
    node.map(|node| Node::Unary(how, Box::new(node)))
}

/// The name in `metric("name")`.
fn bare_metric(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::FnCall(call, _) if call.name == "metric" && !call.is_qualified() => match call.args.as_slice() {
            [Expr::StringConstant(name, _)] => Some(name.as_str()),
            _ => None,
        },
        _ => None,
    }
}

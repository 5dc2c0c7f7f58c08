//! One function under the lint: every name found, every construct allowed, every quantity fitting; and what to write
//! in place of the facts it names before it is handed to the interpreter.

use std::ops::Range;

use rhai::{ASTFlags, Expr, FnCallExpr, Position, Stmt};

use crate::model::frame::{Group, MetricIx};

use super::super::diagnostic::{Code, Diagnostic};
use super::dim::Dim;
use super::facts::{FactRef, FactTable};
use super::items::{File, Function};
use super::kinds::Kinds;
use super::lower::{MAX_LOCALS, Node};
use super::names::Names;
use super::text::Kind;
use super::value::{Arith, Compare, Value, Verdict};
use super::{
    FORBIDDEN_CONSTRUCT, MODULE, SCRIPT_CHECK, UNITS, UNKNOWN_CHECK, UNKNOWN_FUNCTION, UNKNOWN_METRIC, UNKNOWN_PARAM,
    UNKNOWN_VARIABLE, WRONG_OUTCOME, api, suggest,
};

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
            self.locals.push(Local { name, kinds: Kinds::NUMBER, dim: None, metric, constant: true, slot: None });
            return Typed::new(Kinds::UNIT, Some(Node::Const(Value::Foreign)));
        }
        let value = self.expr(value);
        if value.kinds == Kinds::UNIT {
            let span = self.span(at);
            self.error(UNITS, span, format!("`{name}` is given no value"));
        }
        let slot = (self.slots < MAX_LOCALS).then_some(self.slots);
        self.slots += 1;
        let constant = flags.contains(ASTFlags::CONSTANT);
        let name = name.to_owned();
        self.locals.push(Local { name, kinds: value.kinds, dim: value.dim, metric: None, constant, slot });
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

    /// `metric("x").treatment`, or the same through a variable that holds the metric.
    fn property(&mut self, of: &Expr, property: &Expr, at: Position) -> Typed {
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
                self.expr(other);
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
    fn expr_quietly(&mut self, expr: &Expr) {
        let _ = self.expr(expr);
    }

    fn reading(&self, metric: MetricIx, property: &str) -> FactRef {
        let dim = self.world.names.catalogue.metric(metric).map_or(Dim::Bare, |metric| Dim::Of(metric.unit));
        let own = self.world.names.groups.get(usize::from(metric.0)).copied().unwrap_or(Group::Treatment);
        match property {
            "baseline" => FactRef::Baseline(metric, own, dim),
            group => FactRef::Reading(metric, Group::from_name(group).unwrap_or(own), dim),
        }
    }

    /// Puts a fact in place of `range`.
    fn fact(&mut self, fact: FactRef, range: Range<usize>) -> Typed {
        let number = self.table.intern(fact);
        if !self.found.facts.contains(&number) {
            self.found.facts.push(number);
        }
        // Lines must stay where they are.
        let lines = self.file.text.source.get(range.clone()).unwrap_or("").matches('\n').count();
        self.edit(range, format!("{}{number}{}", super::sandbox::RESERVED, "\n".repeat(lines)));
        let node = Some(Node::Fact(fact));
        match fact {
            FactRef::Reading(_, _, dim) | FactRef::Baseline(_, _, dim) | FactRef::Param(_, dim) => {
                Typed { kinds: Kinds::NUMBER, dim: Some(dim), node }
            }
            FactRef::Breached(_) | FactRef::Pending(_) => Typed::new(Kinds::FACT, node),
        }
    }

    // -- calls --

    fn call(&mut self, call: &FnCallExpr, at: Position) -> Typed {
        let name = call.name.as_str();
        if call.is_qualified() {
            return self.module_call(call, at);
        }
        if call.is_operator_call() {
            return match call.args.as_slice() {
                [a] => self.unary(name, a, at),
                [a, b] => self.binary(name, a, b, at),
                _ => Typed::opaque(),
            };
        }
        match name {
            "metric" | "param" | "breached" | "pending" => return self.named_fact(call, at),
            _ => {}
        }
        let own = self.world.signatures.iter().position(|known| known.file == self.file_at && known.name == name);
        if let Some(item) = api::find(name) {
            let due = item.params.map_or(0, <[_]>::len);
            let args: Vec<Typed> = call.args.iter().map(|arg| self.expr(arg)).collect();
            if args.len() != due {
                let span = self.span(at);
                let message = format!("`{}` takes {}, here are {}", item.signature(), count(due), args.len());
                self.error(UNKNOWN_FUNCTION, span, message);
                return Typed::opaque();
            }
            self.host(name, args, at)
        } else if let Some(function) = own {
            let span = self.span(at);
            self.script_call(function, &call.args, span.clone(), span)
        } else {
            for arg in &call.args {
                self.expr_quietly(arg);
            }
            self.unknown_function(name, at);
            Typed::opaque()
        }
    }

    fn unknown_function(&mut self, name: &str, at: Position) {
        let mine = self.world.signatures.iter().filter(|known| known.file == self.file_at);
        let known = api::FUNCTIONS.iter().map(|item| item.name).chain(mine.map(|known| known.name.as_str()));
        let near = suggest(name, known);
        let span = self.span(at);
        let error = self.error(UNKNOWN_FUNCTION, span, format!("there is no function `{name}`"));
        error.help.push(near.map_or_else(
            || "define it in this file, or import the shared module that has it".to_owned(),
            |near| format!("did you mean `{near}`?"),
        ));
    }

    /// A call of a script function; `name` is what stands for it in the text.
    fn script_call(&mut self, function: usize, args: &[Expr], name: Range<usize>, word: Range<usize>) -> Typed {
        let args: Vec<Typed> = args.iter().map(|arg| self.expr(arg)).collect();
        let Some(known) = self.world.signatures.get(function) else { return Typed::opaque() };
        if known.params != args.len() {
            let message = format!("`{}` takes {}, here are {}", known.name, count(known.params), args.len());
            self.error(UNKNOWN_FUNCTION, word, message);
            return Typed::opaque();
        }
        if !self.found.calls.contains(&function) {
            self.found.calls.push(function);
        }
        self.edit(name, function_name(function));
        let args: Option<Vec<Node>> = args.into_iter().map(|arg| arg.node).collect();
        let node = args.filter(|args| args.len() <= MAX_LOCALS).map(|args| Node::Call(function, args));
        Typed { kinds: known.result, dim: known.dim, node }
    }

    fn module_call(&mut self, call: &FnCallExpr, at: Position) -> Typed {
        let alias = call.namespace.root().to_owned();
        let text = &self.file.text;
        let at = self.token(at);
        // The position is the alias's or the function's, as rhai likes.
        let first = if text.at(at) == alias && text.at(at + 1) == "::" { at } else { at.saturating_sub(2) };
        let (name, whole) = (self.file.range(first + 2, first + 2), self.file.range(first, first + 2));
        let alias_span = self.file.range(first, first);
        let imports = self.world.imports.get(self.file_at).map_or(&[][..], Vec::as_slice);
        let is_chain = text.at(first + 2) != call.name.as_str();
        match imports.iter().find(|(known, _)| *known == alias).filter(|_| !is_chain) {
            None => {
                for arg in &call.args {
                    self.expr_quietly(arg);
                }
                let near = suggest(&alias, imports.iter().map(|(known, _)| known.as_str()));
                let error = self.error(MODULE, alias_span, format!("no module is imported as `{alias}`"));
                error.help.push(near.map_or_else(
                    || format!("write `import \"name\" as {alias};` at the top of the file"),
                    |near| format!("did you mean `{near}`?"),
                ));
                Typed::opaque()
            }
            Some((_, None)) => Typed::opaque(),
            Some((_, Some(file))) => {
                let inside = || self.world.signatures.iter().enumerate().filter(|(_, known)| known.file == *file);
                if let Some((function, _)) = inside().find(|(_, known)| known.name == call.name.as_str()) {
                    return self.script_call(function, &call.args, whole, name);
                }
                let near = suggest(call.name.as_str(), inside().map(|(_, known)| known.name.as_str()));
                let message = format!("the module `{alias}` has no function `{}`", call.name);
                let error = self.error(UNKNOWN_FUNCTION, name, message);
                error.help.extend(near.map(|near| format!("did you mean `{near}`?")));
                Typed::opaque()
            }
        }
    }

    fn host(&mut self, name: &str, args: Vec<Typed>, at: Position) -> Typed {
        let mut args = args.into_iter();
        match (name, args.next(), args.next()) {
            ("abs", Some(a), None) => {
                self.due(&a, Kinds::NUMBER, name, at);
                Typed { kinds: Kinds::NUMBER, dim: a.dim, node: unary_node(Value::abs, a.node) }
            }
            ("known", Some(a), None) => Typed::new(Kinds::FACT, unary_node(Value::known, a.node)),
            ("min" | "max", Some(a), Some(b)) => {
                self.arith(if name == "min" { Arith::Min } else { Arith::Max }, a, b, at)
            }
            ("breach", ..) => verdict(Kinds::TRIGGER, Verdict::Breach),
            ("ok", ..) => verdict(Kinds::TRIGGER, Verdict::Ok),
            ("open", ..) => verdict(Kinds::GATE, Verdict::Open),
            ("closed", ..) => verdict(Kinds::GATE, Verdict::Closed),
            _ => Typed::opaque(),
        }
    }

    /// `metric("x")`, `param("x")`, `breached("id")`, `pending("id")`: the name must be written out.
    fn named_fact(&mut self, call: &FnCallExpr, at: Position) -> Typed {
        let Some((name, span)) = self.named(call, at) else { return Typed::opaque() };
        let open = self.token(at) + 1;
        let close = self.file.text.closing(open).unwrap_or(open);
        let whole = self.span(at).start..self.file.range(close, close).end;
        let fact = match call.name.as_str() {
            "metric" => self.find_metric(&name, span).map(|metric| self.reading(metric, "value")),
            "param" => self.find_param(&name, span),
            "breached" => self.find_check(&name, span).map(FactRef::Breached),
            _ => self.find_check(&name, span).map(FactRef::Pending),
        };
        fact.map_or_else(Typed::opaque, |fact| self.fact(fact, whole))
    }

    fn named(&mut self, call: &FnCallExpr, at: Position) -> Option<(String, Range<usize>)> {
        match call.args.as_slice() {
            [Expr::StringConstant(name, place)] => Some((name.to_string(), self.span(*place))),
            args => {
                for arg in args {
                    self.expr_quietly(arg);
                }
                let message = format!("`{}` takes one name, written out as \"name\"", call.name);
                let span = self.span(at);
                self.error(FORBIDDEN_CONSTRUCT, span, message)
                    .help
                    .push("what a script reads must be seen without running it".to_owned());
                None
            }
        }
    }

    fn find_metric(&mut self, name: &str, span: Range<usize>) -> Option<MetricIx> {
        let catalogue = self.world.names.catalogue;
        let found = catalogue.find(name);
        if found.is_none() {
            let near = suggest(name, catalogue.metrics().iter().map(|metric| metric.name.as_str()));
            let error = self.error(UNKNOWN_METRIC, span, format!("there is no metric `{name}`"));
            error
                .help
                .push(near.map_or("declare it in [metrics]".to_owned(), |near| format!("did you mean `{near}`?")));
        }
        found
    }

    fn find_param(&mut self, name: &str, span: Range<usize>) -> Option<FactRef> {
        let params = &self.world.names.params;
        let Some(param) = params.get(name) else {
            let near = suggest(name, params.keys().map(String::as_str));
            let error = self.error(UNKNOWN_PARAM, span, format!("there is no param `{name}`"));
            let declare = "declare it in [params], with its unit".to_owned();
            error.help.push(near.map_or(declare, |near| format!("did you mean `{near}`?")));
            return None;
        };
        if !self.found.params.iter().any(|known| known == name) {
            self.found.params.push(name.to_owned());
        }
        Some(FactRef::Param(param.value, Dim::Of(param.unit)))
    }

    fn find_check(&mut self, id: &str, span: Range<usize>) -> Option<super::super::compiled::CheckIx> {
        let names = self.world.names;
        if let Some(check) = names.checks.get(id) {
            return Some(*check);
        }
        if names.script_checks.contains(id) {
            self.error(
                SCRIPT_CHECK,
                span,
                format!("`{id}` is a script itself; only checks written in TOML can be asked about"),
            )
            .help
            .push("call its function instead".to_owned());
            return None;
        }
        let near = suggest(id, names.checks.keys().map(String::as_str));
        let error = self.error(UNKNOWN_CHECK, span, format!("there is no check `{id}`"));
        error.help.extend(near.map(|near| format!("did you mean `{near}`?")));
        None
    }

    // -- operators --

    fn unary(&mut self, name: &str, operand: &Expr, at: Position) -> Typed {
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

    fn binary(&mut self, name: &str, a: &Expr, b: &Expr, at: Position) -> Typed {
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

    fn no_operator(&mut self, name: &str, at: Position) -> Typed {
        let span = self.span(at);
        self.error(FORBIDDEN_CONSTRUCT, span, format!("`{name}` is not available"));
        Typed::opaque()
    }

    fn compare(&mut self, op: Compare, a: Typed, b: Typed, is_chain: bool, at: Position) -> Typed {
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

    fn arith(&mut self, op: Arith, a: Typed, b: Typed, at: Position) -> Typed {
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

    fn logic(&mut self, name: &str, a: Typed, b: Typed, node: fn(Box<Node>, Box<Node>) -> Node, at: Position) -> Typed {
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
    fn due(&mut self, operand: &Typed, due: Kinds, operator: &str, at: Position) {
        let other = if due == Kinds::NUMBER { Kinds::OUTCOME } else { Kinds::NUMBER };
        if operand.kinds.is_only(other.or(Kinds::UNIT)) {
            let span = self.span(at);
            let (wants, has) = if due == Kinds::NUMBER { ("quantities", "a fact") } else { ("facts", "a quantity") };
            self.error(UNITS, span, format!("`{operator}` is for {wants}; here is {has}"));
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

fn verdict(kinds: Kinds, verdict: Verdict) -> Typed {
    Typed::new(kinds, Some(Node::Const(Value::Verdict(verdict))))
}

fn unary_node(how: fn(Value) -> Value, node: Option<Node>) -> Option<Node> {
    node.map(|node| Node::Unary(how, Box::new(node)))
}

fn pair(a: Option<Node>, b: Option<Node>) -> Option<(Box<Node>, Box<Node>)> {
    Some((Box::new(a?), Box::new(b?)))
}

fn count(arguments: usize) -> String {
    match arguments {
        0 => "no arguments".to_owned(),
        1 => "one argument".to_owned(),
        many => format!("{many} arguments"),
    }
}

fn is_comparison(expr: &Expr) -> bool {
    matches!(expr, Expr::FnCall(call, _) if call.is_operator_call() && Compare::parse(call.name.as_str()).is_some())
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

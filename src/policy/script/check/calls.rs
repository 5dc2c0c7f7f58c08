//! Calls under the lint: facts by name, functions of rollgate, of the script and of its modules.

use std::ops::Range;

use rhai::{Expr, FnCallExpr, Position};

use crate::model::frame::MetricIx;

use super::super::super::compiled::CheckIx;
use super::super::dim::Dim;
use super::super::facts::FactRef;
use super::super::kinds::Kinds;
use super::super::lower::{MAX_LOCALS, Node};
use super::super::value::{Arith, Value, Verdict};
use super::super::{
    FORBIDDEN_CONSTRUCT, MODULE, SCRIPT_CHECK, UNKNOWN_CHECK, UNKNOWN_FUNCTION, UNKNOWN_METRIC, UNKNOWN_PARAM, api,
    suggest,
};
use super::{Checker, Typed, function_name, unary_node};

impl Checker<'_, '_> {
    pub(super) fn call(&mut self, call: &FnCallExpr, at: Position) -> Typed {
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
                let message = format!("`{}` takes {}, here {}", item.signature(), count(due), given(args.len()));
                self.error(UNKNOWN_FUNCTION, span, message);
                return Typed::opaque();
            }
            self.host(name, args, at)
        } else if let Some(function) = own {
            let span = self.span(at);
            self.script_call(function, &call.args, span.clone(), span)
        } else {
            for arg in call.args.iter().filter(|arg| !matches!(arg, Expr::StringConstant(..))) {
                self.expr_quietly(arg);
            }
            self.unknown_function(name, at);
            Typed::opaque()
        }
    }

    pub(super) fn unknown_function(&mut self, name: &str, at: Position) {
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
    pub(super) fn script_call(
        &mut self,
        function: usize,
        args: &[Expr],
        name: Range<usize>,
        word: Range<usize>,
    ) -> Typed {
        let args: Vec<Typed> = args.iter().map(|arg| self.expr(arg)).collect();
        let Some(known) = self.world.signatures.get(function) else { return Typed::opaque() };
        if known.params != args.len() {
            let message = format!("`{}` takes {}, here {}", known.name, count(known.params), given(args.len()));
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

    pub(super) fn module_call(&mut self, call: &FnCallExpr, at: Position) -> Typed {
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

    pub(super) fn host(&mut self, name: &str, args: Vec<Typed>, at: Position) -> Typed {
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
    pub(super) fn named_fact(&mut self, call: &FnCallExpr, at: Position) -> Typed {
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

    pub(super) fn named(&mut self, call: &FnCallExpr, at: Position) -> Option<(String, Range<usize>)> {
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

    pub(super) fn find_metric(&mut self, name: &str, span: Range<usize>) -> Option<MetricIx> {
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

    pub(super) fn find_param(&mut self, name: &str, span: Range<usize>) -> Option<FactRef> {
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

    pub(super) fn find_check(&mut self, id: &str, span: Range<usize>) -> Option<CheckIx> {
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
}

fn verdict(kinds: Kinds, verdict: Verdict) -> Typed {
    Typed::new(kinds, Some(Node::Const(Value::Verdict(verdict))))
}

fn count(arguments: usize) -> String {
    match arguments {
        0 => "no arguments".to_owned(),
        1 => "one argument".to_owned(),
        many => format!("{many} arguments"),
    }
}

fn given(arguments: usize) -> String {
    if arguments == 1 { "is 1".to_owned() } else { format!("are {arguments}") }
}

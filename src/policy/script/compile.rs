//! Script files to functions that run, with every problem of every file.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rhai::{ParseError, ParseErrorType, Stmt};

use super::super::diagnostic::{Diagnostic, Level};
use super::super::source::{PolicySource, RULES_FILE};
use super::check::{Checker, Found, Signature, World};
use super::facts::FactTable;
use super::items::{File, Function};
use super::kinds::Kinds;
use super::names::{Names, ScriptsCompiled, Wanted};
use super::sandbox::{MAX_CALLS, READER};
use super::text::{Kind, byte_of};
use super::{FORBIDDEN_CONSTRUCT, LIMITS, MODULE, SYNTAX, UNUSED, link, suggest};

/// Where shared modules stand in a [`PolicySource`].
const SHARED: &str = "@shared/";

/// Compiles the scripts of a policy: `rules.rhai` and the shared modules it imports.
///
/// Never panics, whatever the files say; what is wrong comes back as diagnostics, all of it at once.
#[must_use]
pub fn compile(source: &PolicySource, names: &Names<'_>, wanted: &[Wanted]) -> ScriptsCompiled {
    let mut out = Vec::new();
    let (files, imports) = load(source, &mut out);
    let mut parts = Vec::new();
    let mut signatures = Vec::new();
    for (file_at, file) in files.iter().enumerate() {
        for (at, function) in file.functions.iter().enumerate() {
            let (params, name) = (function.params.len(), function.name.clone());
            signatures.push(Signature { file: file_at, name, params, result: Kinds::OPAQUE, dim: None });
            parts.push(Part { file: file_at, at, body: parse(file, function, &mut out), calls: Vec::new() });
        }
    }
    let mut world = World { names, signatures, imports };
    for part in &mut parts {
        part.calls = calls(&files, &world, part);
    }
    let order = order(&files, &world, &parts, &mut out);
    let mut table = FactTable::default();
    let mut found: Vec<Found> = parts.iter().map(|_| Found::default()).collect();
    for at in order {
        let Some(part) = parts.get(at) else { continue };
        let (Some(file), Some(body)) = (files.get(part.file), &part.body) else { continue };
        let Some(function) = file.functions.get(part.at) else { continue };
        let one = Checker::run(file, part.file, &world, &mut table, &mut out, function, body);
        if let Some(signature) = world.signatures.get_mut(at) {
            (signature.result, signature.dim) = (one.result, one.dim);
        }
        if let Some(slot) = found.get_mut(at) {
            *slot = one;
        }
    }
    let scripts = link::Scripts { files: &files, parts: &parts, world: &world, found: &found, facts: table.facts };
    let functions = scripts.wanted(source, wanted, &mut out);
    out.sort_by(|a, b| {
        let key = |d: &Diagnostic| (d.primary.place.file.clone(), d.primary.place.span.start, d.code);
        key(a).cmp(&key(b))
    });
    out.dedup();
    let set = if out.iter().any(|problem| problem.level == Level::Error) {
        super::ScriptSet::default()
    } else {
        scripts.build(wanted, &mut out)
    };
    ScriptsCompiled { set, functions, diagnostics: out }
}

/// One function of one file, read.
pub(super) struct Part {
    pub(super) file: usize,
    /// Its place in the file.
    pub(super) at: usize,
    /// None when it could not be read.
    pub(super) body: Option<Vec<Stmt>>,
    /// The functions it calls, by number.
    pub(super) calls: Vec<usize>,
}

type Imports = Vec<Vec<(String, Option<usize>)>>;

/// The rules and every module they import, directly or through each other.
fn load<'a>(source: &'a PolicySource, out: &mut Vec<Diagnostic>) -> (Vec<File<'a>>, Imports) {
    let mut files: Vec<File<'a>> = Vec::new();
    let mut imports: Imports = Vec::new();
    if let Some((path, text)) = source.iter().find(|(path, _)| &***path == RULES_FILE) {
        files.push(File::new(path.clone(), text, out));
    }
    let mut at = 0;
    while at < files.len() {
        let wanted = files.get(at).map(|file| file.imports.clone()).unwrap_or_default();
        let mut resolved = Vec::new();
        for import in wanted {
            let path = format!("{SHARED}{}.rhai", import.name);
            let known = files.iter().position(|file| *file.path == *path);
            let entry = || source.iter().find(|(known, _)| ***known == *path);
            let is_name = import.name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
            let found = match (known, entry().filter(|_| is_name)) {
                (Some(known), _) => Some(known),
                (None, Some((path, text))) => {
                    files.push(File::new(path.clone(), text, out));
                    Some(files.len() - 1)
                }
                (None, None) => None,
            };
            if found.is_none()
                && let Some(file) = files.get(at)
            {
                out.push(no_module(source, file, &import.name, import.span.clone()));
            }
            resolved.push((import.alias, found));
        }
        imports.push(resolved);
        at += 1;
    }
    for (path, _) in source.iter() {
        let is_script = path.ends_with(".rhai") && &**path != RULES_FILE && !path.starts_with(SHARED);
        if is_script {
            let place = super::super::diagnostic::Place { file: path.clone(), span: 0..0 };
            let message = format!("`{path}` is not read: a policy's scripts are `{RULES_FILE}` and shared modules");
            out.push(Diagnostic::warning(UNUSED, message, place));
        }
    }
    (files, imports)
}

fn no_module(source: &PolicySource, file: &File<'_>, name: &str, span: std::ops::Range<usize>) -> Diagnostic {
    let known: Vec<&str> =
        source.iter().filter_map(|(path, _)| path.strip_prefix(SHARED)?.strip_suffix(".rhai")).collect();
    let near = suggest(name, known.iter().copied());
    let problem = file.error(MODULE, span, format!("there is no shared module `{name}`"));
    match near {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => {
            problem.help("a policy imports only from the tree's `shared` directory, which has no scripts")
        }
        None => problem.help(format!("the shared modules are: {}", known.join(", "))),
    }
}

/// Reads one function's body. Rhai says one thing per text, so each function is a text of its own.
fn parse(file: &File<'_>, function: &Function, out: &mut Vec<Diagnostic>) -> Option<Vec<Stmt>> {
    if !function.sound {
        return None;
    }
    let range = file.range(function.body.start, function.body.end.saturating_sub(1));
    let text = file.text.source.get(range.clone())?;
    let read = catch_unwind(AssertUnwindSafe(|| READER.compile(text)));
    match read {
        Ok(Ok(ast)) => Some(match ast.statements() {
            [Stmt::Block(block)] => block.statements().to_vec(),
            statements => statements.to_vec(),
        }),
        Ok(Err(ParseError(what, at))) => {
            let byte = match (at.line(), at.position()) {
                (Some(line), Some(column)) => range.start + byte_of(text, line, column),
                _ => range.end.saturating_sub(1),
            };
            let code = if matches!(*what, ParseErrorType::ExprTooDeep) { LIMITS } else { SYNTAX };
            out.push(file.error(code, file.text.span_at(byte), wording(&what.to_string())));
            None
        }
        Err(_) => {
            let message = format!("`{}` cannot be read", function.name);
            out.push(file.error(SYNTAX, function.name_span.clone(), message));
            None
        }
    }
}

/// Rhai's words in the style of ours.
fn wording(text: &str) -> String {
    let text = text.replace('\'', "`");
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// The functions that a function's words call.
fn calls(files: &[File<'_>], world: &World<'_>, part: &Part) -> Vec<usize> {
    let Some(file) = files.get(part.file) else { return Vec::new() };
    let Some(function) = file.functions.get(part.at) else { return Vec::new() };
    let mut calls = BTreeSet::new();
    for index in function.body.clone() {
        let is_word = file.text.tokens.get(index).is_some_and(|token| token.kind == Kind::Word);
        if !is_word || file.text.at(index + 1) != "(" {
            continue;
        }
        let target = if index >= 2 && file.text.at(index - 1) == "::" {
            let alias = file.text.at(index - 2);
            let imports = world.imports.get(part.file).map_or(&[][..], Vec::as_slice);
            imports.iter().find(|(known, _)| known == alias).and_then(|(_, file)| *file)
        } else {
            Some(part.file)
        };
        let name = file.text.at(index);
        calls.extend(world.signatures.iter().position(|known| Some(known.file) == target && known.name == name));
    }
    calls.into_iter().collect()
}

/// Callees before callers. Functions that call each other in a circle are an error, and so is a chain that is too long.
fn order(files: &[File<'_>], world: &World<'_>, parts: &[Part], out: &mut Vec<Diagnostic>) -> Vec<usize> {
    let mut walk =
        Walk { parts, depth: vec![None; parts.len()], path: Vec::new(), order: Vec::new(), circles: Vec::new() };
    for at in 0..parts.len() {
        walk.visit(at);
    }
    let place = |at: usize| {
        let part = parts.get(at)?;
        let file = files.get(part.file)?;
        Some((file, file.functions.get(part.at)?.name_span.clone()))
    };
    for circle in &walk.circles {
        let names: Vec<&str> =
            circle.iter().filter_map(|at| world.signatures.get(*at)).map(|known| known.name.as_str()).collect();
        if let Some((file, span)) = circle.first().and_then(|at| place(*at)) {
            let message = format!("recursion is not available: {}", names.join(" calls "));
            out.push(file.error(FORBIDDEN_CONSTRUCT, span, message));
        }
    }
    for (at, depth) in walk.depth.iter().enumerate() {
        // Reported once, where the chain becomes too long.
        if *depth == Some(MAX_CALLS + 1)
            && let Some((file, span)) = place(at)
        {
            let message = format!("functions call each other more than {MAX_CALLS} deep from here");
            out.push(file.error(LIMITS, span, message));
        }
    }
    walk.order
}

struct Walk<'p> {
    parts: &'p [Part],
    /// The longest chain of calls from each function, itself included; none before it was visited.
    depth: Vec<Option<usize>>,
    path: Vec<usize>,
    order: Vec<usize>,
    circles: Vec<Vec<usize>>,
}

impl Walk<'_> {
    /// Recursion is bounded by the number of functions of a policy; a path this long is an error anyway.
    fn visit(&mut self, at: usize) -> usize {
        if let Some(Some(depth)) = self.depth.get(at) {
            return *depth;
        }
        if let Some(start) = self.path.iter().position(|on_path| *on_path == at) {
            let mut circle = self.path.get(start..).unwrap_or(&[]).to_vec();
            circle.push(at);
            self.circles.push(circle);
            return 0;
        }
        self.path.push(at);
        let parts = self.parts;
        let calls = parts.get(at).map_or(&[][..], |part| &part.calls);
        let deepest = calls.iter().map(|call| self.visit(*call)).max().unwrap_or(0);
        self.path.pop();
        let depth = deepest + 1;
        if let Some(slot) = self.depth.get_mut(at) {
            *slot = Some(depth);
        }
        self.order.push(at);
        depth
    }
}

/// So that a script's place can be named at run time.
pub(super) type Path = Arc<str>;

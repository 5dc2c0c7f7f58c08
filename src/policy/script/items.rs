//! A script file cut into its imports and functions, each on its own, so that every broken one is reported.

use std::ops::Range;
use std::sync::Arc;

use super::super::diagnostic::{Code, Diagnostic, Place};
use super::sandbox::{FORBIDDEN, RESERVED};
use super::text::{Kind, Text, Token};
use super::{FORBIDDEN_CONSTRUCT, LIMITS, LITERAL, SYNTAX};

/// `import "name" as alias;`
#[derive(Debug, Clone)]
pub(super) struct Import {
    pub(super) name: String,
    pub(super) alias: String,
    pub(super) span: Range<usize>,
}

/// `fn name(params) { body }`
#[derive(Debug, Clone)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) name_span: Range<usize>,
    pub(super) params: Vec<(String, Range<usize>)>,
    /// The tokens from `{` to `}`.
    pub(super) body: Range<usize>,
    /// Nothing in it was found wrong yet.
    pub(super) sound: bool,
}

/// One script file.
#[derive(Debug)]
pub(super) struct File<'a> {
    pub(super) path: Arc<str>,
    pub(super) text: Text<'a>,
    pub(super) imports: Vec<Import>,
    pub(super) functions: Vec<Function>,
}

/// Words looked back over for the head of a loop; a longer head is a riddle anyway.
const MOST_OF_A_HEAD: usize = 16;
/// Functions that one file may define.
const MAX_FUNCTIONS: usize = 128;
/// Tokens that one function may have.
const MAX_TOKENS: usize = 4_000;
/// Bytes that one script file may have.
const MAX_BYTES: usize = 64 * 1024;

impl<'a> File<'a> {
    /// Cuts a file, reporting into `out`.
    pub(super) fn new(path: Arc<str>, source: &'a str, out: &mut Vec<Diagnostic>) -> File<'a> {
        let mut file = File { path, text: Text::new(""), imports: Vec::new(), functions: Vec::new() };
        if source.len() > MAX_BYTES {
            let message = format!("`{}` has {} bytes; a script may have {MAX_BYTES}", file.path, source.len());
            out.push(Diagnostic::error(LIMITS, message, file.place(0..0)));
            return file;
        }
        file.text = Text::new(source);
        if let Some(span) = file.text.unfinished.clone() {
            out.push(file.error(SYNTAX, span, "this text or comment is never closed"));
        }
        let mut at = 0;
        while at < file.text.tokens.len() {
            at = file.item(at, out).max(at + 1);
        }
        if let Some(extra) = file.functions.get(MAX_FUNCTIONS) {
            let message = format!("a script may define {MAX_FUNCTIONS} functions; here are {}", file.functions.len());
            out.push(file.error(LIMITS, extra.name_span.clone(), message));
            file.functions.truncate(MAX_FUNCTIONS);
        }
        file
    }

    pub(super) fn place(&self, span: Range<usize>) -> Place {
        Place { file: self.path.clone(), span }
    }

    pub(super) fn error(&self, code: Code, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, message, self.place(span))
    }

    fn span(&self, index: usize) -> Range<usize> {
        let end = self.text.source.len();
        self.text.tokens.get(index).map_or(end..end, |token| token.span.clone())
    }

    /// From the start of one token to the end of another.
    pub(super) fn range(&self, first: usize, last: usize) -> Range<usize> {
        let start = self.span(first).start;
        start..self.span(last).end.max(start)
    }

    fn item(&mut self, at: usize, out: &mut Vec<Diagnostic>) -> usize {
        match self.text.at(at) {
            ";" => at + 1,
            "private" => at + 1,
            "fn" => self.function(at, out),
            "import" => self.import(at, out),
            word => {
                let (message, help) = match word {
                    "let" | "const" => (
                        format!("a global `{word}` is not available"),
                        "write the value in [params] and read it with `param(..)`".to_owned(),
                    ),
                    _ => (
                        "only functions and imports stand at the top of a script".to_owned(),
                        "put this into a function that the policy names".to_owned(),
                    ),
                };
                let end = self.skip(at);
                out.push(self.error(FORBIDDEN_CONSTRUCT, self.range(at, end.saturating_sub(1)), message).help(help));
                end
            }
        }
    }

    /// Past what stands at `at`: to the next function or import, or behind the next semicolon outside brackets.
    fn skip(&self, mut at: usize) -> usize {
        loop {
            at = match self.text.at(at) {
                "" => return at,
                ";" => return at + 1,
                "(" | "{" | "[" | "#{" => self.text.closing(at).unwrap_or(at),
                _ => at,
            } + 1;
            if matches!(self.text.at(at), "fn" | "import") {
                return at;
            }
        }
    }

    fn import(&mut self, at: usize, out: &mut Vec<Diagnostic>) -> usize {
        let is_name = self.text.tokens.get(at + 1).is_some_and(|token| token.kind == Kind::Text);
        let is_alias = self.text.tokens.get(at + 3).is_some_and(|token| token.kind == Kind::Word);
        if !is_name || self.text.at(at + 2) != "as" || !is_alias {
            let end = self.skip(at);
            let span = self.range(at, end.saturating_sub(1));
            out.push(
                self.error(FORBIDDEN_CONSTRUCT, span, "an import names a shared module and an alias")
                    .help("write `import \"name\" as n;`"),
            );
            return end;
        }
        let name = self.text.at(at + 1).trim_matches('"').to_owned();
        let alias = self.text.at(at + 3).to_owned();
        let span = self.range(at + 1, at + 1);
        if self.imports.iter().any(|import| import.alias == alias) {
            out.push(self.error(FORBIDDEN_CONSTRUCT, self.span(at + 3), format!("`{alias}` is imported twice")));
        } else {
            self.imports.push(Import { name, alias, span });
        }
        if self.text.at(at + 4) != ";" {
            out.push(self.error(SYNTAX, self.range(at, at + 3), "an import ends with `;`"));
        }
        at + 4
    }

    fn function(&mut self, at: usize, out: &mut Vec<Diagnostic>) -> usize {
        let is_name = self.text.tokens.get(at + 1).is_some_and(|token| token.kind == Kind::Word);
        if !is_name || self.text.at(at + 2) != "(" {
            let what = if self.text.at(at + 2) == "." {
                self.error(FORBIDDEN_CONSTRUCT, self.range(at, at + 1), "functions on a type are not available")
            } else {
                self.error(SYNTAX, self.range(at, at + 1), "a function is written `fn name() { .. }`")
            };
            out.push(what);
            return self.skip(at + 1);
        }
        let close = self.text.closing(at + 2);
        let open = close.map(|close| close + 1).filter(|open| self.text.at(*open) == "{");
        let end = open.and_then(|open| self.text.closing(open));
        let (Some(close), Some(open), Some(end)) = (close, open, end) else {
            let message = format!("`fn {}` is not closed", self.text.at(at + 1));
            out.push(self.error(SYNTAX, self.range(at, at + 1), message).label("its brackets do not match"));
            return self.next_function(at + 1);
        };
        // A brace left open swallows the functions behind it: say it here, and go on with them.
        if let Some(inner) = (open + 1..end).find(|index| self.text.at(*index) == "fn") {
            let message = format!("`fn {}` is not closed before the next function", self.text.at(at + 1));
            out.push(self.error(SYNTAX, self.range(at, at + 1), message).label("a function cannot hold another one"));
            return inner;
        }
        let params = self.params(at + 3, close, out);
        let name = self.text.at(at + 1).to_owned();
        let mut function = Function {
            name,
            name_span: self.span(at + 1),
            params,
            body: open..end + 1,
            sound: self.text.unfinished.is_none(),
        };
        if let Some(first) = self.functions.iter().find(|other| other.name == function.name) {
            let message = format!("`{}` is defined twice", function.name);
            let first = self.place(first.name_span.clone());
            out.push(self.error(SYNTAX, function.name_span.clone(), message).also(first, "first defined here"));
            return end + 1;
        }
        function.sound &= self.words(&function, out);
        self.functions.push(function);
        end + 1
    }

    fn next_function(&self, at: usize) -> usize {
        (at..self.text.tokens.len()).find(|index| self.text.at(*index) == "fn").unwrap_or(self.text.tokens.len())
    }

    fn params(&self, from: usize, close: usize, out: &mut Vec<Diagnostic>) -> Vec<(String, Range<usize>)> {
        let mut params: Vec<(String, Range<usize>)> = Vec::new();
        for (nth, index) in (from..close).enumerate() {
            let is_word = self.text.tokens.get(index).is_some_and(|token| token.kind == Kind::Word);
            let word = self.text.at(index);
            let is_new = !params.iter().any(|(name, _)| name == word);
            if nth % 2 == 0 && is_word && is_new {
                params.push((word.to_owned(), self.span(index)));
            } else if nth % 2 == 0 || word != "," {
                out.push(self.error(SYNTAX, self.span(index), format!("`{word}` is not a parameter")));
                break;
            }
        }
        params
    }

    /// Reports what no function may have in it, by its words alone. True when there is nothing.
    fn words(&self, function: &Function, out: &mut Vec<Diagnostic>) -> bool {
        let before = out.len();
        for name in
            std::iter::once((&function.name, &function.name_span)).chain(function.params.iter().map(|(n, s)| (n, s)))
        {
            self.own_name(name.0, name.1.clone(), out);
        }
        if function.body.len() > MAX_TOKENS {
            let message =
                format!("`{}` has {} words; a function may have {MAX_TOKENS}", function.name, function.body.len());
            out.push(self.error(LIMITS, function.name_span.clone(), message));
            return false;
        }
        let mut literals = Vec::new();
        for index in function.body.clone() {
            if let Some(token) = self.text.tokens.get(index) {
                // What stands in the head of a loop goes with the loop.
                if self.in_loop_head(index) {
                    continue;
                }
                self.token(index, token, out);
                if token.kind == Kind::Number {
                    literals.push(token.clone());
                }
            }
        }
        let sound = out.len() == before;
        for token in literals {
            let message = format!("the number `{}` is written in a script", self.text.str(&token));
            out.push(
                Diagnostic::warning(LITERAL, message, self.place(token.span))
                    .help("move it to [params], with its unit, and read it with `param(..)`"),
            );
        }
        sound
    }

    fn token(&self, index: usize, token: &Token, out: &mut Vec<Diagnostic>) {
        let word = self.text.str(token);
        let message = match token.kind {
            Kind::Word => {
                if word.starts_with(RESERVED) {
                    format!("names that start with `{RESERVED}` are reserved")
                } else if let Some((_, why)) = FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == word) {
                    (*why).to_owned()
                } else if matches!(word, "import" | "private") {
                    format!("`{word}` stands at the top of a file only")
                } else {
                    return;
                }
            }
            Kind::OtherText => "characters and templates are not available: a policy has no use for text".to_owned(),
            Kind::Text if !self.is_name_of_fact(index) => {
                "a text stands only in `metric(..)`, `param(..)`, `breached(..)` and `pending(..)`".to_owned()
            }
            Kind::Text if word.contains('\\') => "a name has no escapes in it".to_owned(),
            Kind::Text | Kind::Number => return,
            Kind::Sign => match word {
                "|" | "||" if self.starts_closure(index) => {
                    "closures are not available: call a function by name".to_owned()
                }
                "#{" => "maps are not available: a policy combines facts".to_owned(),
                "[" | "]" | "?[" => "lists are not available: a policy combines facts".to_owned(),
                "+" | "-" | "*" | "/" | "<" | ">" | "<=" | ">=" | "==" | "!=" | "&&" | "||" | "&" | "|" | "!" | "="
                | "(" | ")" | "{" | "}" | "," | ";" | "." | "::" => return,
                _ => format!("`{word}` is not available"),
            },
        };
        out.push(self.error(FORBIDDEN_CONSTRUCT, token.span.clone(), message));
    }

    /// Whether `index` lies between a `for` and the body of its loop.
    fn in_loop_head(&self, index: usize) -> bool {
        let before = (0..index).rev().take(MOST_OF_A_HEAD).map(|at| self.text.at(at));
        before.take_while(|word| !matches!(*word, "{" | "}" | ";")).any(|word| word == "for")
    }

    /// Whether the text at `index` is all that stands between the brackets of a call; whose, is seen later.
    fn is_name_of_fact(&self, index: usize) -> bool {
        let before = index.checked_sub(2).and_then(|at| self.text.tokens.get(at));
        before.is_some_and(|token| token.kind == Kind::Word)
            && self.text.at(index - 1) == "("
            && self.text.at(index + 1) == ")"
    }

    /// A `|` where a value is due opens a closure.
    fn starts_closure(&self, index: usize) -> bool {
        let Some(before) = index.checked_sub(1) else { return true };
        let is_value = self.text.tokens.get(before).is_some_and(|token| token.kind != Kind::Sign);
        let is_word = matches!(self.text.at(before), "return" | "else" | "if");
        is_word || !(is_value || matches!(self.text.at(before), ")" | "}" | "]" | "|"))
    }

    /// A name that a script gives to something of its own.
    pub(super) fn own_name(&self, name: &str, span: Range<usize>, out: &mut Vec<Diagnostic>) {
        if super::api::find(name).is_some() {
            let message = format!("`{name}` is a function of rollgate and cannot be given to anything else");
            out.push(self.error(FORBIDDEN_CONSTRUCT, span, message));
        } else if name.starts_with(RESERVED) {
            let message = format!("names that start with `{RESERVED}` are reserved");
            out.push(self.error(FORBIDDEN_CONSTRUCT, span, message));
        }
    }
}

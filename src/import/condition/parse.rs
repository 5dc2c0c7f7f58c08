//! The part of expr-lang that conditions are written in: numbers, comparisons, `&&` and `||`, arithmetic, a few
//! functions. A small recursive descent; what it does not know it names.

use super::{Compare, Expr, Function};

/// Conditions are a line or two; deeper nesting than this is not one.
const DEEPEST: usize = 64;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(f64),
    Word(String),
    Text(String),
    Sign(&'static str),
}

/// Longest first, so that `>=` is not read as `>`.
const SIGNS: [&str; 28] = [
    "...", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "**", "<", ">", "!", "(", ")", "[", "]", "{", "}", ",", "+",
    "-", "*", "/", "#", "?", ":", ".",
];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut rest = text.trim_start();
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let taken = if first.is_ascii_digit() || (first == '.' && rest.get(1..2).is_some_and(is_digit)) {
            let length = number_length(rest);
            let digits = rest.get(..length).unwrap_or_default().replace('_', "");
            found.push(Token::Number(digits.parse().map_err(|_| format!("`{digits}` is not a number"))?));
            length
        } else if first.is_alphabetic() || first == '_' || first == '$' {
            let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
            found.push(Token::Word(rest.get(..length).unwrap_or_default().to_owned()));
            length
        } else if first == '"' || first == '\'' {
            let inside = rest.get(1..).unwrap_or_default();
            let end = inside.find(first).ok_or("a text that does not end")?;
            found.push(Token::Text(inside.get(..end).unwrap_or_default().to_owned()));
            end + 2
        } else {
            let sign =
                SIGNS.iter().find(|sign| rest.starts_with(**sign)).ok_or(format!("`{first}` is not understood"))?;
            found.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest.get(taken..).unwrap_or_default().trim_start();
    }
    Ok(found)
}

fn is_digit(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits, a point, an exponent.
fn number_length(text: &str) -> usize {
    let mut end = 0;
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        let exponent = matches!(c, '+' | '-') && matches!(previous, 'e' | 'E');
        if !(c.is_ascii_digit() || matches!(c, '.' | '_' | 'e' | 'E') || exponent) {
            break;
        }
        (end, previous) = (at + c.len_utf8(), c);
    }
    end
}

/// Reads a whole condition.
pub(super) fn parse(text: &str) -> Result<Expr, String> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let expression = parser.ternary()?;
    match parser.peek() {
        None => Ok(expression),
        Some(token) => Err(format!("{} is not understood here", shown(token))),
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Number(number) => format!("`{number}`"),
        Token::Word(word) => format!("`{word}`"),
        Token::Text(text) => format!("`\"{text}\"`"),
        Token::Sign(sign) => format!("`{sign}`"),
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = match self.peek() {
            Some(Token::Sign(known)) => *known == sign,
            Some(Token::Word(word)) => word == sign,
            _ => false,
        };
        self.at += usize::from(found);
        found
    }

    fn due(&mut self, sign: &str) -> Result<(), String> {
        if self.take(sign) { Ok(()) } else { Err(format!("`{sign}` is due {}", self.here())) }
    }

    fn here(&self) -> String {
        self.peek().map_or_else(|| "at the end".to_owned(), |token| format!("before {}", shown(token)))
    }

    fn ternary(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deeply".to_owned());
        }
        let condition = self.either()?;
        let read = if self.take("?") {
            let yes = self.ternary()?;
            self.due(":")?;
            let no = self.ternary()?;
            Expr::If(Box::new(condition), Box::new(yes), Box::new(no))
        } else {
            condition
        };
        self.depth -= 1;
        Ok(read)
    }

    fn either(&mut self) -> Result<Expr, String> {
        let mut left = self.both()?;
        while self.take("||") || self.take("or") {
            left = Expr::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expr, String> {
        let mut left = self.denied()?;
        while self.take("&&") || self.take("and") {
            left = Expr::And(Box::new(left), Box::new(self.denied()?));
        }
        Ok(left)
    }

    fn denied(&mut self) -> Result<Expr, String> {
        if self.take("not") {
            return Ok(Expr::Not(Box::new(self.denied()?)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr, String> {
        let left = self.coalesced()?;
        let signs = [
            ("==", Compare::Equal),
            ("!=", Compare::Unequal),
            ("<=", Compare::AtMost),
            (">=", Compare::AtLeast),
            ("<", Compare::Below),
            (">", Compare::Above),
        ];
        let Some((_, compare)) = signs.into_iter().find(|(sign, _)| self.take(sign)) else { return Ok(left) };
        let right = self.coalesced()?;
        Ok(Expr::Compare(compare, Box::new(left), Box::new(right)))
    }

    fn coalesced(&mut self) -> Result<Expr, String> {
        let left = self.sum()?;
        if self.take("??") {
            return Ok(Expr::Default(Box::new(left), Box::new(self.coalesced()?)));
        }
        Ok(left)
    }

    fn sum(&mut self) -> Result<Expr, String> {
        let mut left = self.product()?;
        loop {
            let sign = if self.take("+") {
                1.0
            } else if self.take("-") {
                -1.0
            } else {
                return Ok(left);
            };
            let right = self.product()?;
            let right = if sign < 0.0 { Expr::Times(Box::new(Expr::Number(-1.0)), Box::new(right)) } else { right };
            left = Expr::Plus(Box::new(left), Box::new(right));
        }
    }

    fn product(&mut self) -> Result<Expr, String> {
        let mut left = self.unary()?;
        loop {
            if self.take("*") {
                left = Expr::Times(Box::new(left), Box::new(self.unary()?));
            } else if self.take("/") {
                left = Expr::Over(Box::new(left), Box::new(self.unary()?));
            } else {
                return Ok(left);
            }
        }
    }

    fn unary(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deeply".to_owned());
        }
        let read = if self.take("-") {
            Expr::Times(Box::new(Expr::Number(-1.0)), Box::new(self.unary()?))
        } else if self.take("!") {
            Expr::Not(Box::new(self.unary()?))
        } else {
            self.postfix()?
        };
        self.depth -= 1;
        Ok(read)
    }

    fn postfix(&mut self) -> Result<Expr, String> {
        let mut value = self.primary()?;
        loop {
            if self.take("[") {
                let inside = self.ternary()?;
                self.due("]")?;
                value = match (value, inside) {
                    (Expr::Result(path), Expr::Number(0.0)) => Expr::First(path),
                    (Expr::First(path) | Expr::Result(path), Expr::Field(name)) => Expr::Result(join(path, &name)),
                    (_, Expr::Number(number)) => {
                        return Err(format!("it reads series {number} of the result, and a metric is one number"));
                    }
                    _ => return Err("`[...]` of something else than the result".to_owned()),
                };
            } else if self.take(".") || self.take("?.") {
                let Some(Token::Word(name)) = self.peek().cloned() else {
                    return Err("a name is due after `.`".to_owned());
                };
                self.at += 1;
                value = match value {
                    Expr::Result(path) | Expr::First(path) => Expr::Result(join(path, &name)),
                    _ => return Err(format!("`.{name}` of something else than the result")),
                };
            } else {
                return Ok(value);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, String> {
        let Some(token) = self.peek().cloned() else { return Err("a value is due at the end".to_owned()) };
        self.at += 1;
        match token {
            Token::Number(number) => Ok(Expr::Number(number)),
            Token::Text(text) => Ok(Expr::Field(text)),
            Token::Sign("#") => Ok(Expr::First(String::new())),
            Token::Sign("(") => {
                let inside = self.ternary()?;
                self.due(")")?;
                Ok(inside)
            }
            Token::Word(word) => self.word(&word),
            other => Err(format!("{} is not understood here", shown(&other))),
        }
    }

    fn word(&mut self, word: &str) -> Result<Expr, String> {
        match word {
            "true" => return Ok(Expr::Truth(true)),
            "false" => return Ok(Expr::Truth(false)),
            "nil" => return Ok(Expr::Nil),
            "result" => return Ok(Expr::Result(String::new())),
            _ => {}
        }
        if !self.take("(") {
            return Err(format!("`{word}` is not known here"));
        }
        let first = self.ternary()?;
        let second = if self.take(",") { Some(self.argument()?) } else { None };
        self.due(")")?;
        let function = match (word, second) {
            ("asFloat" | "asInt" | "float" | "int", None) => return Ok(first),
            ("default", Some(second)) => return Ok(Expr::Default(Box::new(first), Box::new(second))),
            ("len", None) => Function::Len,
            ("isNaN", None) => Function::IsNan,
            ("isInf", None) => Function::IsInf,
            ("all", Some(each)) => return Ok(Expr::Every { all: true, each: Box::new(each) }),
            ("any", Some(each)) => return Ok(Expr::Every { all: false, each: Box::new(each) }),
            _ => return Err(format!("`{word}()` is not known here")),
        };
        Ok(Expr::Call(function, Box::new(first)))
    }

    /// `# < 1`, with or without braces.
    fn argument(&mut self) -> Result<Expr, String> {
        if !self.take("{") {
            return self.ternary();
        }
        let inside = self.ternary()?;
        self.due("}")?;
        Ok(inside)
    }
}

fn join(path: String, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

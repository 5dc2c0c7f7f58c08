//! Where a script could be wrong by one sign: each comparison turned round, each `&&` for `||`, each negation left out.
//!
//! By tokens, so that a sign in a text or a comment is not one. What the turned script means, and whether it still
//! compiles, is for the compiler to say.

use std::ops::Range;

use super::text::{Kind, Text};

/// One sign of a script and what to put in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The function it stands in; empty outside of any.
    pub function: String,
    /// The bytes to replace.
    pub span: Range<usize>,
    /// By what.
    pub with: &'static str,
}

/// Every sign of `source` that can be turned, in order.
#[must_use]
pub fn turns(source: &str) -> Vec<Turn> {
    let text = Text::new(source);
    let mut function = "";
    let mut found = Vec::new();
    for (index, token) in text.tokens.iter().enumerate() {
        let word = text.str(token);
        if token.kind == Kind::Word && word == "fn" {
            function = text.at(index + 1);
        }
        let with = match word {
            _ if token.kind != Kind::Sign => continue,
            "<" => ">",
            ">" => "<",
            "<=" => ">=",
            ">=" => "<=",
            "==" => "!=",
            "!=" => "==",
            "&&" => "||",
            "||" => "&&",
            "!" => "",
            "+" => "-",
            "-" => "+",
            _ => continue,
        };
        found.push(Turn { function: function.to_owned(), span: token.span.clone(), with });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_code_are_turned_and_those_of_comments_and_texts_are_not() {
        let source = "// a < b && c\nfn f() { a <= b && !c }\nfn g() { param(\"x > y\") || d > e + h }";
        let turned: Vec<(String, &str, &str)> =
            turns(source).into_iter().map(|turn| (turn.function, &source[turn.span], turn.with)).collect();
        let expected =
            [("f", "<=", ">="), ("f", "&&", "||"), ("f", "!", ""), ("g", "||", "&&"), ("g", ">", "<"), ("g", "+", "-")];
        assert_eq!(turned, expected.map(|(function, sign, with)| (function.to_owned(), sign, with)));
    }
}

//! A script's text as tokens with byte spans.
//!
//! Rhai stops at its first problem and knows only points; here a file is cut into its functions first, so that one
//! broken function hides nothing, and every point becomes the word that stands there.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword.
    Word,
    /// Digits, with what belongs to them.
    Number,
    /// `"text"`
    Text,
    /// A character, a template, a raw text: nothing a policy needs.
    OtherText,
    /// An operator or bracket.
    Sign,
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// A file cut into tokens.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub(super) source: &'a str,
    pub(super) tokens: Vec<Token>,
    /// An opened comment or text that never ends.
    pub(super) unfinished: Option<Range<usize>>,
    /// For each token that opens a bracket, the token that closes it.
    closing: Vec<Option<usize>>,
}

/// Signs of more than one character, longest first.
const SIGNS: [&str; 38] = [
    "<<=", ">>=", "**=", "..=", "===", "!==", "...", "&&", "||", "==", "!=", "<=", ">=", "<<", ">>", "**", "::", "=>",
    "->", "..", "?.", "?[", "??", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "#{", "++", "--", "<-", ":=", "|>",
    "<|",
];

impl<'a> Text<'a> {
    pub(super) fn new(source: &'a str) -> Text<'a> {
        let mut text = Text { source, tokens: Vec::new(), unfinished: None, closing: Vec::new() };
        let mut at = 0;
        while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
            at += text.step(at, rest).max(1);
        }
        text.match_brackets();
        text
    }

    /// Once for the whole file: looking each one up by counting would take a hostile file's length squared.
    fn match_brackets(&mut self) {
        self.closing = vec![None; self.tokens.len()];
        let mut open = Vec::new();
        for index in 0..self.tokens.len() {
            match self.at(index) {
                "(" | "{" | "[" | "#{" | "?[" => open.push(index),
                ")" | "}" | "]" => {
                    if let Some(slot) = open.pop().and_then(|opener: usize| self.closing.get_mut(opener)) {
                        *slot = Some(index);
                    }
                }
                _ => {}
            }
        }
    }

    /// Reads what starts at `at`; its length in bytes.
    fn step(&mut self, at: usize, rest: &str) -> usize {
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            return first.len_utf8();
        }
        if rest.starts_with("//") {
            return rest.find('\n').unwrap_or(rest.len());
        }
        if rest.starts_with("/*") {
            return self.finished(at, rest, comment(rest));
        }
        let (kind, len) = match first {
            '"' => (Kind::Text, self.finished(at, rest, quoted(rest, '"'))),
            '\'' => (Kind::OtherText, self.finished(at, rest, quoted(rest, '\''))),
            '`' => (Kind::OtherText, self.finished(at, rest, quoted(rest, '`'))),
            '0'..='9' => (Kind::Number, number(rest)),
            _ if first.is_alphabetic() || first == '_' => (Kind::Word, word(rest)),
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                (Kind::Sign, sign.map_or(first.len_utf8(), |sign| sign.len()))
            }
        };
        self.tokens.push(Token { kind, span: at..at + len });
        len
    }

    fn finished(&mut self, at: usize, rest: &str, len: Option<usize>) -> usize {
        if len.is_none() {
            self.unfinished.get_or_insert(at..at + rest.find('\n').unwrap_or(rest.len()));
        }
        len.unwrap_or(rest.len())
    }

    /// The characters of a token.
    pub(super) fn str(&self, token: &Token) -> &'a str {
        self.source.get(token.span.clone()).unwrap_or("")
    }

    /// The characters of the token at `index`; empty behind the last one.
    pub(super) fn at(&self, index: usize) -> &'a str {
        self.tokens.get(index).map_or("", |token| self.str(token))
    }

    /// The index of the token that covers `byte`, or the first one after it.
    pub(super) fn index_at(&self, byte: usize) -> usize {
        self.tokens.partition_point(|token| token.span.end <= byte)
    }

    /// The span of the token at `byte`; empty when there is none.
    pub(super) fn span_at(&self, byte: usize) -> Range<usize> {
        match self.tokens.get(self.index_at(byte)) {
            Some(token) if token.span.start <= byte => token.span.clone(),
            _ => {
                let byte = byte.min(self.source.len());
                byte..byte
            }
        }
    }

    /// The index of the bracket that closes the one at `open`.
    pub(super) fn closing(&self, open: usize) -> Option<usize> {
        self.closing.get(open).copied().flatten()
    }

    /// One-based line of a byte.
    pub(super) fn line(&self, byte: usize) -> usize {
        1 + self.source.bytes().take(byte).filter(|b| *b == b'\n').count()
    }
}

/// The byte in `source` that a one-based line and column (in characters) point at.
pub(super) fn byte_of(source: &str, line: usize, column: usize) -> usize {
    let start: usize = source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = source.get(start..).unwrap_or("");
    let inside: usize =
        rest.chars().take_while(|c| *c != '\n').take(column.saturating_sub(1)).map(char::len_utf8).sum();
    start + inside
}

fn comment(rest: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = rest.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth.saturating_sub(1), at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    None
}

fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            '\n' if quote != '`' => return None,
            _ if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
}

fn number(rest: &str) -> usize {
    let whole = word(rest);
    let is_radix = rest.get(..2).is_some_and(|head| matches!(head, "0x" | "0X" | "0o" | "0O" | "0b" | "0B"));
    if is_radix {
        return whole;
    }
    let mut end = whole;
    let after = rest.get(end..).unwrap_or("");
    let fraction = after.strip_prefix('.').filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()));
    if let Some(digits) = fraction {
        end += 1 + word(digits);
    }
    // `1e-5`: the sign belongs to the exponent.
    let so_far = rest.get(..end).unwrap_or("");
    let signed = rest.get(end..).and_then(|after| after.strip_prefix(['+', '-']));
    match signed {
        Some(digits) if so_far.ends_with(['e', 'E']) && digits.starts_with(|c: char| c.is_ascii_digit()) => {
            end + 1 + word(digits)
        }
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_carry_their_bytes() {
        let source = "fn é(a) { /* /* */ } */ a >= 1.5e-3 && \"x\\\"y\" // }\n}";
        let text = Text::new(source);
        let words: Vec<&str> = text.tokens.iter().map(|token| text.str(token)).collect();
        assert_eq!(words, ["fn", "é", "(", "a", ")", "{", "a", ">=", "1.5e-3", "&&", "\"x\\\"y\"", "}"]);
        assert_eq!(text.closing(5), Some(11));
        assert_eq!(text.line(source.len()), 2);
        assert_eq!(text.unfinished, None);
    }

    #[test]
    fn a_text_that_never_ends_is_noticed() {
        assert!(Text::new("fn a() { \"x\n }").unfinished.is_some());
        assert!(Text::new("/* fn a() {}").unfinished.is_some());
    }

    #[test]
    fn lines_and_columns_count_characters() {
        assert_eq!(byte_of("é\nab", 2, 2), 4);
        assert_eq!(byte_of("éa", 1, 2), 2);
        assert_eq!(byte_of("a", 9, 9), 1);
    }
}

//! Which series an expression reads. The value of an expression says nothing about how old the samples under it are, and
//! a rate over a source that died minutes ago looks alive; so its plain selectors are picked out of the text, and the
//! server is asked for the newest sample of each.
//!
//! This is a reader of tokens, not a parser of PromQL: the server judges the expression. What it must know is which
//! words are names of series: not functions, not labels to group by, not operators. Ranges, offsets and what stands in
//! `absent(..)` (true exactly when there is nothing to be old) are passed over.

/// Behind these a bracket holds labels.
const GROUPING: &[&str] = &["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Behind these a bracket holds series that are meant to be missing.
const MISSING: &[&str] = &["absent", "absent_over_time"];
/// Words of the language that stand alone.
const WORDS: &[&str] = &["and", "or", "unless", "atan2", "bool", "offset", "inf", "nan", "start", "end"];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token<'a> {
    Name(&'a str),
    /// Matchers, with their braces.
    Matchers(&'a str),
    Open,
    Close,
    Other,
}

/// The selectors in `promql`, each once, in the order in which they stand there.
pub(super) fn selectors(promql: &str) -> Vec<String> {
    let tokens = tokens(promql);
    let mut rest = tokens.as_slice();
    let mut found: Vec<String> = Vec::new();
    while let [token, behind @ ..] = rest {
        rest = behind;
        let selector = match (token, behind.first()) {
            (Token::Matchers(matchers), _) => (*matchers).to_owned(),
            (Token::Name(name), Some(Token::Matchers(matchers))) => {
                rest = behind.get(1..).unwrap_or_default();
                format!("{name}{matchers}")
            }
            (Token::Name(name), Some(Token::Open)) => {
                if is_one_of(name, GROUPING) || is_one_of(name, MISSING) {
                    rest = behind_bracket(behind);
                }
                continue;
            }
            // `sum by (..) (..)`: the name of an aggregation.
            (Token::Name(_), Some(Token::Name(next))) if is_one_of(next, &["by", "without"]) => continue,
            (Token::Name(name), _) if !is_one_of(name, WORDS) && !is_one_of(name, GROUPING) => (*name).to_owned(),
            _ => continue,
        };
        if !found.contains(&selector) {
            found.push(selector);
        }
    }
    found
}

fn is_one_of(name: &str, words: &[&str]) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(name))
}

/// What stands behind the bracket that opens at the start of `tokens`.
fn behind_bracket<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return tokens.get(at + 1..).unwrap_or_default();
        }
    }
    &[]
}

fn tokens(mut text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    while let Some(first) = text.chars().next() {
        let (token, length) = match first {
            '(' => (Some(Token::Open), 1),
            ')' => (Some(Token::Close), 1),
            '{' => {
                let length = enclosed(text, '}');
                (text.get(..length).map(Token::Matchers), length)
            }
            '[' => (Some(Token::Other), enclosed(text, ']')),
            '"' | '\'' | '`' => (Some(Token::Other), quoted(text, first)),
            '#' => (None, text.find('\n').unwrap_or(text.len())),
            c if c.is_ascii_alphabetic() || c == '_' || c == ':' => {
                let length = run(text, |c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
                (text.get(..length).map(Token::Name), length)
            }
            // 1e-3 and 5m alike: whatever hangs on a digit is part of a number or a duration.
            c if c.is_ascii_digit() => (Some(Token::Other), run(text, |c| c.is_ascii_alphanumeric() || c == '.')),
            c if c.is_whitespace() => (None, c.len_utf8()),
            c => (Some(Token::Other), c.len_utf8()),
        };
        tokens.extend(token);
        text = text.get(length..).unwrap_or_default();
    }
    tokens
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// The length of what stands between the bracket at the start and `close`, both included; strings are stepped over.
fn enclosed(text: &str, close: char) -> usize {
    let mut at = 1;
    while let Some(rest) = text.get(at..)
        && let Some(c) = rest.chars().next()
    {
        match c {
            c if c == close => return at + 1,
            '"' | '\'' | '`' => at += quoted(rest, c),
            c => at += c.len_utf8(),
        }
    }
    text.len()
}

/// The length of the string that begins `text`, its quotes included.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::a_plain_selector("up", &["up"])]
    #[case::with_matchers(r#"up{job="api", instance=~"a|b"}"#, &[r#"up{job="api", instance=~"a|b"}"#])]
    #[case::without_a_name(r#"{__name__="up"}"#, &[r#"{__name__="up"}"#])]
    #[case::a_recording_rule("job:errors:ratio5m", &["job:errors:ratio5m"])]
    #[case::a_rate("rate(hits_total[5m])", &["hits_total"])]
    #[case::a_subquery("max_over_time(rate(hits_total[1m])[10m:30s])", &["hits_total"])]
    #[case::an_offset("hits / hits offset 1w", &["hits"])]
    #[case::a_negative_offset("hits offset -5m", &["hits"])]
    #[case::at_an_instant("hits @ end()", &["hits"])]
    #[case::a_ratio(
        r#"sum(rate(hits_total{code=~"5.."}[1m])) / sum(rate(hits_total[1m]))"#,
        &[r#"hits_total{code=~"5.."}"#, "hits_total"]
    )]
    #[case::labels_before("sum by (pod, le) (rate(b_bucket[1m]))", &["b_bucket"])]
    #[case::labels_behind("sum(rate(b_bucket[1m])) BY (le)", &["b_bucket"])]
    #[case::matching("a * on (pod) group_left (node) b", &["a", "b"])]
    #[case::matching_without_labels("a * on (pod) group_left b", &["a", "b"])]
    #[case::operators("a and b or c unless d", &["a", "b", "c", "d"])]
    #[case::a_bool_comparison("a > bool 0.5", &["a"])]
    #[case::numbers("1e-3 * a + 0x1F - Inf + NaN", &["a"])]
    #[case::a_quantile("histogram_quantile(0.99, sum by (le) (rate(b_bucket[5m])))", &["b_bucket"])]
    #[case::a_series_called_like_an_aggregation("count + 1", &["count"])]
    #[case::a_default("sum(errors) or vector(0)", &["errors"])]
    #[case::nothing_at_all("vector(1) + time()", &[])]
    #[case::meant_to_be_missing("absent(up{job=\"api\"}) or b", &["b"])]
    #[case::a_string(r#"label_replace(a, "b", "$1", "c", "(.*)")"#, &["a"])]
    #[case::a_brace_in_a_string(r#"a{b="}\""}"#, &[r#"a{b="}\""}"#])]
    #[case::a_comment("a # and b\n + c", &["a", "c"])]
    #[case::half_an_expression("sum(rate(a[5m", &["a"])]
    #[case::half_a_string("a{b=\"c", &["a{b=\"c"])]
    #[case::a_quoted_name(r#"{"my.metric", job="api"}"#, &[r#"{"my.metric", job="api"}"#])]
    fn series_are_told_from_words(#[case] promql: &str, #[case] found: &[&str]) {
        assert_eq!(selectors(promql), found);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "(\\PC|[\\{\\}\\[\\]()\"'`\\\\#\\n]){0,200}") {
            // Every selector is a piece of the text, perhaps with the space between name and matchers taken out.
            let bare: String = text.split_whitespace().collect();
            for selector in selectors(&text) {
                let selector: String = selector.split_whitespace().collect();
                proptest::prop_assert!(bare.contains(&selector));
            }
        }
    }
}

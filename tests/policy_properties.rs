//! Laws of the policy language: any text ends in a message, never a panic; formatting is idempotent and changes no
//! value; fixing never makes a policy worse.

#![allow(missing_docs, reason = "tests say what they are about by name")]

use proptest::prelude::*;
use rollgate::model::ids::Environment;
use rollgate::policy::source::PolicySource;
use rollgate::policy::{check, codes, compile, fix, format};

const POLICIES: [&str; 2] = [include_str!("policy_data/base.toml"), include_str!("policy_data/full.toml")];

/// Pieces that policies are made of: a random mix of them reaches further than random characters.
const PIECES: [&str; 32] = [
    "=",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    "\n",
    "#",
    ".",
    "-",
    "+",
    "%",
    "0",
    "99999999999999999999",
    "1e400",
    "nan",
    "inf",
    "true",
    "'''",
    "\u{feff}",
    "\u{0}",
    "ä",
    "2026-01-01",
    "[[stages]]\n",
    "[triggers]\n",
    "p0",
    "for = \"64 of 64\"",
    "{ above = \"+10%\" }",
    "\"\"",
    "name = \"\"\n",
    "script = \"x\"",
];

fn mutated() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), 0_usize..12, prop::sample::select(PIECES.to_vec()));
    (prop::sample::select(POLICIES.to_vec()), prop::collection::vec(edit, 1..6)).prop_map(|(base, edits)| {
        let mut chars: Vec<char> = base.chars().collect();
        for (at, removed, piece) in edits {
            let at = at.index(chars.len() + 1);
            let end = (at + removed).min(chars.len());
            chars.splice(at..end, piece.chars());
        }
        chars.into_iter().collect()
    })
}

fn source(text: &str) -> PolicySource {
    let mut source = PolicySource::new("p");
    source.insert("policy.toml", text);
    source
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_text_ends_in_a_message(text in mutated()) {
        let compiled = compile(&source(&text), &Environment::new("production"));
        prop_assert!(compiled.policy.is_some() || !compiled.diagnostics.is_empty());
        for found in &compiled.diagnostics {
            prop_assert!(codes::page(found.code).is_some());
            prop_assert!(text.get(found.primary.place.span.clone()).is_some(), "{:?}", found);
        }
    }

    #[test]
    fn any_overlay_ends_in_a_message(text in mutated()) {
        let mut source = source(POLICIES[0]);
        source.insert("env/staging.toml", &text);
        let checked = check(&source);
        prop_assert!(checked.policies.len() == 2 || !checked.diagnostics.is_empty());
    }

    #[test]
    fn any_characters_end_in_a_message(text in "\\PC*") {
        let compiled = compile(&source(&text), &Environment::new("production"));
        prop_assert!(compiled.policy.is_none());
    }

    #[test]
    fn formatting_twice_is_formatting_once_and_changes_no_value(text in mutated()) {
        let Ok(once) = format::format(&text) else { return Ok(()) };
        prop_assert_eq!(format::format(&once).unwrap(), once.clone());
        let before: Option<toml::Table> = text.parse().ok();
        let after: Option<toml::Table> = once.parse().ok();
        prop_assert_eq!(format!("{before:?}"), format!("{after:?}"));
    }

    #[test]
    fn fixing_keeps_a_policy_readable(text in mutated()) {
        let fixed = fix::fix(&text);
        prop_assert_eq!(fixed.text == text, fixed.changes.is_empty());
        if text.parse::<toml::Table>().is_ok() {
            prop_assert!(fixed.text.parse::<toml::Table>().is_ok());
        }
    }
}

#[test]
fn the_example_policies_are_formatted_without_losing_a_comment() {
    for policy in POLICIES {
        let once = format::format(policy).unwrap();
        let comments = |text: &str| text.matches('#').count();
        assert_eq!(comments(policy), comments(&once));
        insta::assert_snapshot!(once);
    }
}

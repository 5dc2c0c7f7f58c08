//! A condition in the words of the policy: `below 95%`, `above +10% than baseline and above +20ms for 30m`.

use crate::model::literal::Literal;
use crate::policy::compiled::{Than, Window};
use crate::policy::raw::{BoundWord, RawCheck, RawKind};

/// The condition of `check`, as people would say it.
pub(crate) fn words(check: &RawCheck) -> String {
    let mut text = match (&check.script, &check.is, check.bounds.first()) {
        (Some(script), _, _) => format!("script {}", script.value),
        (_, Some(is), _) => (if is.value { "failed" } else { "ok" }).to_owned(),
        (_, _, Some((word, written))) => format!("{} {}", said(*word), tidy(&written.value.text)),
        _ => String::new(),
    };
    if let Some(than) = &check.than {
        text.push_str(match than.value {
            Than::Baseline => " than baseline",
            Than::Control => " than control",
        });
    }
    for (word, written) in &check.floors {
        text.push_str(&format!(" and {} {}", said(*word), tidy(&written.value.text)));
    }
    if check.unless_control.as_ref().is_some_and(|flag| flag.value) {
        text.push_str(" unless control is too");
    }
    if let Some(window) = &check.window {
        text.push_str(&format!(" for {}", window_words(window.value)));
    }
    if check.kind == RawKind::Gate && check.script.is_some() {
        text = text.replacen("script ", "gate script ", 1);
    }
    text
}

/// `2m`, `3 of 5`.
pub(crate) fn window_words(window: Window) -> String {
    match window {
        Window::First => "one observation".to_owned(),
        Window::For(length) => length.to_string(),
        Window::Of { k, n } => format!("{k} of {n}"),
    }
}

const fn said(word: BoundWord) -> &'static str {
    match word {
        BoundWord::Above => "above",
        BoundWord::Below => "below",
        BoundWord::AtLeast => "at least",
        BoundWord::AtMost => "at most",
    }
}

fn tidy(text: &str) -> String {
    Literal::parse(text).map_or_else(|_| text.to_owned(), |literal| literal.as_str().replace(' ', ""))
}

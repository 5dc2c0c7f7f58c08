//! Problems of a policy for a person at a terminal: the line, the place in it, what it conflicts with, the mend.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level as Shade, Origin, Renderer, Snippet};

use crate::policy::diagnostic::{Diagnostic, Label, Level, Place};
use crate::policy::source::PolicySource;

use super::screen::{ATTENTION, BAD, PLACE, Screen};

/// One problem with its source line, ending in a line break.
#[must_use]
pub fn draw(diagnostic: &Diagnostic, source: &PolicySource, screen: Screen) -> String {
    let shade = match diagnostic.level {
        Level::Error => Shade::ERROR,
        Level::Warning => Shade::WARNING,
    };
    let code = diagnostic.code.to_string();
    let mut group = Group::with_title(shade.primary_title(diagnostic.message.as_str()).id(code));
    let labels: Vec<(AnnotationKind, &Label)> = std::iter::once((AnnotationKind::Primary, &diagnostic.primary))
        .chain(diagnostic.secondary.iter().map(|label| (AnnotationKind::Context, label)))
        .collect();
    let mut shown: Vec<&str> = Vec::new();
    for (_, label) in &labels {
        let file: &str = &label.place.file;
        if shown.contains(&file) {
            continue;
        }
        shown.push(file);
        group = match source.get(file) {
            Some(text) if !text.is_empty() && labels.iter().any(|(_, other)| marks(other, file)) => {
                group.element(snippet(path(source, file), text, labels.iter().filter(|(_, other)| marks(other, file))))
            }
            _ => group.element(Origin::path(path(source, file))),
        };
    }
    for help in &diagnostic.help {
        group = group.element(Shade::HELP.message(help.as_str()));
    }
    if !diagnostic.environments.is_empty() {
        let only = format!("only in {}", diagnostic.environments.join(", "));
        group = group.element(Shade::NOTE.message(only));
    }
    let renderer = Renderer::styled().term_width(screen.width).error(BAD).warning(ATTENTION).help(PLACE);
    let mut text = renderer.render(&[group]);
    text.push('\n');
    text
}

/// The path a person can open: the policy's directory as they named it, then the file in it.
#[must_use]
pub fn path(source: &PolicySource, file: &str) -> String {
    if file.starts_with('@') || source.root.is_empty() || source.root == "." {
        file.to_owned()
    } else {
        format!("{}/{file}", source.root)
    }
}

/// Whether `label` underlines something in `file`, rather than naming the whole of it.
fn marks(label: &Label, file: &str) -> bool {
    label.place.file.as_ref() == file && !label.place.span.is_empty()
}

fn snippet<'a>(
    path: String,
    text: &'a str,
    labels: impl Iterator<Item = &'a (AnnotationKind, &'a Label)>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let annotations = labels.map(|(kind, label)| {
        let annotation = kind.span(within(text, &label.place));
        if label.text.is_empty() { annotation } else { annotation.label(label.text.as_str()) }
    });
    Snippet::source(text).path(path).annotations(annotations)
}

/// The place's bytes, moved to whole characters inside `text`: a wrong span must not cost the message.
fn within(text: &str, place: &Place) -> Range<usize> {
    let mut start = place.span.start.min(text.len());
    let mut end = place.span.end.clamp(start, text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

//! Drawings for pages: a small writer of SVG that cannot write anything unescaped, and the same bytes for the same
//! values on every machine.
//!
//! A drawing is as wide as the page gives it room, without a script: positions in time are percentages, heights are
//! pixels, so text keeps its size on a phone and on a wide screen ([`plot`]). Colours are classes of the page's style.

use std::fmt::{self, Write as _};

pub mod clock;
pub mod plot;
pub mod scale;

/// One element with what is inside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    name: &'static str,
    attributes: String,
    body: String,
}

/// An empty element.
#[must_use]
pub const fn node(name: &'static str) -> Node {
    Node { name, attributes: String::new(), body: String::new() }
}

impl Node {
    /// With an attribute.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl fmt::Display) -> Node {
        let _infallible = write!(self.attributes, " {name}=\"{}\"", Escaped(&value.to_string()));
        self
    }

    /// With a number, two decimals at most.
    #[must_use]
    pub fn at(self, name: &str, value: f64) -> Node {
        self.set(name, Number(value))
    }

    /// With a share of the width, in percent.
    #[must_use]
    pub fn share(self, name: &str, percent: f64) -> Node {
        self.set(name, format_args!("{}%", Number(percent)))
    }

    /// In the style of `class`.
    #[must_use]
    pub fn class(self, class: &str) -> Node {
        self.set("class", class)
    }

    /// Said when somebody points at it.
    #[must_use]
    pub fn title(self, words: &str) -> Node {
        if words.is_empty() { self } else { self.child(node("title").text(words)) }
    }

    /// With words inside.
    #[must_use]
    pub fn text(mut self, words: &str) -> Node {
        let _infallible = write!(self.body, "{}", Escaped(words));
        self
    }

    /// With another element inside.
    #[must_use]
    pub fn child(mut self, child: Node) -> Node {
        let _infallible = write!(self.body, "{child}");
        self
    }

    /// With other elements inside.
    #[must_use]
    pub fn children(self, children: impl IntoIterator<Item = Node>) -> Node {
        children.into_iter().fold(self, Node::child)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.body.is_empty() {
            write!(f, "<{}{}/>", self.name, self.attributes)
        } else {
            write!(f, "<{0}{1}>{2}</{0}>", self.name, self.attributes, self.body)
        }
    }
}

/// Text that cannot end the element or the attribute it stands in, nor hold what XML forbids.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_char(' ')?,
                c if c.is_control() => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A number without noise: two decimals at most, never an exponent, never `-0`.
#[derive(Debug, Clone, Copy)]
pub struct Number(pub f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.0.is_finite() { self.0.clamp(-1e9, 1e9) } else { 0.0 };
        let text = format!("{value:.2}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        f.write_str(if text == "-0" { "0" } else { text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_noise() {
        let shown = [0.1 + 0.2, -0.001, 100.0, 1e300, f64::NAN, 33.335].map(|value| Number(value).to_string());
        assert_eq!(shown, ["0.3", "0", "100", "1000000000", "0", "33.34"]);
    }

    #[test]
    fn nothing_a_policy_or_its_data_says_becomes_markup() {
        let hostile = "</title><script>alert(\"1\")</script>&'\u{1}";
        let drawn = node("text").set("class", hostile).text(hostile).to_string();
        let inert = "&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;\u{fffd}";
        assert_eq!(drawn, format!("<text class=\"{inert}\">{inert}</text>"));
    }
}

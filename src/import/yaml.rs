//! YAML as a tree of values that know their line: streams of documents, within limits, duplicate keys refused.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// One value and where it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What is there.
    pub value: Value,
    /// Its line, from 1.
    pub line: u32,
}

/// What a node can be.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, or `~`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// Whole or not; Kubernetes' own fields are all small enough for this to be exact.
    Number(f64),
    /// Anything else.
    Text(String),
    /// `- item`.
    List(Vec<Node>),
    /// `key: value`, in the order of the file.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of a key, when this is a map that has it and it is not null.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node).filter(|node| !node.is_null())
    }

    /// The value at the end of a path of keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The entries of a map; none when it is something else.
    #[must_use]
    pub fn entries(&self) -> &[(String, Node)] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The items of a list; none when it is something else.
    #[must_use]
    pub fn items(&self) -> &[Node] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// A text as written, or a number or a truth as it would be written: Kubernetes takes either in many places.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            _ => None,
        }
    }

    /// A number, also one written as text.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Number(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// A truth, also one written as text.
    #[must_use]
    pub fn truth(&self) -> Option<bool> {
        match &self.value {
            Value::Bool(truth) => Some(*truth),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The text of a key.
    #[must_use]
    pub fn text_of(&self, key: &str) -> Option<String> {
        self.get(key)?.text()
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// Whether it is a map.
    #[must_use]
    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// What kind of thing it is, for messages.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// Why a text is not a stream of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// What is wrong, in one line.
    pub message: String,
    /// Where.
    pub line: u32,
    /// The way out, when one is known.
    pub help: Option<&'static str>,
}

/// Larger files are not what people write, whatever they are.
pub const LONGEST: usize = 4 * 1024 * 1024;

const RENDER: &str = "it is a Helm template: render it first, as in `helm template . | rollgate import -`";

/// Reads every document that is not empty.
///
/// # Errors
/// Not YAML, a template that was not rendered, or past a limit.
pub fn read(text: &str) -> Result<Vec<Node>, YamlError> {
    if text.len() > LONGEST {
        let message = format!("{} bytes, and at most {LONGEST} are read", text.len());
        return Err(YamlError {
            message,
            line: 1,
            help: Some("give the files with the rollout and its metrics alone"),
        });
    }
    if let Some(line) = helm(text) {
        let message = "a template that was not rendered".to_owned();
        return Err(YamlError { message, line, help: Some(RENDER) });
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 48,
            max_nodes: 200_000,
            max_events: 500_000,
            max_aliases: 2_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 200_000,
            max_replay_stack_depth: 16,
        },
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options::<Node>(text, options).map_err(|error| {
        let line = error.location().map_or(1, |place| u32::try_from(place.line()).unwrap_or(1).max(1));
        let message = one_line(&error.to_string());
        let tab =
            text.lines().nth(line as usize - 1).is_some_and(|line| line.trim_start_matches(' ').starts_with('\t'));
        let help = tab.then_some("YAML is indented with spaces, and this line begins with a tab");
        YamlError { message, line, help }
    })
}

/// The first sentence without the place, which is told apart.
fn one_line(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let end = first.find(" at line ").or_else(|| first.find(" (line ")).unwrap_or(first.len());
    let cut = first.get(..end).unwrap_or(first);
    let text = match cut.strip_prefix("line ") {
        Some(rest) => rest.split_once(": ").map_or(cut, |(_, rest)| rest),
        None => cut,
    };
    text.trim().trim_end_matches('.').to_owned()
}

/// The line of the first Helm action. Argo's `{{args.x}}` and Flagger's `{{ target }}` are none.
fn helm(text: &str) -> Option<u32> {
    const WORDS: [&str; 14] = [
        ".Values",
        ".Release",
        ".Chart",
        "$.",
        ".Capabilities",
        "include ",
        "template ",
        "if ",
        "range ",
        "with ",
        "define ",
        "toYaml ",
        "else",
        "end",
    ];
    let action = |line: &str| {
        line.match_indices("{{").any(|(at, _)| {
            let inside = line.get(at + 2..).unwrap_or_default().trim_start_matches('-').trim_start();
            WORDS.iter().any(|word| inside.starts_with(word))
        })
    };
    let at = text.lines().position(action)?;
    u32::try_from(at + 1).ok()
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        let line = u32::try_from(spanned.referenced.line()).unwrap_or(1).max(1);
        Ok(Node { value: spanned.value, line })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Node>()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry::<String, Node>()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_lines_across_documents() {
        let text = "a: 1\nb:\n  - x\n  - y: |\n      two\n      lines\n---\n# nothing\n---\nc: \"5\"\n";
        let documents = read(text).unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[0].get("a").unwrap().line, 1);
        assert_eq!(documents[0].get("b").unwrap().items()[1].get("y").unwrap().text().unwrap(), "two\nlines\n");
        assert_eq!(documents[0].get("b").unwrap().items()[1].line, 4);
        assert_eq!(documents[1].get("c").unwrap().line, 10);
        assert_eq!(documents[1].get("c").unwrap().number(), Some(5.0));
    }

    #[test]
    fn what_is_not_yaml_says_where_and_why() {
        let cases: [(&str, u32, &str); 5] = [
            ("a: 1\na: 2\n", 2, "duplicate"),
            ("a:\n\tb: 1\n", 2, "tab"),
            ("a: [1, 2\n", 1, ""),
            ("a: *nobody\n", 1, "alias"),
            ("a:\n  b: {{ .Values.weight }}\n", 2, "template"),
        ];
        for (text, line, word) in cases {
            let error = read(text).unwrap_err();
            let all = format!("{} {}", error.message, error.help.unwrap_or_default()).to_lowercase();
            assert!(all.contains(word), "{text:?}: {all}");
            assert!(error.line.abs_diff(line) <= 1, "{text:?}: {error:?}");
            assert!(!error.message.contains('\n') && !error.message.is_empty());
        }
    }

    #[test]
    fn templates_of_argo_and_flagger_are_no_helm() {
        for text in ["q: '{{args.service-name}}'", "q: '{{ target }}-{{ namespace }}'", "q: '{{inputs.x}}'"] {
            assert_eq!(read(text).unwrap().len(), 1, "{text}");
        }
    }

    #[test]
    fn bombs_are_refused_quickly() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for at in 1..12 {
            let before = format!("*a{}", at - 1);
            bomb.push_str(&format!("a{at}: &a{at} [{}]\n", vec![before; 10].join(", ")));
        }
        assert!(read(&bomb).is_err());
        assert!(read(&"[".repeat(10_000)).is_err());
        assert!(read("a: &a [*a]").is_err());
        assert!(read(&"- x\n".repeat(2_000_000)).is_err());
    }
}

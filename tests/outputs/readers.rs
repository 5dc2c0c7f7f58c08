//! Readers that know nothing of rollgate: JSON Schema for SARIF, an XML parser, a Markdown parser, and GitHub's rules for
//! workflow commands.

use std::sync::LazyLock;

use comrak::nodes::NodeValue;
use comrak::{Arena, Options, parse_document};
use serde_json::Value;

static SARIF: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    // One pattern (of `language`, which we do not write) has a bracket too many; strict regex engines refuse it.
    let text = include_str!("../schemas/sarif-2.1.0.json").replace("-[a-zA-Z]{2}]?$", "-[a-zA-Z]{2}$");
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::draft7::new(&schema).unwrap()
});

/// The log, accepted by the official schema, with no result twice and every rule there.
pub(crate) fn sarif(text: &str) -> Value {
    let log: Value = serde_json::from_str(text).unwrap();
    let errors: Vec<String> =
        SARIF.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        for location in result["locations"].as_array().into_iter().flatten() {
            let uri = location["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
            assert!(uri.bytes().all(|byte| byte.is_ascii_graphic()) && !uri.contains('\\'), "{uri}");
        }
        assert!(seen.insert(result["partialFingerprints"]["rollgate/v1"].to_string()), "twice: {result}");
    }
    log
}

/// One JUnit case: suite, name, and the message of its failure or error.
#[derive(Debug, PartialEq)]
pub(crate) struct JunitCase {
    pub(crate) suite: String,
    pub(crate) name: String,
    pub(crate) fault: Option<(String, String)>,
}

/// The cases of a document that keeps the rules of Jenkins' `junit-10.xsd` (with GitLab's `file` and pytest's `line` on a
/// case, which the schema does not have).
pub(crate) fn junit(text: &str) -> Vec<JunitCase> {
    let document = roxmltree::Document::parse(text).unwrap();
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "testsuites");
    let mut cases = Vec::new();
    let (mut all_failures, mut all_errors) = (0, 0);
    for suite in elements(root, &["testsuite"]) {
        allowed(
            suite,
            &["name", "tests", "failures", "errors", "skipped", "time"],
            &["name", "tests", "failures", "errors"],
        );
        let (mut tests, mut failures, mut errors) = (0, 0, 0);
        for case in elements(suite, &["testcase"]) {
            allowed(case, &["name", "classname", "time", "file", "line"], &["name"]);
            let mut fault = None;
            for inside in elements(case, &["failure", "error", "system-out"]) {
                if inside.tag_name().name() == "system-out" {
                    continue;
                }
                allowed(inside, &["type", "message"], &["message"]);
                assert!(fault.is_none(), "readers show only the first");
                failures += usize::from(inside.tag_name().name() == "failure");
                errors += usize::from(inside.tag_name().name() == "error");
                let message = inside.attribute("message").unwrap().to_owned();
                fault = Some((inside.tag_name().name().to_owned(), message));
            }
            tests += 1;
            let name = case.attribute("name").unwrap().to_owned();
            cases.push(JunitCase { suite: suite.attribute("name").unwrap().to_owned(), name, fault });
        }
        for (attribute, number) in [("tests", tests), ("failures", failures), ("errors", errors)] {
            assert_eq!(suite.attribute(attribute), Some(number.to_string().as_str()), "{attribute}");
        }
        all_failures += failures;
        all_errors += errors;
    }
    for (attribute, number) in [("tests", cases.len()), ("failures", all_failures), ("errors", all_errors)] {
        assert_eq!(root.attribute(attribute), Some(number.to_string().as_str()), "{attribute}");
    }
    cases
}

fn elements<'a>(node: roxmltree::Node<'a, 'a>, names: &[&str]) -> Vec<roxmltree::Node<'a, 'a>> {
    let elements: Vec<_> = node.children().filter(roxmltree::Node::is_element).collect();
    for element in &elements {
        assert!(names.contains(&element.tag_name().name()), "{:?} in {:?}", element.tag_name(), node.tag_name());
    }
    elements
}

fn allowed(node: roxmltree::Node<'_, '_>, names: &[&str], required: &[&str]) {
    for attribute in node.attributes() {
        assert!(names.contains(&attribute.name()), "{} on {:?}", attribute.name(), node.tag_name());
    }
    for name in required {
        assert!(node.attribute(*name).is_some(), "{name} is missing on {:?}", node.tag_name());
    }
}

/// A workflow command, unescaped.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) message: String,
}

impl Command {
    pub(crate) fn get(&self, property: &str) -> Option<&str> {
        self.properties.iter().find(|(name, _)| name == property).map(|(_, value)| value.as_str())
    }
}

/// The commands that the runner finds in `text`, and the other lines.
pub(crate) fn github(text: &str) -> (Vec<Command>, Vec<String>) {
    let (mut commands, mut others) = (Vec::new(), Vec::new());
    for line in text.lines() {
        // The runner also knows an older form, anywhere in a line that is none of the newer.
        let Some(rest) = line.trim_start().strip_prefix("::") else {
            assert!(!line.contains("##["), "{line}");
            others.push(line.to_owned());
            continue;
        };
        let (head, message) = rest.split_once("::").expect(line);
        let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
        let unescape = |text: &str| {
            let text = text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",");
            text.replace("%25", "%")
        };
        let properties = properties.split(',').filter_map(|pair| pair.split_once('='));
        commands.push(Command {
            name: name.to_owned(),
            properties: properties.map(|(name, value)| (name.to_owned(), unescape(value))).collect(),
            message: unescape(message),
        });
    }
    (commands, others)
}

/// What a Markdown parser finds in a comment that keeps the rules of the house: a marker, one heading, whole tables,
/// closed details, no HTML but these, nobody mentioned. Gives all its text back.
pub(crate) fn markdown(text: &str) -> String {
    assert!(text.len() < 65_000, "{} bytes", text.len());
    assert!(text.starts_with("<!-- rollgate:") && text.lines().next().unwrap().ends_with(" -->"), "{text}");
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    let arena = Arena::new();
    let lines: Vec<&str> = text.lines().collect();
    let (mut read, mut open, mut headings) = (String::new(), 0_usize, 0);
    for node in parse_document(&arena, text, &options).descendants() {
        let data = node.data();
        match &data.value {
            NodeValue::HtmlBlock(html) => {
                for line in html.literal.lines().filter(|line| !line.trim().is_empty()) {
                    open = html_line(line, open);
                }
            }
            NodeValue::HtmlInline(html) => panic!("raw HTML: {html}"),
            NodeValue::Link(_) | NodeValue::Image(_) => panic!("a link nobody wrote: {data:?}"),
            NodeValue::Heading(heading) => headings += usize::from(heading.level == 3),
            NodeValue::Table(table) => {
                let sourcepos = data.sourcepos;
                for line in &lines[sourcepos.start.line - 1..sourcepos.end.line] {
                    assert_eq!(line.matches('|').count(), table.num_columns + 1, "{line}");
                }
            }
            NodeValue::Text(part) => read.push_str(part),
            NodeValue::Code(code) => read.push_str(&code.literal),
            NodeValue::CodeBlock(code) => read.push_str(&code.literal),
            NodeValue::Paragraph | NodeValue::TableCell | NodeValue::SoftBreak => read.push('\n'),
            _ => {}
        }
    }
    assert_eq!(open, 0, "details are not closed");
    assert_eq!(headings, 1, "{text}");
    read
}

/// One line of an HTML block; how many details are open after it.
fn html_line(line: &str, open: usize) -> usize {
    if let Some(inside) = line.strip_prefix("<details><summary>") {
        let summary = inside.strip_suffix("</summary>").unwrap_or_else(|| panic!("{line}"));
        assert!(!summary.contains(['<', '>']), "{line}");
        return open + 1;
    }
    if line == "</details>" {
        return open.checked_sub(1).expect("one more is closed than opened");
    }
    assert!(line.starts_with("<!-- rollgate:") && line.matches("--").count() == 2, "{line}");
    open
}

//! Pages written as a user writes them, and what is looked up in them.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use roxmltree::{Document, Node, ParsingOptions};

/// Where the policies and the fixtures are.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The binary, in the repository, without the surroundings' say in how things look.
pub(crate) fn rollgate() -> Command {
    let mut command = Command::cargo_bin("rollgate").unwrap();
    command.current_dir(root());
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "ROLLGATE_ASCII", "ROLLGATE_PLAIN", "ROLLGATE_ENVIRONMENT"] {
        command.env_remove(name);
    }
    command
}

/// The page of a committed fixture.
pub(crate) fn page_of(fixture: &str, policy: &str, more: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    write_page(fixture, policy, more, &path);
    fs::read_to_string(path).unwrap()
}

/// Writes the page of a committed fixture.
pub(crate) fn write_page(fixture: &str, policy: &str, more: &[&str], path: &Path) {
    let (policy, fixture) = (PathBuf::from("policies").join(policy), PathBuf::from("fixtures").join(fixture));
    rollgate().arg("replay").arg(policy).arg(fixture).args(more).arg("--html").arg(path).assert().success();
}

/// Hands the page, read by a strict parser, to `look`. Whatever is left open or unescaped fails here.
pub(crate) fn read<T>(page: &str, look: impl FnOnce(&Document<'_>) -> T) -> T {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(page, options).expect("the page is well-formed");
    look(&document)
}

/// All elements of a name.
pub(crate) fn elements<'a, 'i>(document: &'a Document<'i>, name: &'a str) -> impl Iterator<Item = Node<'a, 'i>> {
    document.descendants().filter(move |node| node.has_tag_name(name))
}

/// All text below a node, blanks collapsed.
pub(crate) fn text(node: Node<'_, '_>) -> String {
    let all: Vec<&str> = node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect();
    all.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What every page must be: nothing fetched, nothing run, every anchor leading somewhere, everything named.
pub(crate) fn holds_what_every_page_must(page: &str) {
    read(page, |document| {
        let html = document.root_element();
        assert_eq!(html.attribute("lang"), Some("en"));
        let policy = elements(document, "meta").find(|meta| meta.attribute("http-equiv").is_some()).unwrap();
        assert_eq!(policy.attribute("content"), Some("default-src 'none'; style-src 'unsafe-inline'"));
        for name in ["script", "link", "img", "iframe", "object", "embed", "form", "base", "foreignObject", "use"] {
            assert_eq!(elements(document, name).count(), 0, "<{name}> has no place on a page");
        }
        let mut ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "two elements share an id: {ids:?}");
        for node in document.descendants().filter(Node::is_element) {
            for attribute in node.attributes() {
                let (name, value) = (attribute.name(), attribute.value());
                assert!(!name.starts_with("on"), "{name} would run something");
                if matches!(name, "href" | "src" | "action" | "data") {
                    let anchor = value.strip_prefix('#').unwrap_or_else(|| panic!("`{value}` leads out of the page"));
                    assert!(ids.contains(&anchor), "`{value}` leads nowhere");
                }
                if name == "aria-labelledby" {
                    assert!(ids.contains(&value), "`{value}` names nothing");
                }
            }
        }
        assert!(!page.contains("http://") && !page.contains("https://"), "the page names something outside");
        for rule in ["@import", "expression(", "javascript:"] {
            assert!(!page.contains(rule), "{rule}");
        }
        for (at, _) in page.match_indices("url(") {
            let id: String = page[at..].trim_start_matches("url(#").chars().take_while(|c| *c != ')').collect();
            assert!(ids.contains(&id.as_str()), "url(#{id}) leads nowhere");
        }
        for drawing in elements_any(document, "svg").filter(|svg| svg.attribute("role") == Some("img")) {
            let title = drawing.children().find(|node| node.tag_name().name() == "title");
            assert!(title.is_some_and(|title| !text(title).is_empty()), "a picture without a name");
            assert!(drawing.attribute("aria-label").is_some_and(|label| !label.is_empty()));
        }
        for head in elements(document, "th") {
            assert!(matches!(head.attribute("scope"), Some("col" | "row")), "a heading of nothing: {}", text(head));
        }
        numbers_have_no_noise(document);
    });
}

fn elements_any<'a, 'i>(document: &'a Document<'i>, name: &'a str) -> impl Iterator<Item = Node<'a, 'i>> {
    document.descendants().filter(move |node| node.tag_name().name() == name)
}

/// Two decimals at most, and no exponent.
fn numbers_have_no_noise(document: &Document<'_>) {
    const PLACES: [&str; 14] =
        ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "d", "viewBox", "points"];
    let in_svg = |node: &Node<'_, '_>| node.ancestors().any(|above| above.tag_name().name() == "svg");
    for node in document.descendants().filter(|node| node.is_element() && in_svg(node)) {
        for attribute in node.attributes().filter(|attribute| PLACES.contains(&attribute.name())) {
            let fine = |number: &str| {
                let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
                number.is_empty() || (decimals <= 2 && number.parse::<f64>().is_ok())
            };
            let split = |c: char| !(c.is_ascii_digit() || c == '.' || c == '-');
            // Every letter of a path is a command; `e` would be an exponent.
            assert!(!attribute.value().contains('e') && attribute.value().split(split).all(fine), "{attribute:?}");
        }
    }
}

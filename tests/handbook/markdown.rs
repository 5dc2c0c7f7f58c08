//! Reads pages back with a second parser: headings, tables, and nothing that escaped from where it was put.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, parse_document};

use super::pages;

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.tasklist = true;
    options
}

fn text_of<'a>(node: &'a AstNode<'a>) -> String {
    let mut text = String::new();
    for inner in node.descendants() {
        match &inner.data.borrow().value {
            NodeValue::Text(words) => text.push_str(words),
            NodeValue::Code(code) => text.push_str(&code.literal),
            _ => {}
        }
    }
    text
}

/// The headings of one level, as text.
pub(crate) fn headings(page: &str, level: u8) -> Vec<String> {
    let arena = Arena::new();
    let root = parse_document(&arena, page, &options());
    let nodes = root.descendants();
    let of_level =
        |node: &&AstNode<'_>| matches!(node.data.borrow().value, NodeValue::Heading(heading) if heading.level == level);
    nodes.filter(of_level).map(text_of).collect()
}

#[test]
fn tables_stay_tables() {
    for (name, page) in pages() {
        let arena = Arena::new();
        let root = parse_document(&arena, &page, &options());
        let mut tables = 0;
        for node in root.descendants() {
            match &node.data.borrow().value {
                NodeValue::Table(table) => {
                    tables += 1;
                    for row in node.children() {
                        assert_eq!(row.children().count(), table.num_columns, "{name}: {}", text_of(row));
                    }
                }
                // A row that its table did not take in stands in a paragraph.
                NodeValue::Paragraph => {
                    let text = text_of(node);
                    assert!(!text.trim_start().starts_with('|'), "{name}: {text}");
                    assert!(!text.contains("| ---"), "{name}: {text}");
                }
                _ => {}
            }
        }
        assert!(tables > 0, "{name} has no table");
    }
}

#[test]
fn a_row_has_as_many_cells_as_its_head() {
    // A parser pads short rows and drops what is too much, so the text itself is counted.
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    for (name, page) in pages() {
        let mut head = 0;
        for line in page.lines() {
            if !line.trim_start().starts_with('|') {
                head = 0;
                continue;
            }
            head = if head == 0 { cells(line) } else { head };
            assert_eq!(cells(line), head, "{name}: {line}");
        }
    }
}

#[test]
fn nothing_people_wrote_becomes_markup() {
    for (name, page) in pages().into_iter().filter(|(name, _)| name.contains("hostile")) {
        let arena = Arena::new();
        let root = parse_document(&arena, &page, &options());
        for node in root.descendants() {
            let value = &node.data.borrow().value;
            let escaped = match value {
                // Ours lead to headings of the same page.
                NodeValue::Link(link) if link.url.starts_with('#') => false,
                NodeValue::Link(_) | NodeValue::Image(_) | NodeValue::HtmlBlock(_) => true,
                NodeValue::HtmlInline(text) => text != "<br>",
                NodeValue::Heading(_) => text_of(node).contains("not a heading") || text_of(node) == "7. Heading",
                NodeValue::Strong => text_of(node) == "bold",
                _ => false,
            };
            assert!(!escaped, "{name}: {value:?} {}", text_of(node));
        }
    }
}

#[test]
fn every_page_begins_with_its_title_and_ends_with_one_line_break() {
    for (name, page) in pages() {
        assert!(page.starts_with("# "), "{name}");
        assert!(page.ends_with('\n') && !page.ends_with("\n\n"), "{name}: {:?}", &page[page.len() - 30..]);
        assert!(!page.contains("\n\n\n"), "{name}: {page}");
        assert_eq!(headings(&page, 1).len(), 1, "{name}");
    }
}

#[test]
fn troubleshooting_begins_with_links_that_lead_to_its_parts() {
    for (name, page) in
        super::every().iter().map(|(name, source, policy)| (name, super::Handbook::new(policy, source).runbook()))
    {
        let mut anchors = comrak::Anchorizer::new();
        let known: Vec<String> = (1..=3)
            .flat_map(|level| headings(&page, level))
            .map(|text| format!("#{}", anchors.anchorize(&text)))
            .collect();
        let arena = Arena::new();
        let root = parse_document(&arena, &page, &options());
        let mut links = Vec::new();
        for node in root.descendants() {
            if let NodeValue::Link(link) = &node.data.borrow().value {
                links.extend(link.url.starts_with('#').then(|| link.url.clone()));
            }
        }
        for link in &links {
            assert!(known.contains(link), "{name}: {link} leads nowhere: {known:?}");
        }
        let parts = headings(&page, 3)
            .into_iter()
            .filter(|part| part.ends_with("gate)") || part.contains(" threshold)") || part.contains("(trigger"));
        assert!(links.len() > parts.count(), "{name}: {links:?}");
    }
}

//! A comment as a list of blocks, so that a long one can be cut between two of them.

use crate::report::layout::count;

use super::{MOST_ROWS, html};

/// What a comment may be at most. GitHub takes 65,536 characters; bytes are counted, which is never more lenient.
const LONGEST: usize = 65_000;

/// Blocks of a comment, in order.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    head: Vec<String>,
    body: Vec<String>,
    foot: Vec<String>,
}

impl Blocks {
    /// Always there: marker and summary.
    pub(crate) fn head(&mut self, block: impl Into<String>) {
        self.head.push(block.into());
    }

    /// There as long as there is room.
    pub(crate) fn body(&mut self, block: impl Into<String>) {
        let block = block.into();
        if !block.trim().is_empty() {
            self.body.push(block);
        }
    }

    /// Always there: how to see the same at home.
    pub(crate) fn foot(&mut self, block: impl Into<String>) {
        self.foot.push(block.into());
    }

    /// The comment, ending in a line break.
    pub(crate) fn fit(self) -> String {
        let size = |blocks: &[String]| blocks.iter().map(|block| block.len() + 2).sum::<usize>();
        let mut room = LONGEST.saturating_sub(size(&self.head) + size(&self.foot) + 200);
        let (mut kept, mut dropped) = (self.head, 0);
        for block in self.body {
            if block.len() + 2 <= room {
                room -= block.len() + 2;
                kept.push(block);
            } else {
                dropped += 1;
            }
        }
        if dropped > 0 {
            kept.push(format!("_Cut here: {} would not fit into one comment._", count(dropped, "more section")));
        }
        kept.extend(self.foot);
        kept.join("\n\n") + "\n"
    }
}

/// A block that is folded away. `summary` is plain text; `inside` is Markdown already, which is read after a blank line.
pub(crate) fn details(summary: &str, inside: &str) -> String {
    let summary = html(summary);
    format!("<details><summary>{summary}</summary>\n\n{}\n\n</details>", inside.trim_end())
}

/// A table. Cells are Markdown already.
#[derive(Debug)]
pub(crate) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    left_out: usize,
}

impl Table {
    /// With the titles of its columns.
    pub(crate) fn new(head: &[&'static str]) -> Table {
        Table { head: head.to_vec(), rows: Vec::new(), left_out: 0 }
    }

    /// Adds a row; the ones after the twentieth are counted.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        if self.rows.len() < MOST_ROWS {
            self.rows.push(cells);
        } else {
            self.left_out += 1;
        }
    }

    /// Its lines; empty without rows. `what` is what a row is.
    pub(crate) fn render(&self, what: &str) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
        let head: Vec<String> = self.head.iter().map(|&cell| cell.to_owned()).collect();
        let mut lines = vec![line(&head), format!("|{}", "---|".repeat(head.len()))];
        lines.extend(self.rows.iter().map(|row| line(row)));
        let mut text = lines.join("\n");
        if self.left_out > 0 {
            text.push_str(&format!("\n\n… and {}.", count(self.left_out, &format!("more {what}"))));
        }
        text
    }
}

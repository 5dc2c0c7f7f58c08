//! What the authors wrote beside a check: the comment right above its lines, quoted word for word.

use std::fmt::Debug;

use crate::model::finding::Origin;
use crate::policy::source::{PolicySource, RULES_FILE};

/// Looks comments up in the files a policy was compiled from.
#[derive(Debug)]
pub(super) struct Notes<'a> {
    source: &'a PolicySource,
}

impl<'a> Notes<'a> {
    pub(super) fn new(source: &'a PolicySource) -> Notes<'a> {
        Notes { source }
    }

    /// The comment on what stands at `origin`: directly above it, above the lines it stands in one block with, or above
    /// the header of its table.
    pub(super) fn at(&self, origin: &Origin) -> Option<String> {
        let text = self.source.get(&origin.file)?;
        let before = usize::try_from(origin.line).ok()?.saturating_sub(1);
        let above: Vec<&str> = text.lines().take(before).map(str::trim).collect();
        let own_is_header = text.lines().nth(before).is_some_and(|line| line.trim().starts_with('['));
        let mut rest = above.as_slice();
        let mut in_table = !own_is_header;
        // Up through the lines of the same block, to the comment above it.
        while let Some((last, before)) = rest.split_last() {
            if last.is_empty() || last.starts_with('#') || !in_table {
                break;
            }
            in_table = !last.starts_with('[');
            rest = before;
        }
        comment(rest, "#")
    }

    /// The comment above a function of the policy's scripts.
    pub(super) fn function(&self, name: &str) -> Option<String> {
        let text = self.source.get(RULES_FILE)?;
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let heads = [format!("fn {name}("), format!("fn {name} (")];
        let at = lines.iter().position(|line| heads.iter().any(|head| line.starts_with(head.as_str())))?;
        comment(lines.get(..at)?, "//")
    }
}

/// The comment that `lines` end with. One between rulers is the heading of a chapter and says nothing about what
/// follows; `#:schema` is for editors.
fn comment(lines: &[&str], mark: &str) -> Option<String> {
    let start = lines.iter().rposition(|line| !line.starts_with(mark) || line.starts_with("#:")).map_or(0, |at| at + 1);
    let own = lines.get(start..)?;
    let words: Vec<&str> = own.iter().map(|line| line.trim_start_matches(['#', '/']).trim()).collect();
    let is_ruler =
        |line: &&&str| !line.is_empty() && line.chars().all(|c| matches!(c, '-' | '=' | '#' | '*' | '~' | '_'));
    if words.iter().any(|line| is_ruler(&line)) {
        return None;
    }
    let text = words.join(" ").trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "\
#:schema x
schema = 1

# ------
# Chapter
# ------
[triggers]
# Why a.
# In two lines.
a = 1
b = 2

c = 3
# Bounds are strict.
[thresholds.x]
p0 = 1
[other]
d = 1
# A rung.
[[stages]]
name = 1
";

    #[rstest::rstest]
    #[case::directly_above(10, Some("Why a. In two lines."))]
    #[case::the_same_block(11, Some("Why a. In two lines."))]
    #[case::after_a_blank_line(13, None)]
    #[case::above_the_header_of_its_table(16, Some("Bounds are strict."))]
    #[case::nothing_above(18, None)]
    #[case::a_table_of_its_own(20, Some("A rung."))]
    #[case::the_first_line(1, None)]
    fn comments_are_found(#[case] line: u32, #[case] expected: Option<&str>) {
        let mut source = PolicySource::new("p");
        source.insert("policy.toml", POLICY);
        let origin = Origin { file: "policy.toml".into(), line };
        assert_eq!(Notes::new(&source).at(&origin).as_deref(), expected);
    }

    #[test]
    fn a_chapter_between_rulers_is_no_note() {
        let lines = ["# ----", "# Triggers", "# ----"];
        assert_eq!(comment(&lines, "#"), None);
    }

    #[test]
    fn the_comment_of_a_function_is_found() {
        let mut source = PolicySource::new("p");
        source.insert(RULES_FILE, "// Gate. Fair?\n// Yes.\nfn parity() { open() }\n");
        assert_eq!(Notes::new(&source).function("parity").as_deref(), Some("Gate. Fair? Yes."));
        assert_eq!(Notes::new(&source).function("other"), None);
    }
}

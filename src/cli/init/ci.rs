//! Workflows that tell in a pull request what an edit of a policy means.

use clap::ValueEnum;

use super::templates::File;

/// Whose continuous integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Ci {
    /// A workflow of GitHub Actions
    Github,
}

/// Where GitHub looks for it.
const GITHUB_FILE: &str = ".github/workflows/rollgate.yml";
/// Read from the repository's own variables, when nobody said where rollgate comes from.
const FROM_VARIABLE: &str = "${{ vars.ROLLGATE_SOURCE }}";

impl Ci {
    /// The workflow, installing rollgate from `source`.
    pub(super) fn file(self, source: Option<&str>) -> File {
        let (path, text) = match self {
            Ci::Github => (GITHUB_FILE, include_str!("ci/github.yml")),
        };
        let source = source.map_or(FROM_VARIABLE.to_owned(), |source| format!("\"{source}\""));
        File { path: path.to_owned(), text: text.replace("@SOURCE@", &source) }
    }
}

/// Where rollgate comes from: a repository, perhaps at a revision, or crates.io. It ends up in a shell's hands, so only
/// what such an address is made of is let through.
pub(super) fn source(text: &str) -> Result<String, String> {
    let (url, revision) = text.split_once('#').unwrap_or((text, "main"));
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+:@~".contains(c));
    let known = url == "crates.io" || ["https://", "ssh://", "git@"].iter().any(|start| url.starts_with(start));
    if known && plain(url) && plain(revision) && !revision.is_empty() {
        Ok(text.to_owned())
    } else {
        Err("use a repository as `https://host/path`, with `#revision` to pin it, or `crates.io`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_are_sources() {
        for good in
            ["https://example.com/rollgate", "https://example.com/r#v0.1.0", "git@example.com:a/b.git", "crates.io"]
        {
            assert_eq!(source(good), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "rollgate",
            "https://a b",
            "https://a\"; rm",
            "https://a#",
            "https://a$(x)",
            "https://a\nb",
            "file:///x",
        ] {
            assert!(source(bad).is_err(), "{bad}");
        }
    }
}

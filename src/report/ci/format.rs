//! The shapes that continuous integration reads.

/// Another tool's shape of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JUnit's XML: Jenkins, GitLab, Azure, CircleCI.
    Junit,
    /// GitHub Actions' workflow commands.
    Github,
    /// SARIF 2.1.0.
    Sarif,
    /// reviewdog's JSON Lines.
    Rdjsonl,
    /// One comment on a pull request.
    Markdown,
}

impl Format {
    /// As on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Format::Junit => "junit",
            Format::Github => "github",
            Format::Sarif => "sarif",
            Format::Rdjsonl => "rdjsonl",
            Format::Markdown => "markdown",
        }
    }

    /// Who reads it.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Format::Junit => "JUnit XML: the test tab of Jenkins, GitLab, Azure, CircleCI",
            Format::Github => "GitHub Actions: annotations on the lines of a pull request, and the job summary",
            Format::Sarif => "SARIF 2.1.0: GitHub code scanning and editors",
            Format::Rdjsonl => "reviewdog: comments on the lines of any host's pull request",
            Format::Markdown => "One comment on a pull request, to be updated in place",
        }
    }
}

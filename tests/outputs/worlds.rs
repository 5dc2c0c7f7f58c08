//! Reports made by hand: of a policy whose every text is hostile, and of very many problems.

use std::sync::Arc;

use rollgate::policy::diagnostic::{Code, Diagnostic, Place};
use rollgate::policy::source::PolicySource;
use rollgate::report::ci::item::Level;
use rollgate::report::ci::{CheckedPolicy, Report, of_check};

/// Everything that any of the formats gives a meaning to.
pub(crate) const HOSTILE: &str = "a|b `c|d` ]]> <script>alert(1)</script> --> </details> @ops #12 [x](http://evil) \
    %0A %25 ::error::x ##[error]y\n::warning::z\r\n| - | \u{1b}[31mred \u{0} \u{202e}gnidaer \\| \\` `` * _ ~~ ![i](u)\n# heading\n- [ ] task";

/// A folder that no format likes.
pub(crate) const FOLDER: &str = "pol icies/a:b,c%/ü\"<&>|`x`";

/// A report of `check` over one policy in [`FOLDER`].
pub(crate) fn report(diagnostics: &[Diagnostic], text: &str) -> Report {
    let mut source = PolicySource::new(FOLDER);
    source.insert("policy.toml", text);
    let policy = CheckedPolicy {
        source: &source,
        diagnostics,
        environments: vec!["production".to_owned(), HOSTILE.to_owned()],
        rollout: Some(HOSTILE.to_owned()),
        digests: vec![("production".to_owned(), "abcdef0".to_owned())],
        mends: vec![(place(6..7), "=".to_owned())],
        settings: false,
    };
    of_check(&[policy], Level::Error, format!("closing {HOSTILE}"), &[HOSTILE.to_owned()])
}

/// A place in policy.toml.
pub(crate) fn place(span: std::ops::Range<usize>) -> Place {
    Place { file: Arc::from("policy.toml"), span }
}

/// An error that says [`HOSTILE`] everywhere.
pub(crate) fn hostile() -> Diagnostic {
    let mut found = Diagnostic::error(Code(2), HOSTILE, place(6..7)).label(HOSTILE).help(HOSTILE);
    found.environments = vec![HOSTILE.to_owned()];
    found.also(place(0..0), HOSTILE)
}

/// As many warnings, each on a line of its own.
pub(crate) fn many(number: usize) -> (Vec<Diagnostic>, String) {
    let text = "key = 1\n".repeat(number);
    let warning = |at: usize| {
        Diagnostic::warning(Code(45), format!("metric `m{at}` is read by no check"), place(8 * at..8 * at + 3))
    };
    ((0..number).map(warning).collect(), text)
}

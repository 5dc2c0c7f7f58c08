//! The command line as it was typed, so that a report can say how to get it again.

/// Every word after the program's own name; what is not Unicode is shown as well as it can be.
#[must_use]
pub fn typed() -> Vec<String> {
    std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect()
}

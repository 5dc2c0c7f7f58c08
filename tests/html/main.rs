//! Pages: their structure as another parser sees it, and what a browser makes of them.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod browser;
mod review;
mod structure;
mod support;

//! One comment on a pull request: GitHub-flavoured Markdown that is updated in place, found again by the marker in its
//! first line.
//!
//! User text can end neither a cell nor a block, mentions nobody, and brings no HTML of its own. A comment that would be
//! longer than a host takes loses whole blocks, and says so.

mod blocks;
pub(crate) mod check;
pub(crate) mod divergence;
mod escape;
mod per_step;
pub(crate) mod refused;
pub(crate) mod review;
pub(crate) mod test;

pub(crate) use blocks::{Blocks, Table, details};
pub(crate) use escape::{cell, code, fenced, html, marker, prose};

/// Rows of one table that are shown; the others are counted.
pub(crate) const MOST_ROWS: usize = 20;

/// `<!-- rollgate:web-service -->`, or of all of a run.
pub(crate) fn marked(kind: Option<&str>, names: &[String]) -> String {
    let name = match names {
        [one] => Some(marker(one)),
        _ => None,
    };
    let parts: Vec<String> =
        [kind.map(str::to_owned), name].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    format!("<!-- rollgate:{} -->", if parts.is_empty() { "all".to_owned() } else { parts.join(":") })
}

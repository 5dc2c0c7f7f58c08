//! Stages that are left sooner or later than before, in words that every report shares.

use crate::model::time::Time;
use crate::review::advances::{Advanced, advances};
use crate::review::verdict::Compared;

/// One sentence for each stage that is left at another time: `leaves canary 10h later`, with the word that matters as
/// `stressed` makes it.
pub(crate) fn advanced(compared: &Compared, stressed: fn(&str) -> String) -> Vec<(Advanced, String)> {
    let since = |time: Time| time.since(compared.begins);
    let all = advances(compared).into_iter().filter_map(|moved| {
        let stage = &moved.stage;
        let words = match (moved.before, moved.after) {
            (Some(before), Some(after)) if after > before => {
                format!("leaves {stage} {} {}", after.since(before), stressed("later"))
            }
            (Some(before), Some(after)) => format!("leaves {stage} {} {}", before.since(after), stressed("earlier")),
            (None, Some(after)) => format!("leaves {stage} at +{}, and did {} before", since(after), stressed("not")),
            (Some(_), None) => format!("does {} leave {stage} any more", stressed("not")),
            (None, None) => return None,
        };
        Some((moved, words))
    });
    all.collect()
}

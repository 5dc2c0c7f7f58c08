//! Every recorded moment judged by itself (`--per-step`): what happened after the first difference counts too.

use crate::report::ci::of_review::since;
use crate::report::layout::{count, thousands};
use crate::review::verdict::Compared;

use super::{Table, cell, code, details};

/// A row per recording with moments that differ, and the first of these moments; empty when nobody asked.
pub(super) fn write(compared: &[Compared]) -> String {
    let judged = || compared.iter().filter_map(|one| Some((one, one.per_step.as_ref()?)));
    if judged().next().is_none() {
        return String::new();
    }
    let mut all = Table::new(&["recording", "moments judged", "differ", "roll back now", "rolled back before"]);
    let mut first = Table::new(&["recording", "moment", "stage", "before", "after"]);
    for (one, steps) in judged().filter(|(_, steps)| steps.differ > 0) {
        let numbers = [steps.judged, steps.differ, steps.rolls_back_now, steps.rolled_back_before];
        let numbers = numbers.map(|number| thousands(usize::try_from(number).unwrap_or(usize::MAX)));
        all.row(std::iter::once(code(&one.name)).chain(numbers).collect());
        for step in &steps.first {
            let stage = cell(step.stage.as_str());
            first.row(vec![code(&one.name), since(one, step.at), stage, cell(&step.before), cell(&step.after)]);
        }
    }
    let sum = |number: fn(&crate::review::verdict::PerStep) -> u64| {
        usize::try_from(judged().map(|(_, steps)| number(steps)).sum::<u64>()).unwrap_or(usize::MAX)
    };
    let said = format!(
        "judged moment by moment: {} of {} differ",
        thousands(sum(|steps| steps.differ)),
        count(sum(|steps| steps.judged), "moment")
    );
    let tables = [all.render("recording"), first.render("moment")];
    let inside: Vec<String> = tables.into_iter().filter(|table| !table.is_empty()).collect();
    // Without a difference there is nothing to unfold.
    if inside.is_empty() { said } else { details(&said, &inside.join("\n\n")) }
}

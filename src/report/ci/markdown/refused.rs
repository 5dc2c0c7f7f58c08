//! The comment of a `diff` that could not be made: it takes the place of the last comparison.

use std::collections::BTreeSet;

use crate::report::ci::item::Item;

use super::{Blocks, Table, cell, code, marked, prose};

pub(crate) fn write(names: &[String], why: &str, items: &[Item]) -> String {
    let names: Vec<String> = names.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let mut blocks = Blocks::default();
    blocks.head(format!("{}\n### ❌ rollgate: cannot be compared: {}", marked(None, &names), prose(why)));
    blocks.head("Nothing was compared; what an earlier comment said no longer holds.");
    let mut table = Table::new(&["code", "where", "problem"]);
    for item in items {
        let place =
            item.place.as_ref().map_or_else(String::new, |place| code(&format!("{}:{}", place.file, place.line)));
        table.row(vec![item.code.clone(), place, cell(&item.message)]);
    }
    blocks.body(table.render("problem"));
    blocks.foot("More on a code: `rollgate explain CODE` · the same at home: `rollgate diff`");
    blocks.fit()
}

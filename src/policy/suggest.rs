//! "Did you mean ...?"

/// No more candidates than this are weighed, so that a generated policy full of mistakes is still checked quickly.
const MOST: usize = 100;

/// The candidate that `wrong` was most likely meant to be, if any is close enough to be worth saying.
pub(crate) fn closest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    let allowed = (wrong.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .take(MOST)
        .filter(|candidate| {
            // Cheap to tell, and true of nearly every candidate of a long list.
            wrong.len().abs_diff(candidate.len()) <= allowed || candidate.to_lowercase().starts_with(&lower)
        })
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= allowed || (wrong.len() >= 4 && candidate.to_lowercase().starts_with(&lower))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether `meant` is the only candidate near `wrong`, so that renaming needs nobody's judgement.
pub(crate) fn is_certain<'a>(wrong: &str, meant: &str, candidates: impl IntoIterator<Item = &'a str>) -> bool {
    let distance = |candidate: &str| strsim::damerau_levenshtein(&wrong.to_lowercase(), &candidate.to_lowercase());
    let best = distance(meant);
    best <= 2 && candidates.into_iter().take(MOST).filter(|candidate| distance(candidate) <= best + 1).count() == 1
}

/// `a`, `b`, `c` for a help line; at most two dozen.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let shown = names.iter().take(24).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 24 { format!("{shown}, ... ({} in all)", names.len()) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_close() {
        let names = ["traffic", "bake", "max", "gates"];
        assert_eq!(closest("trafic", names), Some("traffic"));
        assert_eq!(closest("Bake", names), Some("bake"));
        assert_eq!(closest("gate", names), Some("gates"));
        assert_eq!(closest("colour", names), None);
    }
}

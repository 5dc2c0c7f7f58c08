//! Which roll backs of the two policies are the same event: lost, gained, moved.

use crate::fixture::run::RolledBack;
use crate::model::time::Time;

use super::super::verdict::Moved;

/// More roll backs than this between two that agree are paired in order: nobody reads so many one by one.
const AT_MOST: usize = 200;

/// What became of the roll backs of a recording.
#[derive(Debug, Default)]
pub(super) struct Matched {
    pub(super) lost: Vec<RolledBack>,
    pub(super) gained: Vec<RolledBack>,
    pub(super) moved: Vec<Moved>,
}

/// Whether two roll backs, one of each policy, may be one event.
pub(super) type OneEvent<'a> = dyn Fn(&RolledBack, &RolledBack) -> bool + 'a;

/// Pairs the roll backs of each region in order of time: those at the same instant first, what lies between two such
/// pairs by as many pairs as there can be, as close in time as they can be. Two that are not `one_event` are never
/// paired.
pub(super) fn matched(before: &[&RolledBack], after: &[&RolledBack], one_event: &OneEvent<'_>) -> Matched {
    let mut regions: Vec<_> = before.iter().chain(after).map(|back| &back.region).collect();
    regions.sort();
    regions.dedup();
    let mut result = Matched::default();
    for region in regions {
        let of = |all: &[&RolledBack]| -> Vec<RolledBack> {
            all.iter().filter(|back| back.region == *region).map(|back| (*back).clone()).collect()
        };
        between_agreements(&of(before), &of(after), one_event, &mut result);
    }
    covered_by_all(one_event, &mut result);
    result.lost.sort_by_key(|back| back.at);
    result.gained.sort_by_key(|back| back.at);
    result.moved.sort_by_key(|moved| moved.before);
    result
}

fn between_agreements(old: &[RolledBack], new: &[RolledBack], one_event: &OneEvent<'_>, result: &mut Matched) {
    let (mut old, mut new) = (old, new);
    loop {
        let agrees = old.iter().enumerate().find_map(|(at, back)| {
            let other = new.iter().position(|other| other.at == back.at)?;
            Some((at, other))
        });
        let Some((was, is)) = agrees else { return pair(old, new, one_event, result) };
        let (was_before, was_rest) = old.split_at(was);
        let (is_before, is_rest) = new.split_at(is);
        pair(was_before, is_before, one_event, result);
        (old, new) = (was_rest.get(1..).unwrap_or_default(), is_rest.get(1..).unwrap_or_default());
    }
}

/// One region taken back by the old policy, all of them by the new: nothing is lost. The other way round the rest is.
fn covered_by_all(one_event: &OneEvent<'_>, result: &mut Matched) {
    let Matched { lost, gained, moved } = result;
    lost.retain(|was| {
        if was.region.is_none() {
            return true;
        }
        let covers = |is: &RolledBack| is.region.is_none() && one_event(was, is);
        let Some(at) = gained.iter().position(covers) else { return true };
        let is = gained.remove(at);
        if is.at != was.at {
            moved.push(Moved { before: was.at, after: is.at, check: is.check, region: None });
        }
        false
    });
}

/// How good a pairing is: unpaired ones first, then milliseconds apart.
type Cost = (usize, u64);

fn pair(old: &[RolledBack], new: &[RolledBack], one_event: &OneEvent<'_>, result: &mut Matched) {
    let many = old.len().max(new.len()) > AT_MOST;
    let steps = if many { in_order(old.len(), new.len()) } else { best(old, new, one_event) };
    for step in steps {
        match step {
            (Some(was), Some(is)) => {
                let (Some(was), Some(is)) = (old.get(was), new.get(is)) else { continue };
                if one_event(was, is) {
                    let (check, region) = (is.check.clone(), is.region.clone());
                    result.moved.push(Moved { before: was.at, after: is.at, check, region });
                } else {
                    result.lost.push(was.clone());
                    result.gained.push(is.clone());
                }
            }
            (was, is) => {
                result.lost.extend(was.and_then(|was| old.get(was)).cloned());
                result.gained.extend(is.and_then(|is| new.get(is)).cloned());
            }
        }
    }
}

/// A position in each list; one alone is lost or gained.
type Step = (Option<usize>, Option<usize>);

fn in_order(old: usize, new: usize) -> Vec<Step> {
    (0..old.max(new)).map(|at| ((at < old).then_some(at), (at < new).then_some(at))).collect()
}

/// The cheapest alignment of the two lists.
fn best(old: &[RolledBack], new: &[RolledBack], one_event: &OneEvent<'_>) -> Vec<Step> {
    // `costs[i][j]` is the cost of the rest when `i` old and `j` new ones are dealt with.
    let mut costs: Vec<Vec<(Cost, Step)>> = vec![vec![((0, 0), (None, None)); new.len() + 1]; old.len() + 1];
    let get = |costs: &[Vec<(Cost, Step)>], i: usize, j: usize| -> Cost {
        costs.get(i).and_then(|row| row.get(j)).map_or((usize::MAX / 2, 0), |(cost, _)| *cost)
    };
    for i in (0..=old.len()).rev() {
        for j in (0..=new.len()).rev() {
            let (was, is) = (old.get(i), new.get(j));
            let mut options: Vec<(Cost, Step)> = Vec::with_capacity(3);
            if let (Some(was), Some(is)) = (was, is)
                && one_event(was, is)
            {
                let (unpaired, apart) = get(&costs, i + 1, j + 1);
                options.push(((unpaired, apart.saturating_add(gap(was.at, is.at))), (Some(i), Some(j))));
            }
            if was.is_some() {
                let (unpaired, apart) = get(&costs, i + 1, j);
                options.push(((unpaired + 1, apart), (Some(i), None)));
            }
            if is.is_some() {
                let (unpaired, apart) = get(&costs, i, j + 1);
                options.push(((unpaired + 1, apart), (None, Some(j))));
            }
            if let (Some(cheapest), Some(cell)) =
                (options.into_iter().min_by_key(|(cost, _)| *cost), costs.get_mut(i).and_then(|row| row.get_mut(j)))
            {
                *cell = cheapest;
            }
        }
    }
    let (mut i, mut j, mut steps) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        let Some((_, step)) = costs.get(i).and_then(|row| row.get(j)) else { break };
        steps.push(*step);
        i += usize::from(step.0.is_some());
        j += usize::from(step.1.is_some());
    }
    steps
}

fn gap(one: Time, other: Time) -> u64 {
    one.as_millis().abs_diff(other.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::Region;

    fn at(minutes: &[i64]) -> Vec<RolledBack> {
        let one = |minute: &i64| RolledBack {
            at: Time::from_millis(minute * 60_000),
            check: None,
            region: None,
            because: String::new(),
            would: false,
        };
        minutes.iter().map(one).collect()
    }

    fn outcome(old: &[i64], new: &[i64], incidents: &[(i64, i64)]) -> (Vec<i64>, Vec<i64>, Vec<(i64, i64)>) {
        let (old, new) = (at(old), at(new));
        let minute = |time: Time| time.as_millis() / 60_000;
        let incident = |time: Time| incidents.iter().position(|(from, to)| (*from..=*to).contains(&minute(time)));
        let of = |backs: &[RolledBack]| backs.iter().map(|back| minute(back.at)).collect();
        let refs = |all: &'_ [RolledBack]| -> Vec<RolledBack> { all.to_vec() };
        let (old, new) = (refs(&old), refs(&new));
        let one_event = |was: &RolledBack, is: &RolledBack| incident(was.at) == incident(is.at);
        let result = matched(&old.iter().collect::<Vec<_>>(), &new.iter().collect::<Vec<_>>(), &one_event);
        let moved = result.moved.iter().map(|moved| (minute(moved.before), minute(moved.after))).collect();
        (of(&result.lost), of(&result.gained), moved)
    }

    #[rstest::rstest]
    #[case::the_same(&[5], &[5], &[], &[], &[])]
    #[case::lost(&[5], &[], &[5], &[], &[])]
    #[case::gained(&[], &[5], &[], &[5], &[])]
    #[case::later(&[5], &[9], &[], &[], &[(5, 9)])]
    #[case::the_first_of_three_is_lost(&[600, 840, 1080], &[845, 1080], &[600], &[], &[(840, 845)])]
    #[case::the_nearest_is_the_same_event(&[600], &[100, 605], &[], &[100], &[(600, 605)])]
    #[case::agreements_are_never_crossed(&[10, 20], &[20, 30], &[10], &[30], &[])]
    fn roll_backs_are_paired(
        #[case] old: &[i64],
        #[case] new: &[i64],
        #[case] lost: &[i64],
        #[case] gained: &[i64],
        #[case] moved: &[(i64, i64)],
    ) {
        assert_eq!(outcome(old, new, &[]), (lost.to_vec(), gained.to_vec(), moved.to_vec()));
    }

    #[test]
    fn roll_backs_of_two_incidents_are_two_events() {
        let incidents = [(0, 50), (100, 150)];
        assert_eq!(outcome(&[10], &[110], &incidents), (vec![10], vec![110], vec![]));
        assert_eq!(outcome(&[10], &[60], &incidents), (vec![10], vec![60], vec![]));
        assert_eq!(outcome(&[110], &[60], &incidents), (vec![110], vec![60], vec![]), "a false alarm catches nothing");
        assert_eq!(outcome(&[60], &[70], &incidents), (vec![], vec![], vec![(60, 70)]), "both outside");
    }

    #[test]
    fn a_roll_back_of_another_region_is_another_event() {
        let (mut eu, mut us) = (at(&[10]), at(&[10]));
        eu[0].region = Some(Region::new("eu"));
        us[0].region = Some(Region::new("us"));
        let result = matched(&[&eu[0]], &[&us[0]], &|_, _| true);
        assert_eq!((result.lost, result.gained, result.moved), (eu, us, vec![]));
    }

    #[test]
    fn all_regions_taken_back_cover_the_one() {
        let (mut one, all) = (at(&[10]), at(&[10]));
        one[0].region = Some(Region::new("us"));
        let wider = matched(&[&one[0]], &[&all[0]], &|_, _| true);
        assert_eq!((wider.lost, wider.gained, wider.moved), (vec![], vec![], vec![]));
        let narrower = matched(&[&all[0]], &[&one[0]], &|_, _| true);
        assert_eq!((narrower.lost, narrower.gained, narrower.moved), (all, one, vec![]));
    }
}

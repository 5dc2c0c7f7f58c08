//! Which conditions of a merge a change trips: a lost roll back, a looser P0, a false roll back, any difference.

use crate::model::severity::{Response, Severity};

use super::change::{Bearing, Change, Direction, Subject};
use super::outcome::{Condition, Tripped};
use super::verdict::{Compared, Side, Standing};

/// The conditions that hold, the gravest first, each with one sentence; those in `asked` make the command fail.
#[must_use]
pub fn tripped(changes: &[Change], compared: &[Compared], asked: &[Condition]) -> Vec<Tripped> {
    let found = [
        (Condition::LostRollback, lost_rollback(compared)),
        (Condition::LooserP0, looser_p0(changes, compared)),
        (Condition::FalseRollback, false_rollback(compared)),
        (Condition::Any, any(compared)),
    ];
    let tripped = found
        .into_iter()
        .filter_map(|(condition, why)| Some(Tripped { condition, why: why?, fails: asked.contains(&condition) }));
    tripped.collect()
}

/// A roll back that the new policy does not decide at all, or an incident that it misses. A false alarm that is gone is
/// neither.
fn lost_rollback(compared: &[Compared]) -> Option<String> {
    let mut lost = compared.iter().flat_map(|one| one.lost.iter().map(move |back| (one, back)));
    if let Some((one, back)) = lost.next() {
        let by = back.check.as_ref().map_or_else(String::new, |check| format!(" by {check}"));
        let number = lost.count() + 1;
        let which = format!("the roll back of `{}` at {}{by}", one.name, back.at);
        return Some(match number {
            1 => format!("{which} is lost"),
            _ => format!("{number} roll backs are lost, the first: {which}"),
        });
    }
    let caught = |side: &Side| side.score.as_ref().map_or(0, |score| score.caught.len());
    let missed = compared.iter().find(|one| caught(&one.after) < caught(&one.before))?;
    Some(format!("an incident of `{}` is not caught any more", missed.name))
}

/// A check that is P0 or rolls back acts on less than before, or what makes it act does.
fn looser_p0(changes: &[Change], compared: &[Compared]) -> Option<String> {
    // Decisions that no other edit can explain are changed by what sampling did not find.
    let unexplained = changes.iter().all(|change| change.bearing != Bearing::Acts)
        && compared.iter().any(|one| one.standing == Standing::Decisions);
    let trips = |change: &&Change| loosens(change) && (unexplained || change.bearing != Bearing::NotFound);
    let looser: Vec<&Change> = changes.iter().filter(trips).collect();
    let first = looser.first()?;
    let name = name(&first.subject);
    // The part says what the value is of, where the value does not say so itself.
    let of = |value: &String| match first.part.as_str() {
        part if value.starts_with(part) => value.clone(),
        part => format!("{part} {value}"),
    };
    let word = match (&first.before, &first.after, first.direction) {
        (Some(_), None, _) if first.part.is_empty() => format!("{name} is removed"),
        (Some(before), Some(after), Direction::Different) => {
            format!("{name} is another: {} became {after}", of(before))
        }
        (Some(before), Some(after), _) => format!("{name} is looser: {} became {after}", of(before)),
        (None, Some(after), _) => format!("{name} is looser: {} {after}", first.part).replace("  ", " "),
        (Some(before), None, _) => format!("{name} is looser: {} {before} is gone", first.part).replace("  ", " "),
        (None, None, direction) => {
            let is = if direction == Direction::Different { "is another" } else { "is looser" };
            // What was found comes last, and says it shortest.
            let found = first.words.rsplit("; ").find(|part| part.starts_with("differs"));
            let found = found.and_then(|found| found.split(", ").next()).unwrap_or(&first.words);
            if found.is_empty() { format!("{name} {is}") } else { format!("{name} {is}: {found}") }
        }
    };
    Some(match looser.len() {
        1 => word,
        number => format!("{word} (and {} more)", number - 1),
    })
}

/// Whether less may be acted on by it of what is P0, or rolls back.
fn loosens(change: &Change) -> bool {
    let can_act = matches!(change.bearing, Bearing::Acts | Bearing::NotFound);
    let is_grave = change.severity == Some(Severity::P0) || change.response == Some(Response::Rollback);
    can_act && is_grave && change.direction != Direction::Tighter
}

fn name(subject: &Subject) -> String {
    match subject {
        Subject::Check(check) => check.to_string(),
        Subject::Stage(stage) => format!("stage {stage}"),
        Subject::Metric(metric) => format!("metric {metric}"),
        Subject::Severity(severity) => format!("severity {severity}"),
        Subject::Script(function) => format!("function {function}"),
        Subject::Policy(key) => key.clone(),
    }
}

/// A labelled recording is rolled back outside of any incident, and was not before.
fn false_rollback(compared: &[Compared]) -> Option<String> {
    let alarms = |side: &Side| side.score.as_ref().map_or(0, |score| score.false_alarms.len());
    let more = |one: &&Compared| one.gained_false > 0 || alarms(&one.after) > alarms(&one.before);
    let found: Vec<&Compared> = compared.iter().filter(more).collect();
    let first = found.first()?;
    let at = first.after.score.as_ref().and_then(|score| {
        let before = first.before.score.as_ref().map_or(&[][..], |score| &score.false_alarms);
        score.false_alarms.iter().find(|at| !before.contains(at))
    });
    let at = at.map_or_else(String::new, |at| format!(" at {at}"));
    let which = format!("`{}` is rolled back{at}, outside of any incident, and was not before", first.name);
    Some(match found.len() {
        1 => which,
        number => format!("{which} (and {} more recordings)", number - 1),
    })
}

fn any(compared: &[Compared]) -> Option<String> {
    let with = |standing: Standing| compared.iter().filter(|one| one.standing == standing).count();
    let (decisions, findings) = (with(Standing::Decisions), with(Standing::Findings));
    let recordings =
        |number: usize| if number == 1 { "1 recording".to_owned() } else { format!("{number} recordings") };
    match (decisions, findings) {
        (0, 0) => None,
        (decisions, 0) => Some(format!("decisions differ on {}", recordings(decisions))),
        (0, findings) => Some(format!("findings differ on {}, no decision does", recordings(findings))),
        (decisions, findings) => {
            Some(format!("decisions differ on {}, findings on {findings} more", recordings(decisions)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::{CheckId, MetricName, StageName};
    use crate::review::change::Proof;

    fn change(subject: Subject, part: &str, before: Option<&str>, after: Option<&str>, direction: Direction) -> Change {
        Change {
            subject,
            part: part.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
            direction,
            proof: Proof::Exact,
            bearing: Bearing::Acts,
            severity: None,
            response: None,
            counterexample: None,
            words: String::new(),
            was_at: None,
            is_at: None,
            environments: Vec::new(),
        }
    }

    fn check(severity: Severity, response: Response) -> Change {
        let subject = Subject::Check(CheckId::new("score.x"));
        Change {
            severity: Some(severity),
            response: Some(response),
            ..change(subject, "below", Some("below 95%"), Some("below 94%"), Direction::Looser)
        }
    }

    fn said(changes: &[Change]) -> Option<String> {
        tripped(changes, &[], &[Condition::LooserP0]).into_iter().map(|tripped| tripped.why).next()
    }

    #[rstest::rstest]
    #[case::a_p0_that_only_holds(Severity::P0, Response::Hold, true)]
    #[case::a_p1_that_rolls_back(Severity::P1, Response::Rollback, true)]
    #[case::a_p1_that_holds(Severity::P1, Response::Hold, false)]
    fn a_looser_check_counts_when_it_is_p0_or_rolls_back(
        #[case] severity: Severity,
        #[case] response: Response,
        #[case] counts: bool,
    ) {
        let looser = check(severity, response);
        let sentence = "score.x is looser: below 95% became below 94%".to_owned();
        assert_eq!(said(std::slice::from_ref(&looser)), counts.then_some(sentence));
        assert_eq!(said(&[Change { direction: Direction::Tighter, ..looser.clone() }]), None);
        let other = said(&[Change { direction: Direction::Different, ..looser.clone() }]);
        assert_eq!(other.is_some(), counts);
        let removed = Change { part: String::new(), after: None, ..looser };
        assert_eq!(said(&[removed]), counts.then(|| "score.x is removed".to_owned()));
    }

    fn script(direction: Direction, words: &str) -> Change {
        Change {
            response: Some(Response::Rollback),
            words: words.to_owned(),
            ..change(Subject::Script("runaway".to_owned()), "", None, None, direction)
        }
    }

    #[rstest::rstest]
    #[case::tighter(
        Direction::Tighter,
        Bearing::Acts,
        "differs at 6 of 64 points, sampled, not proved; at b firing",
        None
    )]
    #[case::a_refactor(
        Direction::Different,
        Bearing::NotFound,
        "no difference at 64 points, sampled, not proved",
        None
    )]
    #[case::looser(
        Direction::Looser,
        Bearing::Acts,
        "differs at 6 of 64 points, sampled, not proved; at b firing",
        Some("function runaway is looser: differs at 6 of 64 points")
    )]
    #[case::both(
        Direction::Different,
        Bearing::Acts,
        "differs at 6 of 64 points, sampled, not proved; at b firing",
        Some("function runaway is another: differs at 6 of 64 points")
    )]
    fn an_edited_script_counts_when_some_point_shows_less(
        #[case] direction: Direction,
        #[case] bearing: Bearing,
        #[case] found: &str,
        #[case] expected: Option<&str>,
    ) {
        let change =
            Change { proof: Proof::Sampled, bearing, ..script(direction, &format!("what runaway says; {found}")) };
        assert_eq!(said(&[change]).as_deref(), expected);
    }

    #[rstest::rstest]
    #[case::it_can_alter_a_decision(Bearing::Acts, true)]
    #[case::a_new_id(Bearing::AsBefore, false)]
    #[case::in_shadow(Bearing::Untouched, false)]
    #[case::no_point_shows_it(Bearing::NotFound, false)]
    fn what_alters_no_decision_is_no_loosening_whatever_its_words_say(#[case] bearing: Bearing, #[case] counts: bool) {
        let words = "renamed: acts as before; it was in shadow; no difference at 64 points".to_owned();
        let change = Change { words, bearing, ..check(Severity::P0, Response::Rollback) };
        assert_eq!(said(&[change]).is_some(), counts);
    }

    #[rstest::rstest]
    #[case::p0(Some(Severity::P0), None, Direction::Looser, true)]
    #[case::a_roll_back(None, Some(Response::Rollback), Direction::Looser, true)]
    #[case::only_a_hold(Some(Severity::P1), Some(Response::Hold), Direction::Looser, false)]
    #[case::of_neither(None, None, Direction::Looser, false)]
    #[case::tighter(Some(Severity::P0), Some(Response::Rollback), Direction::Tighter, false)]
    fn what_makes_checks_act_counts_as_they_do(
        #[values(
            Subject::Severity(Severity::P2),
            Subject::Metric(MetricName::new("m")),
            Subject::Stage(StageName::new("s")),
            Subject::Policy("mode".to_owned())
        )]
        subject: Subject,
        #[case] severity: Option<Severity>,
        #[case] response: Option<Response>,
        #[case] direction: Direction,
        #[case] counts: bool,
    ) {
        let edited = change(subject, "then", Some("rollback"), Some("hold"), direction);
        assert_eq!(said(&[Change { severity, response, ..edited }]).is_some(), counts);
    }

    #[test]
    fn a_condition_that_nobody_asked_for_is_told_and_fails_nothing() {
        let changes = [check(Severity::P0, Response::Rollback), check(Severity::P0, Response::Rollback)];
        let told = tripped(&changes, &[], &[Condition::Any]);
        assert_eq!(told.len(), 1);
        assert!(!told[0].fails && told[0].why.ends_with("(and 1 more)"), "{told:?}");
    }
}

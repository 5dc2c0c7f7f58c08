//! The worst of what fell into a column is what the column shows.

use super::*;
use jiff::tz::TimeZone;

fn score() -> Line {
    Line { name: "isolation_score".to_owned(), unit: Unit::Percent, better: Better::Higher }
}

fn bands(count: i64, dip_at: i64) -> Bands {
    let mut bands = Bands::new(vec!["off".to_owned(), "canary 10%".to_owned()], vec![score()]);
    for at in 0..count {
        let dip = at == dip_at;
        bands.add(&Moment {
            at: Time::from_millis(1_793_847_600_000 + at * 60_000),
            stage: usize::from(at > count / 8),
            severity: dip.then_some(Severity::P0),
            answer: if dip { Answer::RollBack } else { Answer::Hold },
            values: &[if dip { 94.2 } else { 99.9 }],
        });
    }
    bands
}

fn drawn(bands: &Bands, screen: Screen) -> Vec<String> {
    let times = Times::between(TimeZone::UTC, bands.start, bands.end);
    bands.draw(screen, &times).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
}

#[test]
fn one_bad_minute_in_weeks_is_seen_on_every_line() {
    for count in [40_i64, 10_080, 100_000] {
        let text = drawn(&bands(count, count / 2), Screen { width: 80, ascii: true });
        assert_eq!(text[2].matches('0').count(), 1, "{count}: {text:#?}");
        assert_eq!(text[3].matches('v').count(), 1, "{count}: {text:#?}");
        assert_eq!(text[4].matches('_').count() - "isolation_score".matches('_').count(), 1, "{count}: {text:#?}");
        assert!(text[4].ends_with("99.9% -> 94.2%"), "{}", text[4]);
        assert!(text.iter().all(|line| line.chars().count() <= 80), "{text:#?}");
    }
}

#[test]
fn a_short_run_has_one_column_per_instant() {
    let text = drawn(&bands(16, 3), Screen { width: 80, ascii: true });
    assert_eq!(text[3], "decision          ...v............");
    assert_eq!(text[1], "stage             off|canary 10%..");
}

#[test]
fn a_narrow_screen_has_no_bands() {
    assert!(drawn(&bands(16, 3), Screen { width: 79, ascii: false }).is_empty());
}

//! Quantiles of histograms.

use crate::model::reading::Unknown;

/// The most buckets of one histogram; the protocol's own exporters stop at 160.
const MAX_BUCKETS: usize = 4096;

/// A histogram, its buckets in rising order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    pub(super) count: u64,
    pub(super) sum: Option<f64>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    buckets: Vec<Bucket>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    from: f64,
    to: f64,
    count: u64,
}

/// One half of an exponential histogram.
#[derive(Debug, Clone, Default)]
pub(super) struct Half {
    pub(super) offset: i64,
    pub(super) counts: Vec<u64>,
}

/// What a histogram says of itself, apart from its buckets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Totals {
    pub(super) count: u64,
    pub(super) sum: Option<f64>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
}

impl Histogram {
    /// One with bounds of its own choice: one more bucket than bounds, or neither.
    pub(super) fn explicit(totals: Totals, bounds: &[f64], counts: &[u64]) -> Result<Histogram, &'static str> {
        if bounds.is_empty() && counts.is_empty() {
            return Histogram::new(totals, Vec::new());
        }
        if counts.len() != bounds.len().saturating_add(1) {
            return Err("its buckets and their bounds do not belong together");
        }
        if counts.len() > MAX_BUCKETS {
            return Err("it has too many buckets");
        }
        let rising = bounds.windows(2).all(|pair| matches!(pair, [one, next] if one < next));
        if !rising || bounds.iter().any(|bound| !bound.is_finite()) {
            return Err("its bounds do not rise");
        }
        let from = std::iter::once(f64::NEG_INFINITY).chain(bounds.iter().copied());
        let to = bounds.iter().copied().chain(std::iter::once(f64::INFINITY));
        let buckets = from.zip(to).zip(counts).map(|((from, to), count)| Bucket { from, to, count: *count });
        Histogram::new(totals, buckets.collect())
    }

    /// One with bounds that grow by a factor: bucket `i` reaches from `base^i` to `base^(i + 1)`.
    pub(super) fn exponential(
        totals: Totals,
        scale: i64,
        zero: (u64, f64),
        positive: &Half,
        negative: &Half,
    ) -> Result<Histogram, &'static str> {
        let (zeros, threshold) = zero;
        if positive.counts.len().saturating_add(negative.counts.len()) > MAX_BUCKETS {
            return Err("it has too many buckets");
        }
        if !((-10..=20).contains(&scale) && (0.0..f64::INFINITY).contains(&threshold)) {
            return Err("its scale is none");
        }
        let bound = |half: &Half, at: usize| {
            // Exact as long as the offset is one that the protocol allows.
            let index = half.offset as f64 + at as f64;
            (index * (-(scale as f64)).exp2()).exp2()
        };
        let far = negative.counts.iter().enumerate().rev().map(|(at, count)| Bucket {
            from: -bound(negative, at + 1),
            to: -bound(negative, at),
            count: *count,
        });
        let near = std::iter::once(Bucket { from: -threshold, to: threshold, count: zeros });
        let above = positive.counts.iter().enumerate().map(|(at, count)| Bucket {
            from: bound(positive, at),
            to: bound(positive, at + 1),
            count: *count,
        });
        Histogram::new(totals, far.chain(near).chain(above).collect())
    }

    fn new(totals: Totals, buckets: Vec<Bucket>) -> Result<Histogram, &'static str> {
        let counted = buckets.iter().try_fold(0_u64, |sum, bucket| sum.checked_add(bucket.count));
        if !buckets.is_empty() && counted != Some(totals.count) {
            return Err("its buckets do not add up to its count");
        }
        let Totals { count, sum, min, max } = totals;
        let finite = |value: &f64| value.is_finite();
        Ok(Histogram { count, sum, min: min.filter(finite), max: max.filter(finite), buckets })
    }

    /// The value below which `share` of the measurements lie, taken as evenly spread within a bucket.
    ///
    /// The ends of a histogram are open. Where the quantile lies in an open bucket and the histogram does not say how
    /// far that reaches, its value is unknown: the last bound would be a number, and better than the truth.
    pub(super) fn quantile(&self, share: f64) -> Result<f64, Unknown> {
        if self.count == 0 || self.buckets.is_empty() {
            return Err(Unknown::Absent);
        }
        let rank = share * self.count as f64;
        let mut below = 0.0;
        for bucket in self.buckets.iter().filter(|bucket| bucket.count > 0) {
            let count = bucket.count as f64;
            if below + count >= rank {
                return self.within(bucket, ((rank - below) / count).clamp(0.0, 1.0));
            }
            below += count;
        }
        Err(Unknown::Infinite)
    }

    fn within(&self, bucket: &Bucket, part: f64) -> Result<f64, Unknown> {
        // Durations and sizes begin at nought, and so does the first bucket of a histogram of them.
        let start = match bucket.from {
            from if from.is_finite() => Some(from),
            _ => self.min.or_else(|| (bucket.to > 0.0).then_some(0.0)),
        };
        let end = if bucket.to.is_finite() { Some(bucket.to) } else { self.max };
        let (Some(start), Some(end)) = (start, end) else { return Err(Unknown::Infinite) };
        let value = start + (end - start) * part;
        let value = self.max.map_or(value, |max| value.min(max));
        let value = self.min.map_or(value, |min| value.max(min));
        if value.is_finite() { Ok(value) } else { Err(Unknown::Infinite) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(count: u64) -> Totals {
        Totals { count, sum: None, min: None, max: None }
    }

    #[rstest::rstest]
    #[case::the_middle(0.5, Ok(100.0))]
    #[case::within_a_bucket(0.75, Ok(150.0))]
    #[case::within_the_first(0.25, Ok(50.0))]
    #[case::at_the_last_bound(1.0, Ok(200.0))]
    fn a_quantile_is_where_its_share_lies(#[case] share: f64, #[case] value: Result<f64, Unknown>) {
        let histogram = Histogram::explicit(totals(40), &[100.0, 200.0], &[20, 20, 0]).unwrap();
        assert_eq!(histogram.quantile(share), value);
    }

    #[test]
    fn beyond_the_last_bound_it_is_unknown_unless_the_largest_is_told() {
        let counts = [0, 10, 10];
        let histogram = Histogram::explicit(totals(20), &[100.0, 200.0], &counts).unwrap();
        assert_eq!(histogram.quantile(0.95), Err(Unknown::Infinite));
        let told = Totals { max: Some(1200.0), ..totals(20) };
        let histogram = Histogram::explicit(told, &[100.0, 200.0], &counts).unwrap();
        assert_eq!(histogram.quantile(0.95), Ok(1100.0));
    }

    #[test]
    fn nothing_measured_is_absent() {
        let histogram = Histogram::explicit(totals(0), &[1.0], &[0, 0]).unwrap();
        assert_eq!(histogram.quantile(0.5), Err(Unknown::Absent));
    }

    #[rstest::rstest]
    #[case::counts_without_bounds(&[], &[1, 1])]
    #[case::too_few_counts(&[1.0, 2.0], &[1, 1])]
    #[case::falling(&[2.0, 1.0], &[1, 1, 0])]
    #[case::equal(&[1.0, 1.0], &[1, 1, 0])]
    #[case::not_a_number(&[f64::NAN], &[1, 1])]
    #[case::another_sum(&[1.0], &[1, 2])]
    #[case::overflow(&[1.0], &[u64::MAX, 3])]
    fn what_does_not_fit_is_refused(#[case] bounds: &[f64], #[case] counts: &[u64]) {
        assert!(Histogram::explicit(totals(2), bounds, counts).is_err());
    }

    #[test]
    fn exponential_buckets_grow_by_their_base() {
        // Scale 0: from 1 to 2, 2 to 4, 4 to 8.
        let positive = Half { offset: 0, counts: vec![10, 10, 20] };
        let negative = Half { offset: 1, counts: vec![10] };
        let histogram = Histogram::exponential(totals(60), 0, (10, 0.0), &positive, &negative).unwrap();
        assert_eq!(histogram.quantile(0.5), Ok(2.0));
        assert_eq!(histogram.quantile(1.0), Ok(8.0));
        assert_eq!(histogram.quantile(5.0 / 6.0), Ok(6.0));
        assert_eq!(histogram.quantile(1.0 / 12.0), Ok(-3.0));
        assert_eq!(histogram.quantile(0.25), Ok(0.0));
    }

    #[rstest::rstest]
    #[case::too_fine(21, 0)]
    #[case::too_coarse(-11, 0)]
    #[case::far_out(0, i64::MAX)]
    fn an_exponential_histogram_out_of_this_world_gives_no_number(#[case] scale: i64, #[case] offset: i64) {
        let positive = Half { offset, counts: vec![1] };
        let histogram = Histogram::exponential(totals(1), scale, (0, 0.0), &positive, &Half::default());
        assert!(histogram.is_err_and(|_| offset == 0) || offset > 0);
        if offset > 0 {
            let histogram = Histogram::exponential(totals(1), scale, (0, 0.0), &positive, &Half::default()).unwrap();
            assert_eq!(histogram.quantile(0.5), Err(Unknown::Infinite));
        }
    }
}

//! Statistics and number formats.

/// Returns the lower quartile, the median and the upper quartile.
pub fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    // Interpolate between two values.
    let at = |part: usize| {
        let place = (values.len().max(1) - 1) * part;
        let low = values.get(place / 4).copied().unwrap_or(f64::NAN);
        let high = values.get(place / 4 + 1).copied().unwrap_or(low);
        low + (high - low) * [0.0, 0.25, 0.5, 0.75][place % 4]
    };
    [at(1), at(2), at(3)]
}

/// Returns the median between the bounds of its 95 % confidence interval.
///
/// The bounds are those of the sign test: they are measured values themselves, and assume nothing about the
/// distribution. For fewer than six values they are the extremes.
pub(crate) fn bounded_median(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let [_, middle, _] = quartiles(values.clone());
    // The probability that no value lies below the median; then that one does, and so on.
    let mut likelihood = (0..values.len()).fold(1.0, |half, _| half / 2.0);
    let mut sum = 0.0;
    let mut outside: usize = 0;
    for (below, rest) in (1_u32..).zip((1..=values.len()).rev()) {
        sum += likelihood;
        if sum > 0.025 {
            break;
        }
        #[expect(clippy::cast_precision_loss, reason = "the number of rounds is small")]
        let factor = rest as f64 / f64::from(below);
        likelihood *= factor;
        outside += 1;
    }
    let outside = outside.saturating_sub(1);
    let at = |place: Option<usize>| place.and_then(|place| values.get(place)).copied().unwrap_or(f64::NAN);
    [at(Some(outside)), middle, at(values.len().checked_sub(1 + outside))]
}

/// Returns the item with the least figure. Items without a figure do not count.
pub(crate) fn least<T>(items: impl IntoIterator<Item = T>, figure: impl Fn(&T) -> f64) -> Option<T> {
    let figures = items.into_iter().map(|item| (figure(&item), item)).filter(|(figure, _)| figure.is_finite());
    figures.min_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, item)| item)
}

/// Formats a number with three digits.
pub(crate) fn figure(value: f64) -> String {
    if value.abs() < 1.0 {
        format!("{value:.3}")
    } else if value.abs() < 10.0 {
        format!("{value:.2}")
    } else if value.abs() < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_interpolated() {
        assert_eq!(format!("{:?}", quartiles(vec![3.0, 1.0, 2.0])), "[1.5, 2.0, 2.5]");
        assert_eq!(format!("{:?}", quartiles(vec![5.0])), "[5.0, 5.0, 5.0]");
        assert_eq!(format!("{:?}", quartiles(vec![4.0, 0.0, 8.0, 12.0, 16.0])), "[4.0, 8.0, 12.0]");
    }

    #[test]
    fn least_counts_only_items_with_a_figure() {
        assert_eq!(least([f64::NAN, 3.0, 2.0, f64::INFINITY], |figure| *figure), Some(2.0));
        assert_eq!(least([f64::NAN], |figure| *figure), None);
    }

    #[test]
    fn median_bounds_match_sign_test_tables() {
        // The positions in published tables, counted from one.
        for (rounds, low, high) in
            [(1, 1, 1), (5, 1, 5), (6, 1, 6), (8, 1, 8), (9, 2, 8), (15, 4, 12), (21, 6, 16), (25, 8, 18)]
        {
            let values = (1..=rounds).rev().map(f64::from).collect();
            let [least, _, most] = bounded_median(values);
            assert_eq!(format!("{least} {most}"), format!("{low} {high}"), "{rounds} rounds");
        }
    }
}

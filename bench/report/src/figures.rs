//! Numbers for a person to read.

/// The median and the quartiles around it.
pub fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    // Between two values the point lies in proportion.
    let at = |part: usize| {
        let place = (values.len().max(1) - 1) * part;
        let low = values.get(place / 4).copied().unwrap_or(f64::NAN);
        let high = values.get(place / 4 + 1).copied().unwrap_or(low);
        low + (high - low) * [0.0, 0.25, 0.5, 0.75][place % 4]
    };
    [at(1), at(2), at(3)]
}

/// The median, and around it the bounds between which that of ever more rounds would lie, in 95 of 100 cases or more. They
/// are rounds themselves: how likely it is that so few lie on one side of the median is known of any distribution. Fewer
/// than six rounds cannot tell, and give their extremes.
pub(crate) fn bounded_median(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let [_, middle, _] = quartiles(values.clone());
    // How likely it is that no round lies below the median, then also that one does, and so on.
    let mut likelihood = (0..values.len()).fold(1.0, |half, _| half / 2.0);
    let mut sum = 0.0;
    let mut outside: usize = 0;
    for (below, rest) in (1_u32..).zip((1..=values.len()).rev()) {
        sum += likelihood;
        if sum > 0.025 {
            break;
        }
        #[expect(clippy::cast_precision_loss, reason = "a number of rounds")]
        let factor = rest as f64 / f64::from(below);
        likelihood *= factor;
        outside += 1;
    }
    let outside = outside.saturating_sub(1);
    let at = |place: Option<usize>| place.and_then(|place| values.get(place)).copied().unwrap_or(f64::NAN);
    [at(Some(outside)), middle, at(values.len().checked_sub(1 + outside))]
}

/// Three digits, whatever the size.
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
    fn quartiles_lie_between_values_in_proportion() {
        assert_eq!(format!("{:?}", quartiles(vec![3.0, 1.0, 2.0])), "[1.5, 2.0, 2.5]");
        assert_eq!(format!("{:?}", quartiles(vec![5.0])), "[5.0, 5.0, 5.0]");
        assert_eq!(format!("{:?}", quartiles(vec![4.0, 0.0, 8.0, 12.0, 16.0])), "[4.0, 8.0, 12.0]");
    }

    #[test]
    fn the_bounds_of_a_median_are_those_of_the_tables_of_the_sign_test() {
        // The places by which such tables go, from one on.
        for (rounds, low, high) in
            [(1, 1, 1), (5, 1, 5), (6, 1, 6), (8, 1, 8), (9, 2, 8), (15, 4, 12), (21, 6, 16), (25, 8, 18)]
        {
            let values = (1..=rounds).rev().map(f64::from).collect();
            let [least, _, most] = bounded_median(values);
            assert_eq!(format!("{least} {most}"), format!("{low} {high}"), "{rounds} rounds");
        }
    }
}

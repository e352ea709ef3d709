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

/// Three digits, whatever the size.
pub(crate) fn figure(value: f64) -> String {
    if value < 1.0 {
        format!("{value:.3}")
    } else if value < 10.0 {
        format!("{value:.2}")
    } else if value < 100.0 {
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
}

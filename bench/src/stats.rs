//! The few statistics a report needs. All of them ignore an empty input by
//! returning `None`, so that a missing measurement never becomes a number.

/// The median; of an even number of values, the mean of the middle two.
pub fn median(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    Some(if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    })
}

/// The geometric mean of positive values.
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let logs: f64 = values.iter().map(|v| v.ln()).sum();
    Some((logs / values.len() as f64).exp())
}

/// How many times faster `new` is than `base`.
pub fn speedup(base_ms: Option<f64>, new_ms: Option<f64>) -> Option<f64> {
    match (base_ms, new_ms) {
        (Some(base), Some(new)) if base > 0.0 && new > 0.0 => Some(base / new),
        _ => None,
    }
}

/// Rounded to three decimals, for reports.
pub fn round3(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn geometric_means() {
        assert_eq!(geometric_mean(&[]), None);
        let mean = geometric_mean(&[2.0, 8.0]).unwrap();
        assert!((mean - 4.0).abs() < 1e-12, "{mean}");
        let even = geometric_mean(&[0.5, 2.0]).unwrap();
        assert!((even - 1.0).abs() < 1e-12, "{even}");
    }

    #[test]
    fn speedups_need_both_times() {
        assert_eq!(speedup(Some(10.0), Some(4.0)), Some(2.5));
        assert_eq!(speedup(None, Some(4.0)), None);
        assert_eq!(speedup(Some(10.0), None), None);
        assert_eq!(speedup(Some(0.0), Some(4.0)), None);
    }

    #[test]
    fn rounding() {
        assert_eq!(round3(1.23456), 1.235);
    }
}

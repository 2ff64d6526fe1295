//! Which power of the size a cost grows with: a regression of logarithms, with its error.
//!
//! A line through `ln cost` over `ln size` has the power as its slope. How well the usual laws fit
//! is asked apart: N log N is not a power, and 2^N is far from one.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A law that costs follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Law {
    /// Less than in proportion.
    Sublinear,
    /// In proportion.
    Linear,
    /// N log N.
    LinearLog,
    /// N^1.5.
    Power15,
    /// N^2.
    Square,
    /// N^3.
    Cube,
    /// k^N.
    Exponential,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Law::Sublinear => "less than N",
            Law::Linear => "N",
            Law::LinearLog => "N log N",
            Law::Power15 => "N^1.5",
            Law::Square => "N^2",
            Law::Cube => "N^3",
            Law::Exponential => "2^N",
        })
    }
}

/// The logarithm of what a law gives for a size.
type Curve = fn(f64) -> f64;

/// The laws without a constant to be found beside the factor.
const LAWS: &[(Law, Curve)] = &[
    (Law::Sublinear, |size| 0.5 * size.ln()),
    (Law::Linear, |size| size.ln()),
    (Law::LinearLog, |size| (size * size.ln()).ln()),
    (Law::Power15, |size| 1.5 * size.ln()),
    (Law::Square, |size| 2.0 * size.ln()),
    (Law::Cube, |size| 3.0 * size.ln()),
];

/// Fewer points tell no law.
pub(super) const POINTS_MIN: usize = 4;

/// An exponential must leave less than this share of what a power leaves unexplained.
const EXPONENTIAL_SHARE: f64 = 0.25;

/// The local power at the top of an exponential is at least this: it doubles with the size.
const EXPONENTIAL_POWER_MIN: f64 = 3.0;

/// How a cost grows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// The power of the size that fits best.
    pub exponent: f64,
    /// Its standard error.
    pub error: f64,
    /// The share of the variation that the power explains, from 0 to 1.
    pub r_squared: f64,
    /// The law that is nearest.
    pub law: Law,
    /// The least power between two neighbouring sizes among the last three.
    pub last_exponent: f64,
}

/// Fits sizes and costs, both above 0 and sizes rising; `None` where there are too few.
pub fn fit(points: &[(f64, f64)]) -> Option<Fit> {
    if points.len() < POINTS_MIN {
        return None;
    }
    let logs: Vec<(f64, f64)> = points.iter().map(|(size, cost)| (size.ln(), cost.ln())).collect();
    let line = regress(&logs)?;
    let local = |pair: &[(f64, f64)]| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0);
    let last = logs[logs.len() - 3..].windows(2).map(local);
    let nearest = LAWS
        .iter()
        .map(|(law, of)| (*law, spread(points.iter().map(|(size, cost)| cost.ln() - of(*size)))))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    let over_size: Vec<(f64, f64)> = points.iter().map(|(size, cost)| (*size, cost.ln())).collect();
    let exponential = regress(&over_size).is_some_and(|straight| {
        straight.slope > 0.0
            && straight.unexplained < EXPONENTIAL_SHARE * line.unexplained
            && local(&logs[logs.len() - 2..]) >= EXPONENTIAL_POWER_MIN
    });
    Some(Fit {
        exponent: line.slope,
        error: line.error,
        r_squared: line.r_squared,
        law: if exponential { Law::Exponential } else { nearest?.0 },
        last_exponent: last.fold(f64::INFINITY, f64::min),
    })
}

/// A straight line.
struct Line {
    slope: f64,
    error: f64,
    r_squared: f64,
    /// Sum of the squares that it leaves.
    unexplained: f64,
}

fn regress(points: &[(f64, f64)]) -> Option<Line> {
    let count = f64::from(u32::try_from(points.len()).ok()?);
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let sum = |of: &dyn Fn(f64, f64) -> f64| {
        points.iter().map(|(x, y)| of(x - mean_x, y - mean_y)).sum::<f64>()
    };
    let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
    if xx <= 0.0 {
        return None;
    }
    let slope = xy / xx;
    let unexplained = sum(&|x, y| (y - slope * x).powi(2));
    let error = (unexplained / (count - 2.0) / xx).sqrt();
    let r_squared = if yy > 0.0 { 1.0 - unexplained / yy } else { 1.0 };
    let line = Line { slope, error, r_squared, unexplained };
    [slope, error].iter().all(|it| it.is_finite()).then_some(line)
}

/// The sum of squares about the mean.
fn spread(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    let count = f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX));
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_power_is_found_without_error() {
        let points: Vec<(f64, f64)> =
            (4..12).map(|k| 2f64.powi(k)).map(|x| (x, 7.0 * x.powf(1.7))).collect();
        let fit = fit(&points).unwrap();
        assert!((fit.exponent - 1.7).abs() < 1e-9 && fit.error < 1e-9, "{fit:?}");
        assert!(fit.r_squared > 0.999_999 && (fit.last_exponent - 1.7).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_fitted_is_not() {
        assert_eq!(fit(&[(1.0, 1.0), (2.0, 2.0), (4.0, 4.0)]), None, "too few");
        assert_eq!(fit(&[(2.0, 1.0); 5]), None, "all of one size");
    }
}

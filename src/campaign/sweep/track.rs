//! The course of one line on one backend: what its modules cost so far, and what the next will.

use super::state::Confirming;
use crate::outcome::{Outcome, Termination};
use crate::recipe::Proximity;
use std::time::Duration;

/// Below this many microseconds a cost is mostly the same for every module, and foretells nothing.
const TELLING_US: u64 = 4_000;

/// The power of the use of the limit that cost is taken to grow with where one point is known: a
/// little more than in proportion, since sorting and trees are everywhere.
const POWER: f64 = 1.2;

/// Powers that two points may suggest.
const POWERS: (f64, f64) = (1.0, 3.0);

/// What is known of a line on a backend.
#[derive(Default)]
pub(super) struct Track {
    /// Use of the limit and CPU time in microseconds of the modules that went through, in order.
    points: Vec<(u64, u64)>,
    /// Why nothing nearer needs to be tried.
    pub(super) blocked: Option<String>,
    /// Violations that are being confirmed.
    pub(super) confirming: Vec<Confirming>,
}

impl Track {
    /// Takes an outcome at `at`, where the module uses `used` of the limit, into account.
    pub(super) fn note(&mut self, outcome: &Outcome, at: Proximity, used: u64) {
        match &outcome.termination {
            Termination::Completed { .. } => self.points.push((used, outcome.measurements.cpu_us)),
            Termination::TimedOut { .. } | Termination::OutOfMemory { .. } => {
                self.blocked = Some(format!("it ran over its budget at {at} already"));
            }
            Termination::Panicked { .. }
            | Termination::StackOverflow { .. }
            | Termination::Signaled { .. } => {
                self.blocked = Some(format!("it crashed at {at} already"));
            }
            Termination::OutputLimit
            | Termination::Ambiguous
            | Termination::Infrastructure { .. } => {}
        }
    }

    /// CPU time to expect of a module that uses `used` of the limit, where the past tells.
    pub(super) fn foretell(&self, used: u64) -> Option<Duration> {
        let &(last_used, last_us) = self.points.last()?;
        if last_us < TELLING_US {
            return None;
        }
        let ratio = |more: u64, less: u64| {
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let ratio = more as f64 / less.max(1) as f64;
            ratio.max(1.0)
        };
        let earlier = self.points.iter().rev().skip(1).find(|&&(_, us)| us >= TELLING_US);
        let power = match earlier {
            Some(&(used, us)) if last_used > used => {
                (ratio(last_us, us).ln() / ratio(last_used, used).ln()).clamp(POWERS.0, POWERS.1)
            }
            _ => POWER,
        };
        let growth = ratio(used, last_used).powf(power).min(1e9);
        Some(Duration::from_micros(last_us).mul_f64(growth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(points: &[(u64, u64)]) -> Track {
        Track { points: points.to_vec(), ..Track::default() }
    }

    #[test]
    fn two_points_tell_the_power_of_growth() {
        let linear = track(&[(100, 10_000), (1_000, 100_000)]).foretell(10_000).unwrap();
        assert_eq!(linear.as_millis(), 1_000);
        let square = track(&[(100, 10_000), (1_000, 1_000_000)]).foretell(10_000).unwrap();
        assert_eq!(square.as_secs(), 100);
    }

    #[test]
    fn one_point_tells_a_little_more_than_in_proportion() {
        let foretold = track(&[(100, 10_000)]).foretell(1_000).unwrap();
        assert!(foretold > Duration::from_millis(100) && foretold < Duration::from_millis(200));
    }

    #[test]
    fn small_costs_tell_nothing() {
        assert_eq!(track(&[]).foretell(10), None);
        assert_eq!(track(&[(1, 900), (10, 1_000)]).foretell(100), None);
    }
}

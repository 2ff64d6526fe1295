//! The course of one line on one backend: what its modules cost so far, and what the next will.

use crate::campaign::confirming::Confirming;
use crate::outcome::{Clock, Outcome, Phase, Termination};
use crate::recipe::Proximity;
use std::collections::BTreeMap;
use std::time::Duration;

/// Below this many microseconds a cost is mostly the same for every module, and foretells nothing.
pub(super) const TELLING_US: u64 = 4_000;

/// The same, as a multiple of the least that any module cost on that backend: some engines take
/// long to start.
pub(super) const TELLING_STARTS: u64 = 3;

/// The power of the use of the limit that cost is taken to grow with where one point is known: a
/// little more than in proportion, since sorting and trees are everywhere.
const POWER: f64 = 1.2;

/// Powers that two points may suggest.
const POWERS: (f64, f64) = (1.0, 3.0);

/// What one module cost.
#[derive(Clone, Copy)]
struct Point {
    /// Use of the limit.
    used: u64,
    module_bytes: u64,
    cpu_us: u64,
    peak_live_bytes: u64,
}

/// What a module is foretold to cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Foretold {
    pub(super) cpu: Duration,
    pub(super) memory_bytes: u64,
    /// CPU time per byte of the last module that went through, in nanoseconds.
    pub(super) ns_per_byte: u64,
    /// The power that CPU time was seen to grow with; `None` where one point is all there is.
    pub(super) power: Option<f64>,
}

/// What is known of a line on a backend.
#[derive(Default)]
pub(super) struct Track {
    /// The modules that went through, in order.
    points: Vec<Point>,
    /// Why nothing nearer needs to be tried.
    pub(super) blocked: Option<String>,
    /// Violations that are being confirmed, by their numbers.
    pub(super) confirming: BTreeMap<u64, Confirming>,
}

impl Track {
    /// Takes an outcome at `at`, where the module uses `used` of the limit, into account.
    pub(super) fn note(&mut self, outcome: &Outcome, at: Proximity, used: u64) {
        match &outcome.termination {
            Termination::Completed { .. } => self.points.push(Point {
                used,
                module_bytes: outcome.measurements.module_bytes,
                cpu_us: outcome.measurements.cpu_us,
                peak_live_bytes: outcome.measurements.peak_live_bytes,
            }),
            Termination::TimedOut { clock: Clock::Cpu } | Termination::OutOfMemory { .. }
                if outcome.phase != Phase::Repeat =>
            {
                self.blocked =
                    Some(format!("over its budget farther from the limit ({at}) already"));
            }
            Termination::Panicked { .. }
            | Termination::StackOverflow { .. }
            | Termination::Signaled { .. } => {
                self.blocked = Some(format!("crashed farther from the limit ({at}) already"));
            }
            Termination::TimedOut { .. }
            | Termination::OutOfMemory { .. }
            | Termination::OutputLimit
            | Termination::Ambiguous
            | Termination::Infrastructure { .. } => {}
        }
    }

    /// What to expect of a module that uses `used` of the limit, where the past tells.
    /// A cost below `telling_us` tells nothing.
    pub(super) fn foretell(&self, used: u64, telling_us: u64) -> Option<Foretold> {
        let last = self.points.last().filter(|point| point.cpu_us >= telling_us)?;
        let earlier = self.points.iter().rev().skip(1).find(|p| p.cpu_us >= telling_us);
        let earlier = earlier.filter(|earlier| last.used > earlier.used);
        let power = |cost: fn(&Point) -> u64| {
            let power = ratio(cost(last), cost(earlier?)).ln();
            Some((power / ratio(last.used, earlier?.used).ln()).clamp(POWERS.0, POWERS.1))
        };
        let growth = |cost: fn(&Point) -> u64| {
            ratio(used, last.used).powf(power(cost).unwrap_or(POWER)).min(1e9)
        };
        let memory = Duration::from_micros(last.peak_live_bytes);
        let memory = memory.mul_f64(growth(|point| point.peak_live_bytes)).as_micros();
        Some(Foretold {
            cpu: Duration::from_micros(last.cpu_us).mul_f64(growth(|point| point.cpu_us)),
            memory_bytes: u64::try_from(memory).unwrap_or(u64::MAX),
            ns_per_byte: last.cpu_us.saturating_mul(1_000) / last.module_bytes.max(1),
            power: power(|point| point.cpu_us),
        })
    }
}

/// `more / less`, at least 1.
fn ratio(more: u64, less: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let ratio = more as f64 / less.max(1) as f64;
    ratio.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(points: &[(u64, u64)]) -> Track {
        let point = |&(used, cpu_us): &(u64, u64)| Point {
            used,
            module_bytes: used,
            cpu_us,
            peak_live_bytes: 1_000 * used,
        };
        Track { points: points.iter().map(point).collect(), ..Track::default() }
    }

    #[test]
    fn two_points_tell_the_power_of_growth() {
        let linear =
            track(&[(100, 10_000), (1_000, 100_000)]).foretell(10_000, TELLING_US).unwrap();
        assert_eq!(linear.cpu.as_millis(), 1_000);
        let square =
            track(&[(100, 10_000), (1_000, 1_000_000)]).foretell(10_000, TELLING_US).unwrap();
        assert_eq!(square.cpu.as_secs(), 100);
        assert_eq!(square.memory_bytes, 10_000_000);
        assert_eq!(square.ns_per_byte, 1_000_000);
    }

    #[test]
    fn one_point_tells_a_little_more_than_in_proportion() {
        let foretold = track(&[(100, 10_000)]).foretell(1_000, TELLING_US).unwrap().cpu;
        assert!(foretold > Duration::from_millis(100) && foretold < Duration::from_millis(200));
    }

    #[test]
    fn small_costs_tell_nothing() {
        assert_eq!(track(&[]).foretell(10, TELLING_US), None);
        assert_eq!(track(&[(1, 900), (10, 1_000)]).foretell(100, TELLING_US), None);
        assert_eq!(track(&[(1, 90_000)]).foretell(100, 3 * 80_000), None, "mostly the start");
    }
}

//! Planted curves with the noise of a busy machine.

use super::*;
use crate::oracles::fixture::{accepted, case};
use std::collections::BTreeMap;

/// Doublings of the planted ladders.
const SIZES: u32 = 7;

/// Runs of which the least time counts, as in a real measurement.
const RUNS: usize = 3;

#[expect(clippy::cast_precision_loss, reason = "sizes of a test are small")]
fn float(number: u64) -> f64 {
    number as f64
}

/// A small generator of noise; the same on every machine.
struct Noise(u64);

impl Noise {
    /// Evenly from 0 to 1.
    fn draw(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 33).unwrap()) / f64::from(1u32 << 31)
    }

    /// The least of some runs on a busy machine: each a little longer, one in eight much.
    fn disturb(&mut self, cost: f64) -> f64 {
        let runs = (0..RUNS).map(|_| {
            let burst = if self.draw() < 0.125 { self.draw() } else { 0.0 };
            cost * (0.97 + 0.06 * self.draw() + burst)
        });
        runs.fold(f64::INFINITY, f64::min)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
fn whole(number: f64) -> u64 {
    number as u64
}

fn costs(us: f64, bytes: f64) -> Costs {
    let total = BTreeMap::from([
        (Resource::Time, whole(us)),
        (Resource::Peak, whole(bytes)),
        (Resource::Allocated, whole(bytes)),
        (Resource::Code, whole(bytes)),
    ]);
    let passes_us = BTreeMap::from([("regalloc".to_owned(), whole(us)), ("other".to_owned(), 0)]);
    Costs { total, passes_us, passes_bytes: BTreeMap::new() }
}

/// A ladder whose time follows `curve` with noise while its bytes stay linear.
fn ladder(noise: &mut Noise, curve: &dyn Fn(f64) -> f64) -> Ladder {
    let sizes = (0..SIZES).map(|k| 8_192u64 << k);
    let scale = 2_000.0 / curve(8_192.0);
    let rungs = sizes.map(|size| {
        let us = 900.0 + noise.disturb(scale * curve(float(size)));
        let control = (size, whole(noise.disturb(float(size) / 4.0)));
        Rung { size, costs: costs(us, 40.0 * float(size)), control }
    });
    Ladder { base: (60, costs(900.0, 2_000.0)), rungs: rungs.collect(), limit_size: 7_654_321 }
}

fn judge(ladder: &Ladder) -> Verdict {
    let case = case(accepted());
    Growth.judge(&Observation {
        expectation: Some(&case.expectation),
        proposals: &case.proposals,
        backend: &case.backend,
        budget: &case.budget,
        outcome: &case.outcome,
        peers: &[],
        ladder: Some(ladder),
    })
}

fn law_of(ladder: &Ladder) -> Law {
    let trends = ladder.trends();
    trends.iter().find(|t| t.resource == Resource::Time && t.pass.is_none()).unwrap().fit.law
}

type Curve<'a> = (Law, &'a dyn Fn(f64) -> f64);

#[test]
fn laws_are_told_apart_under_noise() {
    let curves: [Curve<'_>; 6] = [
        (Law::Linear, &|n| n),
        (Law::LinearLog, &|n| n * n.ln()),
        (Law::Power15, &|n| n.powf(1.5)),
        (Law::Square, &|n| n * n),
        (Law::Cube, &|n| n.powi(3)),
        (Law::Exponential, &|n| (n / 16_384.0).exp2()),
    ];
    let mut noise = Noise(1);
    for (law, curve) in curves {
        let right = (0..200).filter(|_| law_of(&ladder(&mut noise, curve)) == law).count();
        assert!(right >= 190, "{law} was recognised in {right} of 200 runs");
    }
}

#[test]
fn no_linear_cost_is_reported_and_no_n_log_n_either() {
    let mut noise = Noise(2);
    for run in 0..200 {
        for curve in [&(|n: f64| n) as &dyn Fn(f64) -> f64, &|n: f64| n * n.ln()] {
            let verdict = judge(&ladder(&mut noise, curve));
            assert!(!matches!(verdict, Verdict::Violation(_)), "run {run}: {verdict:?}");
        }
    }
}

#[test]
fn a_square_in_one_pass_is_reported_with_that_pass() {
    let mut noise = Noise(3);
    for run in 0..50 {
        let mut ladder = ladder(&mut noise, &|n| n * n);
        // Another pass takes as long at the largest size, and grows in proportion.
        for rung in &mut ladder.rungs {
            let us = whole(noise.disturb(float(rung.size)));
            rung.costs.passes_us.insert("other".to_owned(), us);
            *rung.costs.total.get_mut(&Resource::Time).unwrap() += us;
        }
        let Verdict::Violation(violation) = judge(&ladder) else {
            panic!("run {run}: no violation")
        };
        assert_eq!(violation.key, "regalloc CPU time");
        assert!(violation.summary.contains("nearest to N^2"), "{}", violation.summary);
    }
}

#[test]
fn a_square_that_the_limits_keep_within_the_budget_is_no_violation() {
    let mut ladder = ladder(&mut Noise(4), &|n| n * n);
    assert!(matches!(judge(&ladder), Verdict::Violation(_)));
    ladder.limit_size = ladder.rungs.last().unwrap().size;
    assert_eq!(judge(&ladder), Verdict::Pass);
}

#[test]
fn times_of_a_machine_that_is_too_busy_prove_nothing_but_bytes_do() {
    let mut ladder = ladder(&mut Noise(5), &|n| n * n);
    for (position, rung) in ladder.rungs.iter_mut().enumerate() {
        rung.control.1 = rung.control.1 * (position as u64 + 2) / 2;
    }
    assert!(matches!(judge(&ladder), Verdict::Inconclusive(_)));
    for rung in &mut ladder.rungs {
        rung.costs.total.insert(Resource::Peak, rung.size * rung.size / 8_192);
    }
    let Verdict::Violation(violation) = judge(&ladder) else { panic!("no violation") };
    assert_eq!(violation.key, "all live memory");
}

#[test]
fn one_step_in_the_middle_is_no_growth() {
    let step = |n: f64| if n > 60_000.0 { 3.0 * n } else { n };
    let mut noise = Noise(6);
    for _ in 0..50 {
        let verdict = judge(&ladder(&mut noise, &step));
        assert!(!matches!(verdict, Verdict::Violation(_)), "{verdict:?}");
    }
}

#[test]
fn modules_that_cost_nothing_tell_nothing() {
    let mut ladder = ladder(&mut Noise(7), &|n| n);
    for rung in &mut ladder.rungs {
        rung.costs = costs(500.0, 2_000.0);
    }
    assert!(matches!(judge(&ladder), Verdict::Inconclusive(_)));
}

//! Growth on the real worker: planted costs, measured as those of modules are.

use crate::{brink, worker};
use std::sync::atomic::AtomicBool;
use wasm_brink::campaign::{Plan, measure};
use wasm_brink::engines::{Backend, TARGETS};
use wasm_brink::job::{Budget, Curve};
use wasm_brink::oracles::{Ladder, Law, Resource};
use wasm_brink::recipe::Recipe;
use wasm_brink::sandbox::{Host, Pool};
use wasm_brink::shapes;

const BUDGET: Budget = Budget::new(20, 1 << 30);

fn pool() -> Pool {
    Pool { hosts: vec![Host::builtin(&worker())], seats: 2, total_memory_bytes: 4 << 30 }
}

fn ladder(plan: &Plan) -> Ladder {
    let backend = Backend::new(&TARGETS[0]);
    measure(plan, &backend, BUDGET, &pool(), &AtomicBool::new(false)).unwrap().0
}

fn law(ladder: &Ladder, resource: Resource) -> Option<Law> {
    let trends = ladder.trends();
    trends.iter().find(|t| t.resource == resource && t.pass.is_none()).map(|t| t.fit.law)
}

/// Sizes that double and cost from some milliseconds to a second, whatever the machine: what takes less
/// than one is not fitted, and a fit needs four.
fn sizes(curve: Curve) -> Vec<u64> {
    let doubled = |first: u64, count: u32| (0..count).map(|k| first << k).collect();
    match curve {
        Curve::Linear | Curve::LinearLog => doubled(1_500, 7),
        Curve::Power15 => doubled(250, 6),
        Curve::Square => doubled(40, 5),
        Curve::Cube => doubled(18, 4),
        Curve::Exponential => (10..=18).collect(),
    }
}

#[test]
fn planted_costs_are_told_apart_by_counters_and_nearly_by_time() {
    let laws = [
        (Curve::Linear, Law::Linear),
        (Curve::LinearLog, Law::LinearLog),
        (Curve::Power15, Law::Power15),
        (Curve::Square, Law::Square),
        (Curve::Cube, Law::Cube),
        (Curve::Exponential, Law::Exponential),
    ];
    for (curve, law_of_curve) in laws {
        let ladder = ladder(&Plan::planted(curve, &sizes(curve)));
        // Bytes do not depend on the machine. The list that keeps them doubles now and then, which
        // blurs the little that lies between N and N log N.
        let found = law(&ladder, Resource::Allocated);
        let is_near = matches!(found, Some(Law::Linear | Law::LinearLog));
        let right = found == Some(law_of_curve) || (is_near && law_of_curve <= Law::LinearLog);
        assert!(right, "{curve:?} by bytes: {:?}", ladder.trends());
        // Times do: a busy machine may blur neighbours, and no more.
        let by_time = law(&ladder, Resource::Time);
        let neighbours = |found: Law| (found as i32 - law_of_curve as i32).abs() <= 1;
        assert!(by_time.is_some_and(neighbours), "{curve:?} by time: {:?}", ladder.trends());
    }
}

#[test]
fn a_real_ladder_of_plain_code_is_linear_in_bytes() {
    let recipe = shapes::default_recipe(shapes::shape("repeat").unwrap()).with("count", 100_000);
    let ladder = ladder(&Plan::of(&recipe, &["count".to_owned()]).unwrap());
    let trends = ladder.trends();
    let code = trends.iter().find(|t| t.resource == Resource::Code && t.pass.is_none()).unwrap();
    assert!((code.fit.exponent - 1.0).abs() < 0.05, "{code:?}");
    assert!((7_000_000..8_000_000).contains(&ladder.limit_size), "{}", ladder.limit_size);
    assert!(trends.iter().any(|t| t.pass.as_deref() == Some("regalloc")), "{trends:?}");
}

#[test]
fn what_does_not_double_or_is_past_a_limit_has_no_ladder() {
    let recipe = |count| {
        let shape = shapes::shape("repeat").unwrap();
        shapes::default_recipe(shape).with("count", count)
    };
    let plan = |recipe: &Recipe, name: &str| {
        Plan::of(recipe, &[name.to_owned()]).map(drop).unwrap_err().to_string()
    };
    assert!(plan(&recipe(1_000), "variants").contains("does not double"));
    assert!(plan(&recipe(7_654_321), "count").contains("past a limit"));
}

#[test]
fn growth_along_a_parameter_is_measured_on_demand() {
    let plain = ["repro", "chain", "length=8192", "-b", "pulley64", "--growth"];
    let run = |parameter: &str| {
        let out = brink(&plain).arg(parameter).output().unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let (code, err) = run("length");
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("out of proportion in 0 of 1"), "{err}");
    let (code, err) = run("size");
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("\"size\"") && err.contains("does not state it"), "{err}");
}

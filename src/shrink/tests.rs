//! Shrinks with planted predicates: what is found is what brute force finds.

use super::*;
use crate::limits::headroom;
use crate::ops::UnitKind;
use crate::shapes;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// A predicate that is known through and through.
struct Planted<F: FnMut(&Candidate) -> bool>(F);

impl<F: FnMut(&Candidate) -> bool> Predicate for Planted<F> {
    fn ask(&mut self, candidate: &Candidate) -> Result<Answer, ShrinkError> {
        Ok(if (self.0)(candidate) { Answer::Holds } else { Answer::Fails("it is fine".to_owned()) })
    }
}

fn recipe(words: &str) -> Recipe {
    let mut words = words.split(' ');
    let shape = shapes::shape(words.next().unwrap()).unwrap();
    let base = shapes::whole(&shapes::default_recipe(shape));
    words.fold(base, |recipe, word| {
        let (name, value) = word.split_once('=').unwrap();
        recipe.with(name, value.parse().unwrap())
    })
}

fn limits(asks_max: u32) -> Limits {
    Limits { deadline: Instant::now() + Duration::from_secs(60), asks_max }
}

/// The smallest, and all that was kept on the way.
fn run(
    input: Candidate,
    limits: Limits,
    stop: &AtomicBool,
    predicate: impl FnMut(&Candidate) -> bool,
) -> (Result<Smallest, ShrinkError>, Vec<Candidate>) {
    let (mut kept, mut predicate) = (Vec::new(), Planted(predicate));
    let mut keep = |best: &Candidate| {
        kept.push(best.clone());
        Ok(())
    };
    let result = Search::new(input, &mut predicate, &mut keep, limits, stop).run();
    (result, kept)
}

fn shrink(start: &str, holds: impl Fn(&dyn Fn(&str) -> u64, &Recipe) -> bool) -> (Recipe, u32) {
    let predicate = |candidate: &Candidate| match candidate {
        Candidate::Recipe(recipe) => holds(&|name| recipe.params[name], recipe),
        Candidate::Module(_) => false,
    };
    let start = Candidate::Recipe(recipe(start));
    let (result, kept) = run(start, limits(10_000), &AtomicBool::new(false), predicate);
    let smallest = result.unwrap();
    assert_eq!(smallest.ended, Ended::Exhausted);
    assert_eq!(kept.last(), Some(&smallest.candidate), "the best is always kept");
    let Candidate::Recipe(recipe) = smallest.candidate else { panic!("not a recipe") };
    (recipe, smallest.asks_to_precision.unwrap())
}

#[test]
fn a_count_comes_down_to_the_least_that_brute_force_finds() {
    for threshold in [1, 2, 17, 1_000, 65_523, 999_999] {
        let fails = |count: u64| count >= threshold;
        let least = (0..1_000_000).find(|&count| fails(count)).unwrap();
        let (smallest, asks) =
            shrink("types-used count=999999 params=7", |get, _| fails(get("count")));
        assert_eq!(smallest.params["count"], least);
        assert_eq!((smallest.params["params"], smallest.params["results"]), (0, 0));
        assert!(asks <= 40, "{asks} cases to come within 1% of {threshold}");
    }
}

#[test]
fn an_effect_that_comes_and_goes_is_still_there_in_the_end() {
    let holds = |count: u64| count > 300 && !(400..30_000).contains(&count);
    let (smallest, _) = shrink("types-used count=999999", |get, _| holds(get("count")));
    assert!(holds(smallest.params["count"]), "{smallest}");
    let value = smallest.params["count"];
    assert!(!holds(value - 1), "{value} is not the least of its kind");
}

#[test]
fn of_counts_whose_product_matters_no_smaller_pair_makes_a_smaller_module() {
    for start in ["locals=9000 loops=20", "locals=20 loops=9000", "locals=400 loops=400"] {
        let product = |get: &dyn Fn(&str) -> u64| get("locals") * get("loops") >= 20_000;
        let (smallest, _) = shrink(&format!("locals-loops {start}"), |get, _| product(get));
        let (locals, loops) = (smallest.params["locals"], smallest.params["loops"]);
        assert!(locals * loops >= 20_000);
        assert!((locals - 1) * loops < 20_000 && locals * (loops - 1) < 20_000);
        let bytes = |recipe: &Recipe| shapes::build(recipe).unwrap().bytes.len();
        // By brute force over all pairs that just hold.
        let pair = |locals: u64| {
            let loops = 20_000_u64.div_ceil(locals);
            bytes(&smallest.clone().with("locals", locals).with("loops", loops))
        };
        let least = (1..=20).map(|step| pair(step * 20)).min().unwrap();
        assert!(bytes(&smallest) <= 2 * least, "{smallest}: {} of {least}", bytes(&smallest));
    }
}

#[test]
fn large_counts_that_do_not_matter_cost_little_and_small_ones_stay_that_do() {
    let (mut bytes, start) = (0, "rec-groups-used count=999999 distinct=1000001 size=1");
    let predicate = |candidate: &Candidate| {
        let Candidate::Recipe(recipe) = candidate else { return false };
        bytes += shapes::build(recipe).unwrap().bytes.len();
        let at_least = |name: &str, least| recipe.params[name] >= least;
        at_least("count", 65_600) && at_least("distinct", 65_500) && at_least("size", 1)
    };
    let (input, stop) = (Candidate::Recipe(recipe(start)), AtomicBool::new(false));
    let (result, _) = run(input.clone(), limits(1_000), &stop, predicate);
    let Candidate::Recipe(smallest) = result.unwrap().candidate else { panic!("not a recipe") };
    let value = |name: &str| smallest.params[name];
    assert_eq!((value("count"), value("distinct"), value("size")), (65_600, 65_500, 1));
    let Candidate::Recipe(input) = input else { panic!("not a recipe") };
    let whole = shapes::build(&input).unwrap().bytes.len();
    assert!(bytes < 8 * whole, "{bytes} bytes compiled for a module of {whole}");
}

#[test]
fn what_needs_both_counts_small_at_once_is_found() {
    let near = |a: u64, b: u64| a >= 50 && a.abs_diff(b) * 4 <= a;
    let (smallest, _) =
        shrink("locals-loops locals=40000 loops=40000", |get, _| near(get("locals"), get("loops")));
    assert!(smallest.params["locals"] <= 100, "{smallest}");
}

#[test]
fn a_unit_keeps_what_matters_and_the_count_makes_up_for_what_goes() {
    let start = Recipe {
        unit: Some(crate::recipe::UnitText(
            "i32.rotl(load, const); i32.div_s(prev, load); i32.eqz(prev) -> store".parse().unwrap(),
        )),
        ..recipe("repeat count=100000")
    };
    assert_eq!(start.unit.as_ref().unwrap().0.kind(), UnitKind::Closed);
    // 30,000 operators, some of them divisions.
    let predicate = |candidate: &Candidate| {
        let Candidate::Recipe(recipe) = candidate else { return false };
        let unit = &recipe.unit.as_ref().unwrap().0;
        let steps = unit.steps().len() as u64;
        recipe.params["count"] * steps >= 30_000 && unit.to_string().contains("div_s")
    };
    let stop = AtomicBool::new(false);
    let (result, _) = run(Candidate::Recipe(start), limits(10_000), &stop, predicate);
    let Candidate::Recipe(smallest) = result.unwrap().candidate else { panic!("not a recipe") };
    assert_eq!(smallest.unit.unwrap().0.to_string(), "i32.div_s(local, local) -> store");
    assert_eq!(smallest.params["count"], 30_000);
}

#[test]
fn what_never_or_always_holds_is_refused_and_nothing_is_kept() {
    let stop = AtomicBool::new(false);
    let input = || Candidate::Recipe(recipe("types count=5"));
    let (never, kept) = run(input(), limits(100), &stop, |_| false);
    assert!(matches!(never, Err(ShrinkError::NotThere(_))) && kept.is_empty());
    let (always, kept) = run(input(), limits(100), &stop, |_| true);
    assert!(matches!(always, Err(ShrinkError::Always)) && kept.is_empty());
}

#[test]
fn whatever_ends_it_the_best_so_far_is_kept() {
    let input = || Candidate::Recipe(recipe("types-used count=999999"));
    let count = |candidate: &Candidate| match candidate {
        Candidate::Recipe(recipe) => recipe.params["count"],
        Candidate::Module(_) => 0,
    };
    let stop = AtomicBool::new(false);
    let (result, kept) = run(input(), limits(12), &stop, |candidate| count(candidate) > 70_000);
    let smallest = result.unwrap();
    assert_eq!((smallest.ended, smallest.asks), (Ended::OutOfBudget, 12));
    assert!(count(&smallest.candidate) < 999_999 && kept.last() == Some(&smallest.candidate));
    // Ctrl-C after the tenth case.
    let mut asked = 0;
    let (result, kept) = run(input(), limits(1_000), &stop, |candidate| {
        asked += 1;
        stop.store(asked >= 10, std::sync::atomic::Ordering::Relaxed);
        count(candidate) > 70_000
    });
    let smallest = result.unwrap();
    assert_eq!(smallest.ended, Ended::Stopped);
    assert!(count(&smallest.candidate) < 999_999 && kept.last() == Some(&smallest.candidate));
}

#[test]
fn a_full_disk_ends_it_with_the_reason() {
    let stop = AtomicBool::new(false);
    let mut predicate = Planted(|candidate: &Candidate| matches!(candidate, Candidate::Recipe(_)));
    let mut keep = |_: &Candidate| {
        let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
        Err(StoreError::Io { doing: "write", path: "x".into(), source })
    };
    let input = Candidate::Recipe(recipe("types count=5"));
    let result = Search::new(input, &mut predicate, &mut keep, limits(100), &stop).run();
    assert!(matches!(result, Err(ShrinkError::Keep(_))));
}

#[test]
fn a_module_comes_down_to_what_matters_valid_or_not() {
    let body = "i32.const 1 drop ".repeat(2_000);
    let text = format!(
        "(module (import \"a\" \"b\" (func)) (memory 1) (func {} call 0 {body}) {})",
        "i32.const 7 i32.popcnt drop ".repeat(3),
        "(func i32.const 2 drop)".repeat(200),
    );
    let module = wat::parse_str(text).unwrap();
    let stop = AtomicBool::new(false);
    // `i32.popcnt`, wherever it is, in something valid.
    let popcnt = |candidate: &Candidate| {
        let Candidate::Module(bytes) = candidate else { return false };
        wasmparser::validate(bytes).is_ok() && bytes.contains(&0x69)
    };
    let (result, kept) = run(Candidate::Module(module.clone()), limits(5_000), &stop, popcnt);
    let smallest = result.unwrap().candidate;
    assert!(popcnt(&smallest) && kept.last() == Some(&smallest));
    let Candidate::Module(bytes) = smallest else { panic!("not a module") };
    assert!(bytes.len() < 100, "{} bytes of {}", bytes.len(), module.len());
    // One past a limit, which no validator lets through.
    let past = shapes::build(&recipe("types count=2000")).unwrap().bytes.to_vec();
    let types = |candidate: &Candidate| {
        let Candidate::Module(bytes) = candidate else { return false };
        headroom(bytes).is_ok_and(|usage| usage.get("types") > 1_234)
    };
    let (result, _) = run(Candidate::Module(past), limits(5_000), &stop, types);
    let Candidate::Module(bytes) = result.unwrap().candidate else { panic!("not a module") };
    assert_eq!(headroom(&bytes).unwrap().get("types"), 1_235);
}

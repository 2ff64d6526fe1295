//! Tests over every shape: a shape is held to its contract by standing in the registry, and needs
//! no tests of its own for it.

use super::random::draw;
use super::{
    Axis, Module, PAD, Param, SHAPES, Shape, build, default_recipe, from_bytes, resolve, shape,
    to_bytes,
};
use crate::limits::{self, Expectation, LIMITS, Limit, headroom};
use crate::ops::{self, Unit};
use crate::recipe::{Proximity, Recipe};
use arbitrary::Unstructured;
use std::collections::BTreeSet;
use wasmparser::{Validator, WasmFeatures};

/// Limits that no shape drives anything to, and why.
const EXCUSES: &[(&str, &str)] = &[];

/// Random recipes of each shape.
const RANDOM_RECIPES: u64 = 10;

/// Greatest random value of a parameter: past the limits on parameters, locals, catches.
const RANDOM_VALUE_MAX: u64 = 60_000;

/// What a random recipe may cost: bytes, each times the values that one operator can move.
const RANDOM_WORK_MAX: u64 = 500_000;

/// A random recipe that stacks more operands than this costs the validator too much.
const RANDOM_OPERANDS_MAX: u64 = 1_000_000;

/// Axes up to this limit are tried at the limit in every run; the others when asked for.
const QUICK_LIMIT_MAX: u64 = 100_000;

fn is_kebab_case(name: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    name.split('-').all(word)
}

fn axes() -> impl Iterator<Item = (&'static dyn Shape, &'static Axis)> {
    SHAPES.iter().flat_map(|shape| shape.axes().iter().map(move |axis| (*shape, axis)))
}

fn limit_of(axis: &Axis) -> &'static Limit {
    limits::limit(axis.limit).expect("the limit of an axis")
}

/// The last word on a module: the validator, with every proposal on.
fn validate(bytes: &[u8]) -> Result<(), String> {
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    validator.validate_all(bytes).map(drop).map_err(|error| error.to_string())
}

/// Holds what a module says of itself against what the validator and `headroom` say of its bytes.
fn hold(recipe: &Recipe, module: &Module) {
    let bytes = module.bytes.to_vec();
    assert_eq!(bytes.len() as u64, module.bytes.len(), "length of {recipe}");
    let verdict = validate(&bytes);
    match module.facts.expectation() {
        Expectation::Accept => assert_eq!(verdict, Ok(()), "{recipe} is to be accepted"),
        Expectation::Reject { limit } => {
            assert!(verdict.is_err(), "{recipe} is valid, but past {limit}");
        }
        Expectation::Either { .. } => {}
    }
    if let Some(needed) = ops::needs(&bytes) {
        let stated = &module.facts.proposals;
        let bases = stated.iter().flat_map(|proposal| proposal.builds_on());
        let all = stated.iter().chain(bases).copied().collect();
        assert!(needed.is_subset(&all), "{recipe} needs {needed:?} and states {stated:?}");
    }
    // Past some limits the parser itself stops and nothing can be counted.
    let Ok(counted) = headroom(&bytes) else {
        assert!(verdict.is_err(), "{recipe} is valid, but cannot be counted");
        return;
    };
    for (id, stated) in module.facts.usage.iter().filter(|(id, _)| *id != "operand-stack") {
        assert_eq!(stated, counted.get(id), "stated and counted use of {id} by {recipe}");
    }
}

fn hold_default_with(shape: &dyn Shape, param: &str, value: u64) {
    let recipe = default_recipe(shape).with(param, value);
    hold(&recipe, &build(&recipe).unwrap());
}

/// A stream of bytes that is the same in every run.
fn random_bytes(seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn random_recipe(shape: &dyn Shape, seed: u64) -> Recipe {
    let bytes = random_bytes(seed);
    let mut u = Unstructured::new(&bytes);
    let mut recipe = Recipe::new(shape.id());
    for param in shape.params().iter().filter(|param| param.name != PAD.name) {
        let max = param.max.min(RANDOM_VALUE_MAX.max(param.min));
        recipe = recipe.with(param.name, draw(&Param { max, ..*param }, &mut u).unwrap());
    }
    match shape.unit() {
        Some(kind) => recipe.with_unit(Unit::arbitrary(kind, &mut u).unwrap()),
        None => recipe,
    }
}

#[test]
fn ids_are_unique_and_kebab_case_and_found() {
    let ids: BTreeSet<_> = SHAPES.iter().map(|shape| shape.id()).collect();
    assert_eq!(ids.len(), SHAPES.len());
    for entry in SHAPES {
        assert!(is_kebab_case(entry.id()), "{}", entry.id());
        assert_eq!(shape(entry.id()).unwrap().id(), entry.id());
        assert!(!entry.summary().is_empty());
    }
}

#[test]
fn every_shape_has_two_parameters_with_defaults_in_their_ranges() {
    for shape in SHAPES {
        let id = shape.id();
        let names: BTreeSet<_> = shape.params().iter().map(|param| param.name).collect();
        assert_eq!(names.len(), shape.params().len(), "parameters of {id} are unique");
        assert!(names.iter().filter(|name| **name != PAD.name).count() >= 2, "{id}");
        for param in shape.params() {
            assert!(is_kebab_case(param.name), "{id} {}", param.name);
            assert!(param.min <= param.default && param.default <= param.max, "{id} {param:?}");
        }
    }
}

#[test]
fn every_axis_names_a_parameter_and_a_limit_and_reaches_past_it() {
    for (shape, axis) in axes() {
        let limit = limits::limit(axis.limit).unwrap_or_else(|| panic!("{}", axis.limit));
        for name in [Some(axis.param), axis.pad].into_iter().flatten() {
            let param = shape.params().iter().find(|param| param.name == name);
            assert!(param.is_some(), "{} has no parameter {name}, for {}", shape.id(), limit.id);
        }
    }
}

#[test]
fn every_limit_is_driven_at_by_a_shape_or_excused() {
    for limit in LIMITS {
        let driven = axes().any(|(_, axis)| axis.limit == limit.id);
        let excused = EXCUSES.iter().any(|(id, _)| *id == limit.id);
        assert!(driven != excused, "{}: driven {driven}, excused {excused}", limit.id);
    }
}

#[test]
fn defaults_are_small_valid_modules_and_the_same_every_time() {
    for shape in SHAPES {
        let recipe = default_recipe(*shape);
        let module = build(&recipe).unwrap();
        hold(&recipe, &module);
        assert_eq!(module.facts.expectation(), Expectation::Accept, "{recipe}");
        assert!(module.bytes.len() < 64 * 1024, "{recipe}: {} bytes", module.bytes.len());
        assert_eq!(build(&recipe).unwrap().bytes.to_vec(), module.bytes.to_vec(), "{recipe}");
        assert_eq!(from_bytes(&to_bytes(&recipe).unwrap()).unwrap(), recipe);
        assert_eq!(Recipe::from_toml(&recipe.to_toml()).unwrap(), recipe);
    }
}

#[test]
fn each_parameter_at_its_least_value_keeps_the_promise() {
    for shape in SHAPES {
        let mut least = default_recipe(*shape);
        for param in shape.params() {
            hold_default_with(*shape, param.name, param.min);
            least = least.with(param.name, param.min);
        }
        hold(&least, &build(&least).unwrap());
    }
}

#[test]
fn each_choice_of_a_parameter_with_few_values_keeps_the_promise() {
    const FEW: u64 = 8;
    for shape in SHAPES {
        for param in shape.params().iter().filter(|param| param.max - param.min < FEW) {
            (param.min..=param.max).for_each(|value| hold_default_with(*shape, param.name, value));
        }
    }
}

#[test]
fn random_recipes_keep_the_promise_and_round_trip() {
    for (position, shape) in SHAPES.iter().enumerate() {
        let mut held = 0;
        for seed in 0..RANDOM_RECIPES {
            let recipe = random_recipe(*shape, seed ^ (position as u64) << 32);
            let module = build(&recipe).unwrap();
            let again = from_bytes(&to_bytes(&recipe).unwrap()).unwrap();
            assert_eq!(to_bytes(&again).unwrap(), to_bytes(&recipe).unwrap(), "{recipe}");
            let usage = |id| module.facts.usage.get(id);
            let values = 1 + usage("function-params").max(usage("function-results"));
            if module.bytes.len().saturating_mul(values) < RANDOM_WORK_MAX
                && usage("operand-stack") < RANDOM_OPERANDS_MAX
            {
                hold(&recipe, &module);
                held += 1;
            }
        }
        assert!(held > 0, "all random recipes of {} are too large to check", shape.id());
    }
}

/// Resolves and holds one point of one axis.
fn hold_at(shape: &'static dyn Shape, axis: &Axis, proximity: Proximity) {
    let limit = limit_of(axis);
    let name = format!("{} at {proximity} of {} by {}", shape.id(), limit.id, axis.param);
    let recipe = resolve(shape, axis, proximity, &default_recipe(shape))
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let module = build(&recipe).unwrap();
    let wanted = proximity.value(limit.min, limit.target());
    let used = module.facts.usage.get(limit.id);
    let past = matches!(proximity, Proximity::Above(_));
    if proximity != Proximity::Min {
        let exact = axis.pad.is_some();
        assert!(used <= wanted || (past && !exact), "{name}: uses {used} of {wanted}");
        assert!(used >= wanted || (!past && !exact), "{name}: uses {used} of {wanted}");
    }
    match module.facts.expectation() {
        Expectation::Reject { limit } => assert!(past, "{name} is past {limit}"),
        Expectation::Accept => {
            let refused = past && limit.wasmparser.is_some_and(|max| used > max);
            assert!(!refused, "{name} is accepted");
        }
        Expectation::Either { .. } => {}
    }
    hold(&recipe, &module);
}

fn is_quick(axis: &Axis) -> bool {
    limit_of(axis).target() <= QUICK_LIMIT_MAX
}

#[test]
fn every_axis_holds_far_below_its_limit() {
    for (shape, axis) in axes() {
        hold_at(shape, axis, Proximity::Min);
        if limit_of(axis).target() < 100 * QUICK_LIMIT_MAX {
            hold_at(shape, axis, Proximity::Fraction(100));
        }
    }
}

#[test]
fn small_limits_and_one_body_hold_at_the_limit_and_one_past_it() {
    let body = (SHAPES[0], &SHAPES[0].axes()[0]);
    for (shape, axis) in axes().filter(|(_, axis)| is_quick(axis)).chain([body]) {
        hold_at(shape, axis, Proximity::At);
        hold_at(shape, axis, Proximity::Above(1));
    }
}

fn large_axes() -> impl Iterator<Item = (&'static dyn Shape, &'static Axis)> {
    axes().filter(|(_, axis)| !is_quick(axis))
}

// Two tests, since tests run side by side.

#[test]
#[ignore = "slow: validates a hundred large modules, which takes four minutes"]
fn large_limits_hold_at_the_limit() {
    large_axes().for_each(|(shape, axis)| hold_at(shape, axis, Proximity::At));
}

#[test]
#[ignore = "slow: validates a hundred large modules, which takes four minutes"]
fn large_limits_hold_one_past_the_limit() {
    large_axes().for_each(|(shape, axis)| hold_at(shape, axis, Proximity::Above(1)));
}

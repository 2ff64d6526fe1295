//! Every module shape against the validator, and against what it says of itself.

use crate::limits::{self, Expectation, Usage, headroom};
use crate::recipe::{Proximity, Recipe};
use crate::shapes::{Axis, Module, SHAPES, Shape, build, resolve, shape};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

/// Tests with modules of many megabytes take turns: so does the memory that they need.
static LARGE: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    LARGE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The shapes of this family: they stand in a row.
fn shapes() -> &'static [&'static dyn Shape] {
    let position = |id| SHAPES.iter().position(|shape| shape.id() == id).unwrap();
    &SHAPES[position("types")..=position("code")]
}

fn validate(module: &Module) -> Result<(), String> {
    Validator::new_with_features(WasmFeatures::all())
        .validate_all(&module.bytes.to_vec())
        .map(drop)
        .map_err(|error| error.to_string())
}

/// The validator's verdict is that of the expectation.
fn agree(recipe: &Recipe) -> Module {
    let module = build(recipe).unwrap();
    let verdict = validate(&module);
    let expectation = module.facts.expectation();
    let accepted = !matches!(expectation, Expectation::Reject { .. });
    assert_eq!(verdict.is_ok(), accepted, "{recipe}: {expectation}, but {verdict:?}");
    module
}

/// What is measured of the module; the height of the operand stack is not.
fn measured(module: &Module) -> Usage {
    headroom(&module.bytes.to_vec()).unwrap()
}

#[test]
fn every_shape_is_valid_by_default_and_uses_what_it_says() {
    for shape in shapes() {
        let recipe = Recipe::new(shape.id());
        let module = agree(&recipe);
        assert_eq!(module.facts.expectation(), Expectation::Accept, "{recipe}");
        assert_eq!(module.facts.usage, measured(&module), "{recipe}");
        let bytes = module.bytes.len();
        assert!((8..70_000).contains(&bytes), "{recipe}: {bytes} bytes");
    }
}

#[test]
fn every_shape_is_valid_with_small_parameters_and_uses_what_it_says() {
    let mut state = 1u64;
    let mut random = |max: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        (state >> 33) % (max + 1)
    };
    for shape in shapes() {
        for round in 0..40 {
            let recipe = shape.params().iter().fold(Recipe::new(shape.id()), |recipe, param| {
                let span = [0, 3, 40, 150][usize::try_from(random(3)).unwrap()];
                let last = param.max.min(param.min + if round == 0 { 0 } else { span });
                recipe.with(param.name, param.min + random(last - param.min))
            });
            let module = agree(&recipe);
            if module.facts.expectation() == Expectation::Accept {
                assert_eq!(module.facts.usage, measured(&module), "{recipe}");
            }
        }
    }
}

#[test]
fn equal_recipes_make_equal_modules() {
    for shape in shapes() {
        let [one, two] = [(); 2].map(|()| build(&Recipe::new(shape.id())).unwrap());
        assert_eq!(one.bytes.to_vec(), two.bytes.to_vec(), "{}", shape.id());
    }
}

/// How often each operator stands in the functions of a module, and how many functions there are.
fn operators(module: &Module) -> (BTreeMap<String, u64>, u64) {
    let (mut counts, mut functions) = (BTreeMap::new(), 0);
    for payload in Parser::new(0).parse_all(&module.bytes.to_vec()) {
        if let Payload::CodeSectionEntry(body) = payload.unwrap() {
            functions += 1;
            for operator in body.get_operators_reader().unwrap() {
                let text = format!("{:?}", operator.unwrap());
                let name = text.split(' ').next().unwrap().to_owned();
                *counts.entry(name).or_default() += 1;
            }
        }
    }
    (counts, functions)
}

/// For the entity, its parameters, the operators that use it with how often each, and how many
/// functions there are beyond those that use.
type Expected = (&'static str, &'static [(&'static str, u64)], &'static [(&'static str, u64)], u64);

const USES: &[Expected] = &[
    ("types", &[("count", 7)], &[("CallIndirect", 7)], 0),
    ("rec-groups", &[("count", 5), ("size", 3)], &[("RefTestNonNull", 15)], 0),
    ("rec-group", &[("count", 9)], &[("RefTestNonNull", 9)], 0),
    (
        "subtypes",
        &[("count", 2), ("depth", 3)],
        &[("RefTestNonNull", 8), ("RefCastNullable", 8)],
        0,
    ),
    ("function-imports", &[("count", 7), ("results", 3)], &[("Call", 7), ("Drop", 21)], 0),
    (
        "imports",
        &[("globals", 3), ("tables", 2), ("memories", 4), ("tags", 5)],
        &[("TableSize", 2), ("MemorySize", 4), ("Throw", 5), ("TryTable", 5)],
        0,
    ),
    ("exports", &[("count", 7)], &[("GlobalGet", 7), ("GlobalSet", 7)], 0),
    ("globals", &[("count", 7), ("type", 4)], &[("GlobalGet", 7), ("GlobalSet", 7)], 0),
    ("tables", &[("count", 6)], &[("TableGet", 6), ("TableSet", 6), ("TableSize", 6)], 0),
    ("table-entries", &[("size", 9), ("functions", 3)], &[("CallIndirect", 9)], 3),
    (
        "memories",
        &[("count", 3), ("accesses", 2)],
        &[("I32Load", 12), ("I32Store", 6), ("I32Const", 12)],
        0,
    ),
    ("data-segments", &[("count", 5)], &[("MemoryInit", 5), ("DataDrop", 5)], 0),
    ("element-segments", &[("count", 5)], &[("TableInit", 5), ("ElemDrop", 5)], 1),
    ("tags", &[("count", 5), ("params", 3)], &[("Throw", 5), ("TryTable", 5), ("I32Add", 15)], 0),
    (
        "struct-fields",
        &[("count", 2), ("fields", 4)],
        &[("StructNew", 2), ("StructGet", 8), ("StructSet", 8)],
        0,
    ),
    ("array-operands", &[("count", 3), ("operands", 4)], &[("ArrayNewFixed", 3)], 0),
    ("const-exprs", &[("count", 3), ("kind", 2)], &[("RefIsNull", 3), ("GlobalSet", 3)], 0),
];

#[test]
fn each_entity_is_used_once_in_one_function_or_in_as_many_as_there_are_uses() {
    for (entity, params, uses, others) in USES {
        let operators = |suffix: &str| {
            let recipe = Recipe::new(&format!("{entity}{suffix}"));
            let recipe = params.iter().fold(recipe, |r, (name, value)| r.with(name, *value));
            operators(&build(&recipe).unwrap())
        };
        assert_eq!(operators("").1, *others, "{entity}");
        let (one, spread) = (operators("-used"), operators("-spread"));
        assert_eq!(one.1, others + 1, "{entity}-used");
        assert!(spread.1 > others + 1, "{entity}-spread: {} functions", spread.1);
        for (operator, count) in *uses {
            assert_eq!(one.0.get(*operator), Some(count), "{entity}-used: {operator}");
            assert_eq!(spread.0.get(*operator), Some(count), "{entity}-spread: {operator}");
        }
        let ends = |operators: &BTreeMap<String, u64>| operators["End"];
        let extra = ends(&spread.0) - ends(&one.0);
        assert_eq!(extra, spread.1 - one.1, "{entity}: only the functions differ");
    }
}

#[test]
fn functions_and_start_functions_call_and_store() {
    let operators = |id: &str| operators(&build(&Recipe::new(id).with("count", 9)).unwrap());
    assert_eq!(operators("functions-used").0["Call"], 9);
    assert_eq!(operators("functions-spread").0["Call"], 8, "the last one calls nobody");
    assert_eq!(operators("start-used").0["I32Store"], 9);
    let (start, functions) = operators("start-spread");
    assert_eq!((start["I32Store"], start["Call"], functions), (9, 9, 10));
}

/// Limits whose modules are small even at the limit.
const QUICK: &[&str] = &[
    "subtype-depth",
    "data-segments",
    "element-segments",
    "tables",
    "memories",
    "memory32-pages",
    "memory64-pages",
    "struct-fields",
    "array-operands",
    "name-bytes",
    "function-params",
    "function-results",
];

/// Every axis whose limit is one of `limits`, or none of them, at its limit and one past it.
fn axes_hold(wanted: impl Fn(&Axis) -> bool) {
    for shape in shapes() {
        for axis in shape.axes().iter().filter(|axis| wanted(axis)) {
            axis_holds(*shape, axis);
        }
    }
}

fn axis_holds(shape: &'static dyn Shape, axis: &Axis) {
    let limit = limits::limit(axis.limit).unwrap();
    let target = limit.target();
    let base = Recipe::new(shape.id());
    for (proximity, used) in [(Proximity::At, target), (Proximity::Above(1), target + 1)] {
        let recipe = resolve(shape, axis, proximity, &base).unwrap();
        let start = Instant::now();
        let module = build(&recipe).unwrap();
        println!("{recipe}: {} bytes, built in {:?}", module.bytes.len(), start.elapsed());
        let at = module.facts.usage.get(axis.limit);
        drop(module);
        let past = matches!(proximity, Proximity::Above(_));
        let step = if axis.pad.is_some() { 0 } else { STEP_MAX };
        let wanted = if past { used..=used + step } else { used - step..=used };
        assert!(wanted.contains(&at), "{recipe}: {at} of {used} {}", axis.limit);
        let rejected = matches!(agree(&recipe).facts.expectation(), Expectation::Reject { .. });
        // Some limits are not wasmparser's, and past those it may accept.
        let enforced = limit.wasmparser.is_some();
        assert_eq!(rejected, past && enforced, "{recipe} at {proximity} of {}", axis.limit);
    }
}

/// The most that one step of a parameter adds to a limit of which there is no padding: a chain of
/// subtypes of the default depth.
const STEP_MAX: u64 = 9;

#[test]
fn small_axes_reach_their_limit_and_one_past_it() {
    axes_hold(|axis| QUICK.contains(&axis.limit));
}

#[test]
#[ignore = "slow: builds and validates modules of a million of everything"]
fn large_axes_reach_their_limit_and_one_past_it() {
    let _turn = turn();
    axes_hold(|axis| !QUICK.contains(&axis.limit));
}

#[test]
fn every_limit_on_modules_has_an_axis() {
    const MODULES: &[&str] = &[
        "module-bytes",
        "types",
        "rec-groups",
        "rec-group-types",
        "subtype-depth",
        "functions",
        "imports",
        "exports",
        "type-size",
        "globals",
        "tags",
        "data-segments",
        "element-segments",
        "tables",
        "table-entries",
        "segment-entries",
        "memories",
        "memory32-pages",
        "memory64-pages",
        "struct-fields",
        "array-operands",
        "name-bytes",
        "const-expr-ops",
    ];
    for limit in MODULES {
        let axis = shapes().iter().flat_map(|shape| shape.axes()).find(|axis| axis.limit == *limit);
        assert!(axis.is_some(), "no module shape presses on {limit}");
    }
}

/// The parameters of `shape` of which `wanted` says so at their greatest value, the others as
/// they are by default.
fn greatest(shape: &dyn Shape, wanted: impl Fn(usize) -> bool) -> Recipe {
    shape.params().iter().enumerate().fold(Recipe::new(shape.id()), |recipe, (i, param)| {
        recipe.with(param.name, if wanted(i) { param.max } else { param.default })
    })
}

#[test]
#[ignore = "slow: builds the largest modules that there are"]
fn greatest_parameters_stay_inside_the_memory_of_the_generator() {
    let _turn = turn();
    for shape in shapes() {
        for chosen in 0..=shape.params().len() {
            // One of them at a time, then all together.
            let recipe = greatest(*shape, |i| i == chosen || chosen == shape.params().len());
            let start = Instant::now();
            let module = build(&recipe).unwrap();
            let (held, bytes) = (module.bytes.held_bytes(), module.bytes.len());
            println!("{recipe}: {held} of {bytes} bytes held, {:?}", start.elapsed());
            assert!(held < 2 * super::LITERAL_BYTES_MAX, "{recipe}: {held} bytes");
            assert!(bytes < 2 * super::MODULE_BYTES_MAX, "{recipe}: {bytes} bytes");
        }
    }
}

#[test]
#[ignore = "slow: writes a gigabyte; measures the memory of the process, so run it alone"]
fn a_module_of_a_gigabyte_streams_in_bounded_memory() {
    const PEAK_KIB_MAX: u64 = 256 * 1024;
    let _turn = turn();
    let peak = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    // Forgets the peak of whatever ran before in this process.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let shape = shape("code").unwrap();
    let base = Recipe::new("code").with("count", 140).with("bytes", 7_654_321);
    let recipe = resolve(shape, &shape.axes()[0], Proximity::At, &base).unwrap();
    let start = Instant::now();
    let module = build(&recipe).unwrap();
    let built = start.elapsed();
    assert_eq!(module.bytes.len(), 1 << 30, "{recipe}");
    module.bytes.write_to(&mut io::sink()).unwrap();
    println!("{recipe}: built in {built:?}, {} KiB at most", peak());
    assert!(peak() < PEAK_KIB_MAX, "{} KiB", peak());
}

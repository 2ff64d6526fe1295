//! The tests, made from rows: a name, a least value, a limit, and the recipe for a value.

use super::{Aspect, LimitTest, Origin, Stand};
use crate::job::Allocator;
use crate::recipe::Recipe;

/// A limit that a module meets when it is validated.
struct Row {
    name: &'static str,
    min: u64,
    limit: u64,
    recipe: fn(u64) -> Recipe,
}

const fn row(name: &'static str, min: u64, limit: u64, recipe: fn(u64) -> Recipe) -> Row {
    Row { name, min, limit, recipe }
}

fn of<const N: usize>(shape: &str, params: [(&str, u64); N]) -> Recipe {
    params.into_iter().fold(Recipe::new(shape), |recipe, (name, value)| recipe.with(name, value))
}

/// Bytes of a module of one custom section beside those of its content.
const CUSTOM_BYTES: u64 = 30;

/// The file's static limits, in its order.
const FILE: &[Row] = &[
    row("types", 1, 1_000_000, |n| of("types", [("count", n), ("params", 0)])),
    row("functions", 1, 1_000_000, |n| of("functions", [("count", n), ("bytes", 2)])),
    row("imports", 1, 1_000_000, |n| {
        of("function-imports", [("count", n), ("params", 0), ("results", 0)])
    }),
    row("exports", 1, 1_000_000, |n| of("exports", [("count", n), ("kind", 1)])),
    row("globals", 1, 1_000_000, |n| of("globals", [("count", n)])),
    row("data segments", 1, 100_000, |n| {
        of("data-segments", [("count", n), ("bytes", 0), ("mode", 0)])
    }),
    row("function size", 2, 7_654_321, |n| of("start-used", [("count", 0), ("pad", n - 2)])),
    row("function locals", 1, 50_000, |n| {
        of("locals", [("locals", n), ("params", 0), ("pattern", 0)])
    }),
    row("function params", 1, 1_000, |n| of("wide-calls", [("params", n), ("results", 0)])),
    row("function params+locals", 1, 49_998, |n| {
        of("locals", [("locals", n), ("params", 2), ("pattern", 0)])
    }),
    row("function returns", 0, 1_000, |n| of("wide-calls", [("params", 0), ("results", n)])),
    row("element segments", 1, 10_000_000, |n| {
        of("element-segments", [("count", n), ("items", 0), ("mode", 0)])
    }),
    row("tables", 0, 100_000, |n| of("imports", [("globals", 0), ("tables", n), ("memories", 0)])),
    row("memories", 0, 1, |n| of("imports", [("globals", 0), ("tables", 0), ("memories", n)])),
];

/// Limits of the text that the file leaves out, or has another number for.
const TEXT: &[Row] = &[
    row("recursion groups", 1, 1_000_000, |n| {
        of("rec-groups", [("count", n), ("size", 1), ("distinct", 1)])
    }),
    row("types of a recursion group", 1, 1_000_000, |n| of("rec-group", [("count", n)])),
    row("subtype depth", 0, 63, |n| of("subtypes", [("count", 1), ("depth", n)])),
    row("tags", 1, 1_000_000, |n| of("tags", [("count", n), ("params", 0)])),
    row("table entries of an initialisation", 0, 10_000_000, |n| {
        of("table-entries", [("items", n), ("mode", 1)])
    }),
    row("block parameters and results", 0, 1_000, |n| {
        of("blocks-params", [("blocks", 1), ("params", n)])
    }),
    row("struct fields", 0, 10_000, |n| of("struct-fields", [("fields", n), ("count", 1)])),
    row("array operands", 0, 10_000, |n| {
        of("array-operands-used", [("operands", n), ("count", 1)])
    }),
    row("imported memories", 0, 100, |n| {
        of("imports", [("globals", 0), ("tables", 0), ("memories", n)])
    }),
];

/// Limits of the text that hold at run time. Those of memories hold when they are declared, too.
const DYNAMIC: &[Row] = &[
    row("memories of a module", 1, 100, |n| of("memory-ends", [("count", n)])),
    row("memory32 pages", 1, 65_536, |n| of("memory-ends", [("count", 1), ("pages", n)])),
    row("memory64 pages", 1, (1 << 37) - 1, |n| {
        of("memory-ends", [("count", 1), ("pages", n), ("memory64", 1)])
    }),
    row("table entries", 1, 10_000_000, |n| of("table-ends", [("size", n)])),
];

/// Where a limit lies that no validator is asked to check.
const NOT_CHECKED: &str = "table entries";

/// The run that takes longest. One of its calls needs a single frame, the other twenty.
const LARGE_FRAMES: &str = "frames of 50,000 locals, 1 and 20 deep";

/// Runs near the limits, and what they are called.
fn runs() -> Vec<(&'static str, Recipe)> {
    let memories = |count, pages, memory64| {
        of("memory-ends", [("count", count), ("pages", pages), ("memory64", memory64)])
    };
    let wide = |params, results| of("wide-calls", [("params", params), ("results", results)]);
    let frames = |locals, depth| of("frames", [("locals", locals), ("depth", depth)]);
    let throws = |depth, clauses| of("throws", [("depth", depth), ("clauses", clauses)]);
    let heap = |fields, count| of("struct-heap", [("fields", fields), ("count", count)]);
    let data = |bytes| of("data-image", [("count", 100_000), ("bytes", bytes)]);
    vec![
        ("a table of 10,000,000 entries", of("table-ends", [("size", 10_000_000)])),
        (
            "a table that grows to 10,000,000 entries",
            of("table-ends", [("size", 1), ("grow", 9_999_999)]),
        ),
        ("a memory of 65,536 pages", memories(1, 65_536, 0)),
        ("a memory of 65,535 pages", memories(1, 65_535, 0)),
        ("a 64-bit memory of 65,536 pages", memories(1, 65_536, 1)),
        ("a 64-bit memory of 65,537 pages", memories(1, 65_537, 1)),
        ("a 64-bit memory of 2^37 - 1 pages", memories(1, (1 << 37) - 1, 1)),
        ("100 memories of a page", memories(100, 1, 0)),
        ("100 memories of 65,536 pages", memories(100, 65_536, 0)),
        ("100 64-bit memories of 1,000 pages", memories(100, 1_000, 1)),
        ("100,000 data segments of a byte", data(1)),
        ("100,000 data segments of 64 bytes", data(64)),
        ("1,000 parameters and 1,000 results", wide(1_000, 1_000)),
        ("1,000 parameters", wide(1_000, 0)),
        ("1,000 results", wide(0, 1_000)),
        (LARGE_FRAMES, frames(49_999, 20)),
        ("frames of 1,000 locals, 5 deep", frames(1_000, 5)),
        ("frames of 10 locals, 150 deep", frames(10, 150)),
        ("frames of 10 locals, 5,000 deep", frames(10, 5_000)),
        ("recursion to the end of the stack", frames(1, 10_000_000)),
        ("recursion of frames of 1,000 locals to the end of the stack", frames(1_000, 1_000_000)),
        ("a throw through 500 frames", throws(500, 1)),
        ("a throw through 500 frames of 100 clauses", throws(500, 100)),
        ("a throw through 5,000 frames", throws(5_000, 0)),
        ("a throw through frames past the end of the stack", throws(1_000_000, 1)),
        ("structs of 10,000 fields", heap(10_000, 100)),
        ("structs of 10,000 fields past the end of the heap", heap(10_000, 10_000)),
        ("100,000 structs of 10 fields", heap(10, 100_000)),
    ]
}

/// Every test: first what is quick, what is large last.
pub fn limit_tests() -> Vec<LimitTest> {
    let mut tests = Vec::new();
    for row in FILE {
        tests.extend(row.stands().flat_map(|(stand, value)| {
            [Aspect::Validate, Aspect::Compile, Aspect::CompileAsync]
                .map(|aspect| row.test(Origin::File, stand, aspect, value))
        }));
    }
    tests.extend(file_dynamic());
    for row in TEXT {
        tests.extend(row.stands().flat_map(|(stand, value)| {
            [Aspect::Validate, Aspect::Compile]
                .map(|aspect| row.test(Origin::Text, stand, aspect, value))
        }));
    }
    for row in DYNAMIC {
        for (stand, value) in row.stands() {
            for aspect in [Aspect::Validate, Aspect::Compile, Aspect::Instantiate] {
                let mut test = row.test(Origin::Text, stand, aspect, value);
                test.accept |= row.name == NOT_CHECKED && !aspect.runs();
                tests.push(test);
            }
        }
    }
    for (name, recipe) in runs() {
        tests.extend(Allocator::ALL.map(|allocator| LimitTest {
            name: format!("Run {name}, {allocator}"),
            origin: Origin::Run,
            row: name,
            stand: Stand::Limit,
            aspect: Aspect::Run,
            recipe: recipe.clone(),
            allocator,
            accept: true,
            // Compiling it takes half a minute, and its stack is not from the allocator.
            large: allocator == Allocator::Pooling && name == LARGE_FRAMES,
        }));
    }
    tests.extend(module_size());
    tests
}

impl Row {
    fn stands(&self) -> impl Iterator<Item = (Stand, u64)> + use<> {
        let (min, limit) = (self.min, self.limit);
        [(Stand::Minimum, min), (Stand::Limit, limit), (Stand::Over, limit + 1)].into_iter()
    }

    fn test(&self, origin: Origin, stand: Stand, aspect: Aspect, value: u64) -> LimitTest {
        let verb = verb(aspect);
        LimitTest {
            name: format!("{verb} {} {stand}", self.name),
            origin,
            row: self.name,
            stand,
            aspect,
            recipe: (self.recipe)(value),
            allocator: Allocator::OnDemand,
            accept: stand != Stand::Over,
            large: false,
        }
    }
}

fn verb(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Validate => "Validate",
        Aspect::Compile => "Compile",
        Aspect::CompileAsync => "Async compile",
        Aspect::Instantiate => "Instantiate",
        Aspect::InstantiateAsync => "Async instantiate",
        Aspect::Grow => "Grow",
        Aspect::Run => "Run",
    }
}

/// The file's dynamic limits, and its table that grows.
fn file_dynamic() -> Vec<LimitTest> {
    const OVER: u64 = 10_000_001;
    let initial = of("table-ends", [("size", OVER)]);
    let maximum = of("table-ends", [("size", 1), ("maximum", OVER)]);
    let grow = maximum.clone().with("grow", OVER - 1);
    let test = |name: String, row, aspect, recipe: &Recipe, accept| LimitTest {
        name,
        origin: Origin::File,
        row,
        stand: Stand::Over,
        aspect,
        recipe: recipe.clone(),
        allocator: Allocator::OnDemand,
        accept,
        large: false,
    };
    let mut tests = Vec::new();
    for (row, recipe, instantiates) in
        [("initial table size", &initial, false), ("maximum table size", &maximum, true)]
    {
        for (aspect, end) in
            [(Aspect::Validate, ""), (Aspect::Compile, ""), (Aspect::CompileAsync, ".")]
        {
            let name = format!("{} {row} beyond its dynamic limit{end}", verb(aspect));
            tests.push(test(name, row, aspect, recipe, true));
        }
        for aspect in [Aspect::Instantiate, Aspect::InstantiateAsync] {
            let name = format!("{} {row} over limit", verb(aspect));
            tests.push(test(name, row, aspect, recipe, instantiates));
        }
    }
    let name = "Grow WebAssembly.Table object beyond the embedder-defined limit".to_owned();
    tests.push(test(name, "growing table", Aspect::Grow, &grow, false));
    tests
}

/// The file's last limit: a gigabyte.
fn module_size() -> Vec<LimitTest> {
    let stands = [(Stand::Limit, 1 << 30), (Stand::Over, (1 << 30) + 1)];
    let aspects = [Aspect::Validate, Aspect::Compile, Aspect::CompileAsync];
    let test = |(stand, bytes): (Stand, u64), aspect| LimitTest {
        name: format!("{} module size {stand}", verb(aspect)),
        origin: Origin::File,
        row: "module size",
        stand,
        aspect,
        recipe: of("custom-sections", [("count", 1), ("bytes", bytes - CUSTOM_BYTES)]),
        allocator: Allocator::OnDemand,
        accept: stand == Stand::Limit,
        large: true,
    };
    stands.into_iter().flat_map(|stand| aspects.map(|aspect| test(stand, aspect))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{self, Source};
    use crate::shapes;
    use std::collections::BTreeSet;

    #[test]
    fn the_file_has_143_subtests_and_every_name_is_one_test() {
        let tests = limit_tests();
        let of_file = |row: &str| {
            tests.iter().filter(|test| test.origin == Origin::File && test.row == row).count()
        };
        assert_eq!(tests.iter().filter(|test| test.origin == Origin::File).count(), 143);
        assert!(FILE.iter().all(|row| of_file(row.name) == 9), "nine for each of 14 names");
        assert_eq!(FILE.len(), 14);
        assert_eq!(of_file("initial table size") + of_file("maximum table size"), 10);
        assert_eq!((of_file("growing table"), of_file("module size")), (1, 6));
        let names: BTreeSet<&str> = tests.iter().map(|test| test.name.as_str()).collect();
        assert_eq!(names.len(), tests.len());
    }

    #[test]
    fn who_shares_a_run_names_a_test_of_the_same_module() {
        let tests = limit_tests();
        for test in &tests {
            let Some(shared) = test.shares() else { continue };
            let other = tests.iter().find(|other| other.name == shared);
            let other = other.unwrap_or_else(|| panic!("{} shares {shared}", test.name));
            assert_eq!((&other.recipe, other.accept), (&test.recipe, test.accept));
        }
    }

    /// The limit of the table that a row is about, and what it uses beside the value.
    const MEASURES: &[(&str, &str, u64)] = &[
        ("types", "types", 0),
        ("functions", "functions", 0),
        ("imports", "imports", 0),
        ("exports", "exports", 0),
        ("globals", "globals", 0),
        ("data segments", "data-segments", 0),
        ("function size", "function-body-bytes", 0),
        ("function locals", "function-locals", 0),
        ("function params", "function-params", 0),
        ("function params+locals", "function-locals", 2),
        ("function returns", "function-results", 0),
        ("element segments", "element-segments", 0),
        ("tables", "tables", 0),
        ("memories", "memories", 0),
        ("recursion groups", "rec-groups", 0),
        ("types of a recursion group", "rec-group-types", 0),
        ("subtype depth", "subtype-depth", 0),
        ("tags", "tags", 0),
        ("table entries of an initialisation", "segment-entries", 0),
        ("block parameters and results", "block-params", 0),
        ("struct fields", "struct-fields", 0),
        ("array operands", "array-operands", 0),
        ("imported memories", "memories", 0),
        ("memories of a module", "memories", 0),
        ("memory32 pages", "memory32-pages", 0),
        ("memory64 pages", "memory64-pages", 0),
        ("table entries", "table-entries", 0),
    ];

    /// Rows at whose least value the module uses one more of the limit, for what surrounds it.
    const MORE_AT_MINIMUM: &[&str] = &["function returns", "function locals"];

    #[test]
    fn every_row_stands_where_it_says() {
        for row in FILE.iter().chain(TEXT).chain(DYNAMIC) {
            let (_, id, more) = MEASURES.iter().find(|(name, ..)| *name == row.name).unwrap();
            for (stand, value) in row.stands() {
                let recipe = (row.recipe)(value);
                let used = shapes::build(&recipe).unwrap().facts.usage.get(id);
                let slack = MORE_AT_MINIMUM.contains(&row.name) && stand == Stand::Minimum;
                let exact = used == value + more || (slack && used == value + more + 1);
                assert!(exact, "{} {stand}: {recipe} uses {used} of {id}", row.name);
            }
        }
        for test in module_size() {
            let wanted = (1 << 30) + u64::from(test.stand == Stand::Over);
            let bytes = shapes::build(&test.recipe).unwrap().bytes.len();
            assert_eq!(bytes, wanted, "{}", test.name);
        }
    }

    #[test]
    fn the_rows_have_the_numbers_of_the_table() {
        // The file has another number than the text, or one that the text leaves out.
        const OF_THE_FILE: &[&str] = &["element segments", "memories", "function params+locals"];
        for row in FILE.iter().chain(TEXT).chain(DYNAMIC) {
            let (_, id, _) = MEASURES.iter().find(|(name, ..)| *name == row.name).unwrap();
            let of_table = limits::limit(id).unwrap().value(Source::JsApi);
            if !OF_THE_FILE.contains(&row.name) {
                assert_eq!(of_table, Some(row.limit), "{}", row.name);
            }
        }
    }

    #[test]
    fn every_run_says_what_must_come_of_it() {
        for (name, recipe) in runs() {
            let promises = shapes::build(&recipe).unwrap().facts.promises;
            assert!(!promises.is_empty(), "{name}");
        }
    }
}

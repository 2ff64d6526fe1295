//! Where engines do otherwise than the limit tests say, by design: one table for each release of a
//! validator, and for each web engine.

use super::{Aspect, LimitTest, Stand};
use crate::engines::{Backend, EngineId};

/// The deviations of one engine.
#[derive(Clone, Copy, Debug)]
pub struct LimitTable {
    /// Whose they are.
    pub of: &'static str,
    /// The engine by its name.
    engine: &'static str,
    /// Releases of Wasmtime that have it too, by their first number: a validator stays the same in all
    /// of them.
    releases: Option<u64>,
    /// The deviations.
    pub deviations: &'static [Deviation],
}

/// A deviation by design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// The row that it is about.
    pub row: &'static str,
    /// Where in it.
    pub stand: Stand,
    /// The aspects; all of them where there are none.
    pub aspects: &'static [Aspect],
    /// Whether the engine accepts, where it should refuse; or the other way round.
    pub accepts: bool,
    /// Why.
    pub reason: &'static str,
}

const INSTANCES: &[Aspect] = &[Aspect::Instantiate, Aspect::InstantiateAsync];

const COMPILATIONS: &[Aspect] = &[Aspect::Validate, Aspect::Compile, Aspect::CompileAsync];

const fn refuses(row: &'static str, stand: Stand, reason: &'static str) -> Deviation {
    Deviation { row, stand, aspects: &[], accepts: false, reason }
}

const fn accepts(row: &'static str, stand: Stand, reason: &'static str) -> Deviation {
    Deviation { row, stand, aspects: &[], accepts: true, reason }
}

impl Deviation {
    /// The same, for some aspects alone.
    const fn only(mut self, aspects: &'static [Aspect]) -> Deviation {
        self.aspects = aspects;
        self
    }

    fn is_of(&self, test: &LimitTest) -> bool {
        self.row == test.row
            && self.stand == test.stand
            && (self.aspects.is_empty() || self.aspects.contains(&test.aspect))
    }
}

/// Why imports and exports end earlier.
const TYPE_SIZE: &str = "the types of imports and exports together may have a size below 1,000,000, \
                         and a function counts for 2 and more";

/// Why imports and exports end earlier in web engines.
const OLDER_NUMBER: &str = "it has 100,000, which was the number of the text before";

/// Why a table is refused earlier than asked for.
const TABLE_SIZE_AT_ONCE: &str = "a table that can never be made is refused when it is declared";

/// Why memories go further.
const MEMORIES: &str = "multi-memory: the text allows 100, which is what the validator has; the \
                        file still says 1";

/// Every table.
pub const LIMIT_TABLES: &[LimitTable] = &[
    LimitTable {
        of: "wasmparser 0.254 (Wasmtime 48)",
        engine: "builtin",
        releases: Some(48),
        deviations: &[
            refuses("imports", Stand::Limit, TYPE_SIZE),
            refuses("exports", Stand::Limit, TYPE_SIZE),
            refuses(
                "element segments",
                Stand::Limit,
                "the validator has 100,000; the text has no such limit",
            ),
            refuses("tables", Stand::Limit, "the validator has 100 until 0.263"),
            accepts("memories", Stand::Over, MEMORIES),
            accepts("module size", Stand::Over, "the validator limits no module by its bytes"),
            accepts(
                "initial table size",
                Stand::Over,
                "tables are limited by memory and by what an embedder allows a store",
            )
            .only(INSTANCES),
            accepts(
                "growing table",
                Stand::Over,
                "tables are limited by memory and by what an embedder allows a store",
            ),
            accepts("array operands", Stand::Over, "the validator has no such limit"),
            accepts(
                "memory64 pages",
                Stand::Over,
                "the validator allows all of the address space, 2^48 pages",
            )
            .only(&[Aspect::Validate, Aspect::Compile]),
            refuses(
                "memory64 pages",
                Stand::Limit,
                "no machine has that much address space, so it cannot be instantiated",
            )
            .only(INSTANCES),
            accepts(
                "table entries",
                Stand::Over,
                "tables are limited by memory and by what an embedder allows a store",
            )
            .only(INSTANCES),
        ],
    },
    LimitTable {
        of: "V8 (of node 20)",
        engine: "v8",
        releases: None,
        deviations: &[
            refuses("imports", Stand::Limit, OLDER_NUMBER),
            refuses("exports", Stand::Limit, OLDER_NUMBER),
        ],
    },
    LimitTable {
        of: "JavaScriptCore",
        engine: "jsc",
        releases: None,
        deviations: &[
            accepts("tables", Stand::Over, "it has a larger limit on tables"),
            refuses("tags", Stand::Limit, "it has 100,000, and calls them exports"),
            refuses("initial table size", Stand::Over, TABLE_SIZE_AT_ONCE).only(COMPILATIONS),
            refuses("table entries", Stand::Over, TABLE_SIZE_AT_ONCE).only(COMPILATIONS),
            accepts(
                "table entries of an initialisation",
                Stand::Over,
                "it has no such limit on segments that are passive",
            ),
        ],
    },
];

/// The deviations that are known of an engine; `None` where nobody has looked.
pub fn limit_table(engine: &EngineId) -> Option<&'static LimitTable> {
    let release = engine.release().map(|version| version.major);
    let is_of = |table: &&LimitTable| {
        table.engine == engine.as_str() || (release.is_some() && table.releases == release)
    };
    LIMIT_TABLES.iter().find(is_of)
}

/// The deviation that is known of a test on a backend.
pub(super) fn deviation(test: &LimitTest, backend: &Backend) -> Option<&'static Deviation> {
    let table = limit_table(backend.engine())?;
    table.deviations.iter().find(|deviation| deviation.is_of(test))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::limit_tests;

    #[test]
    fn a_table_is_of_an_engine_and_of_releases_with_the_same_validator() {
        let of = |name: &str| limit_table(&name.parse().unwrap()).map(|table| table.engine);
        for name in ["builtin", "48.0.1", "48.0.8-assertions"] {
            assert_eq!(of(name), Some("builtin"), "{name}");
        }
        assert_eq!((of("v8"), of("47.0.2"), of("my_engine")), (Some("v8"), None, None));
    }

    #[test]
    fn every_deviation_is_one_of_tests_that_say_the_opposite() {
        let tests = limit_tests();
        for table in LIMIT_TABLES {
            for deviation in table.deviations {
                let of: Vec<_> = tests.iter().filter(|test| deviation.is_of(test)).collect();
                assert!(!of.is_empty(), "{}: {deviation:?} is about no test", table.of);
                assert!(of.iter().all(|test| test.accept != deviation.accepts), "{deviation:?}");
            }
        }
    }
}

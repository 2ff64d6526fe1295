//! Where engines do otherwise than the limit tests say, by design: one table for each release of a
//! validator, and for each web engine.

use super::{Aspect, LimitTest, Stand};
use crate::engines::{Code, Installed};

/// The deviations of one engine.
#[derive(Clone, Copy, Debug)]
pub struct LimitTable {
    /// Whose they are.
    pub of: &'static str,
    /// What kind of engine.
    engine: Kind,
    /// How its versions begin, in all of which limits stay the same; nothing for any.
    versions: &'static str,
    /// The deviations.
    pub deviations: &'static [Deviation],
}

/// Engines that have limits in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Wasmtime,
    V8,
    JavaScriptCore,
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

/// Why memories of a module go further.
const MORE_MEMORIES: &str = "it has a larger limit on memories";

/// Why tables go further.
const MORE_TABLES: &str = "it has a larger limit on tables";

/// Why memories go further.
const MEMORIES: &str = "multi-memory: the text allows 100, which is what the validator has; the \
                        file still says 1";

/// Every table.
pub const LIMIT_TABLES: &[LimitTable] = &[
    LimitTable {
        of: "wasmparser 0.254 (Wasmtime 48)",
        engine: Kind::Wasmtime,
        versions: "48.",
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
        of: "V8 11.3 (of node 20)",
        engine: Kind::V8,
        versions: "11.3.",
        deviations: &[
            refuses("imports", Stand::Limit, OLDER_NUMBER),
            refuses("exports", Stand::Limit, OLDER_NUMBER),
        ],
    },
    LimitTable {
        of: "V8 13.6 (of node 24)",
        engine: Kind::V8,
        versions: "13.6.",
        deviations: &[
            accepts("memories", Stand::Over, MORE_MEMORIES),
            accepts("memories of a module", Stand::Over, MORE_MEMORIES),
            accepts("imported memories", Stand::Over, MORE_MEMORIES),
            accepts("tables", Stand::Over, MORE_TABLES),
            refuses("memory64 pages", Stand::Limit, "it has 16 GiB as the most of one memory"),
            refuses("initial table size", Stand::Over, TABLE_SIZE_AT_ONCE).only(COMPILATIONS),
            refuses("table entries", Stand::Over, TABLE_SIZE_AT_ONCE).only(COMPILATIONS),
        ],
    },
    LimitTable {
        of: "JavaScriptCore",
        engine: Kind::JavaScriptCore,
        versions: "",
        deviations: &[
            accepts("tables", Stand::Over, MORE_TABLES),
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
pub fn limit_table(engine: &Installed) -> Option<&'static LimitTable> {
    let (kind, version) = match engine.code {
        Code::Node(_) => (Kind::V8, engine.version.clone()),
        Code::Jsc(_) => (Kind::JavaScriptCore, String::new()),
        Code::Builtin | Code::Library(_) | Code::Worker(_) | Code::Executable(_) => {
            let release = engine.id.release();
            (Kind::Wasmtime, release.map(|version| version.to_string()).unwrap_or_default())
        }
    };
    let of_kind = LIMIT_TABLES.iter().filter(|table| table.engine == kind);
    of_kind.into_iter().find(|table| version.starts_with(table.versions))
}

impl LimitTable {
    /// The deviation that is known of a test.
    pub(super) fn deviation(&self, test: &LimitTest) -> Option<&'static Deviation> {
        self.deviations.iter().find(|deviation| deviation.is_of(test))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::limit_tests;

    #[test]
    fn a_table_is_of_an_engine_and_of_versions_with_the_same_limits() {
        let of = |name: &str, version: &str, code: Code| {
            let (id, version) = (name.parse().unwrap(), version.to_owned());
            let engine = Installed { id, version, code, ..Installed::builtin() };
            limit_table(&engine).map(|table| table.of)
        };
        assert_eq!(limit_table(&Installed::builtin()).unwrap().of, LIMIT_TABLES[0].of);
        for name in ["48.0.1", "48.0.8-assertions"] {
            assert_eq!(
                of(name, "48", Code::Worker("x".into())),
                Some(LIMIT_TABLES[0].of),
                "{name}"
            );
        }
        for name in ["47.0.2", "my_engine"] {
            assert_eq!(of(name, "48", Code::Library("x".into())), None, "{name}");
        }
        let v8 = |version| of("v8", version, Code::Node("node".into()));
        assert_eq!(v8("13.6.233.17-node.53"), Some("V8 13.6 (of node 24)"));
        assert_eq!((v8("11.3.244"), v8("12.4")), (Some("V8 11.3 (of node 20)"), None));
        assert_eq!(of("jsc", "unknown", Code::Jsc("jsc".into())), Some("JavaScriptCore"));
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

//! The table of implementation limits: everything else in brink asks this table where the brink is.
//!
//! The numbers live here, and not in calls of the validator, because `wasmparser::limits` is
//! private, because the sources disagree and the disagreement is itself of interest, and because
//! some limits are enforced by nobody. Each number that the validator enforces is probed against
//! it, at the limit and one past it, by the tests of `limits/probe.rs`: an update that moves a
//! limit fails there.

pub mod expectation;
pub mod headroom;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod specimens;
mod survey;
pub mod table;
mod type_space;
pub mod usage;
mod walk;

use std::fmt;

pub use crate::limits::expectation::Expectation;
pub use crate::limits::headroom::{HeadroomError, headroom};
pub use crate::limits::table::LIMITS;
pub use crate::limits::usage::Usage;

/// Who enforces a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The text of the WebAssembly JavaScript interface, section "Implementation-defined limits".
    JsApi,
    /// The validator that Wasmtime 48 runs before it compiles anything.
    Wasmparser,
    /// What Wasmtime checks on top of its validator.
    Wasmtime,
    /// V8's `src/wasm/wasm-limits.h`. For comparison only: no expectation rests on it.
    V8,
}

impl Source {
    /// All sources, in the order in which reports show them.
    pub const ALL: &[Source] = &[Source::JsApi, Source::Wasmparser, Source::Wasmtime, Source::V8];
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::JsApi => "JS API",
            Source::Wasmparser => "wasmparser 0.254",
            Source::Wasmtime => "Wasmtime 48",
            Source::V8 => "V8",
        })
    }
}

/// When the JavaScript interface says that a limit is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitKind {
    /// At validation time: the module is refused.
    Static,
    /// At run time: instantiating or growing fails. A validator may still check what is declared.
    Dynamic,
}

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LimitKind::Static => "static",
            LimitKind::Dynamic => "dynamic",
        })
    }
}

/// One implementation limit: the greatest value that each source accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Stable kebab-case name. Recipes and findings speak of it, so it never changes.
    pub id: &'static str,
    /// What is counted, for people.
    pub title: &'static str,
    /// When it is enforced.
    pub kind: LimitKind,
    /// What one is one of: "bytes", "types".
    pub unit: &'static str,
    /// The smallest value that a module made to exercise this limit can have.
    pub min: u64,
    /// The greatest value that the JavaScript interface obliges engines to accept.
    pub js_api: Option<u64>,
    /// The greatest value that the validator's check of this limit lets through.
    pub wasmparser: Option<u64>,
    /// The greatest value that Wasmtime accepts, where it checks more than its validator.
    pub wasmtime: Option<u64>,
    /// The greatest value that V8 states. Read, not probed: see `limits/table.rs`.
    pub v8: Option<u64>,
    /// What brink drives it to where that is none of the above: because nobody limits it, or
    /// because another limit always bites first. The note says which.
    pub stress: Option<u64>,
    /// The source of the fact and how it is counted.
    pub note: &'static str,
}

impl Limit {
    /// The greatest value that `source` accepts, or `None` where it has no such limit.
    pub fn value(&self, source: Source) -> Option<u64> {
        match source {
            Source::JsApi => self.js_api,
            Source::Wasmparser => self.wasmparser,
            Source::Wasmtime => self.wasmtime,
            Source::V8 => self.v8,
        }
    }

    /// The value that a shape aims at when told `At`.
    ///
    /// The stress value where the row states one; else wasmparser's, since a module past it never
    /// reaches a compiler; else the JS API's, Wasmtime's, V8's.
    pub fn target(&self) -> u64 {
        self.stress
            .or(self.wasmparser)
            .or(self.js_api)
            .or(self.wasmtime)
            .or(self.v8)
            .expect("a test checks that every row has a source or a stress value")
    }
}

/// The row named `id`, or `None` where the table has no such row.
pub fn limit(id: &str) -> Option<&'static Limit> {
    LIMITS.iter().find(|limit| limit.id == id)
}

//! How near the limits is this module? One pass over any module's bytes answers, for every limit.
//!
//! Producers of Wasm ask it of their modules, and tests ask it of the modules that shapes build, to
//! hold each claimed usage against what is really there. Each limit is counted as the validator's
//! check of it counts, but nothing is validated, so that a module past a limit can be measured too.
//! That ends where the parser itself refuses: past `rec-group-types`, `function-params`,
//! `function-results`, `struct-fields`, `catches`, `handlers` and `name-bytes` there is an error.
//!
//! `operand-stack` is not measured: its height depends on the types of operators and on which of
//! them are reachable, and finding those out is validation.

use thiserror::Error;
use wasmparser::{Parser, WasmFeatures};

use crate::limits::Usage;
use crate::limits::survey::Survey;

/// Why the headroom of a module cannot be measured.
#[derive(Debug, Error)]
pub enum HeadroomError {
    /// The bytes are cut short, malformed, or past a limit that the parser itself enforces.
    #[error("read the module: {0}")]
    Unreadable(#[from] wasmparser::Error),
    /// The bytes are a component; the limits of this table are those of core modules.
    #[error("measure a component: only core modules have headroom (at offset 0x0)")]
    Component,
    /// An index that the count needs names nothing, or nothing of the right kind.
    #[error("find {space} {index} (at offset 0x{offset:x})")]
    UnknownIndex {
        /// What was to be found: "function type", "supertype"...
        space: &'static str,
        /// Its index.
        index: u32,
        /// Where in the module the index is used, in bytes from its start.
        offset: usize,
    },
}

impl HeadroomError {
    /// Whether the parser refuses what is there for its size alone: it is a module, and past a
    /// limit. Probes of every limit hold this against the words of the parser, which has no other
    /// sign.
    pub fn is_past_a_limit(&self) -> bool {
        match self {
            HeadroomError::Unreadable(error) => error.message().contains("out of bounds"),
            HeadroomError::Component | HeadroomError::UnknownIndex { .. } => false,
        }
    }

    /// Where in the module measuring stopped, in bytes from its start.
    pub fn offset(&self) -> usize {
        match self {
            HeadroomError::Unreadable(error) => error.offset(),
            HeadroomError::Component => 0,
            HeadroomError::UnknownIndex { offset, .. } => *offset,
        }
    }
}

/// Measures how much of each limit the module in `bytes` uses.
///
/// Takes one pass and memory in proportion to the module's types and declarations: bodies and
/// segments are not copied. A memory's pages are what it declares, minimum or maximum, because the
/// validator checks both; a table's entries are its minimum.
///
/// # Errors
///
/// Fails where the bytes cannot be read, saying at which offset. It does not fail for modules that
/// are merely invalid, unless the count itself needs what is missing.
pub fn headroom(bytes: &[u8]) -> Result<Usage, HeadroomError> {
    let mut survey = Survey::of_module(bytes);
    let mut parser = Parser::new(0);
    parser.set_features(WasmFeatures::all());
    for payload in parser.parse_all(bytes) {
        survey.payload(payload?)?;
    }
    Ok(survey.into_usage())
}

#[cfg(test)]
mod tests;

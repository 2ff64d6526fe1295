//! What a module promises of its run: which exports to call, and how each call may end.
//!
//! Who builds a module knows what comes of it, so the promise is made there, and travels with the job
//! to where the module is run.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Stack that a call has at least, in bytes: what promises to return rather than to run out of stack
/// fits into so much.
pub const STACK_BYTES_MIN: u64 = 256 << 10;

/// A call of an export and how it may end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The name of the export.
    pub export: String,
    /// The arguments: the function takes as many `i64`.
    pub arguments: Vec<i64>,
    /// Every end that is right. More than one where an engine has a choice, as of how deep a stack
    /// is.
    pub ends: Vec<End>,
}

/// How a call ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// It returns these values, all `i64`.
    Returns(Vec<i64>),
    /// It traps for want of stack.
    StackOverflow,
    /// It traps at the end of a memory or a table.
    OutOfBounds,
    /// It throws what nobody catches.
    Throws,
    /// It fails for want of room on the heap of the garbage collector.
    HeapExhausted,
}

/// Values that are shown of a long list.
const SHOWN: usize = 4;

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Returns(values) => {
                f.write_str("returns")?;
                values.iter().take(SHOWN).try_for_each(|value| write!(f, " {value}"))?;
                match values.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more values"),
                }
            }
            End::StackOverflow => f.write_str("runs out of stack"),
            End::OutOfBounds => f.write_str("traps out of bounds"),
            End::Throws => f.write_str("throws"),
            End::HeapExhausted => f.write_str("runs out of heap"),
        }
    }
}

impl Promise {
    /// A call without arguments that ends in one way.
    pub fn of(export: &str, end: End) -> Promise {
        Promise { export: export.to_owned(), arguments: Vec::new(), ends: vec![end] }
    }

    /// A call without arguments that returns one value.
    pub fn returns(export: &str, value: i64) -> Promise {
        Promise::of(export, End::Returns(vec![value]))
    }

    /// The same, which may also end so.
    #[must_use]
    pub fn or(mut self, end: End) -> Promise {
        self.ends.push(end);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_when_they_are_shown() {
        let text = End::Returns((0..1_000).collect()).to_string();
        assert_eq!(text, "returns 0 1 2 3 and 996 more values");
        assert_eq!(End::Returns(vec![7]).to_string(), "returns 7");
    }
}

//! What came of instantiating a module and calling its exports.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What running a module brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionCheck {
    /// Why it was not instantiated, in the engine's words, where it was not.
    pub refusal: Option<String>,
    /// By call, the place of its end among those that were promised; `None` where it is wrong.
    pub ends: Vec<Option<u32>>,
    /// Calls that ended otherwise than was promised.
    pub wrong: Vec<WrongCall>,
}

/// A call that ended otherwise than was promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongCall {
    /// The export.
    pub export: String,
    /// In which way.
    pub kind: WrongKind,
    /// What was promised.
    pub promised: String,
    /// What came of it.
    pub came: String,
}

/// In which way a call went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WrongKind {
    /// It returned other values.
    OtherValues,
    /// It ended in another way.
    OtherEnd,
}

impl fmt::Display for WrongKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WrongKind::OtherValues => "other-values",
            WrongKind::OtherEnd => "other-end",
        })
    }
}

impl fmt::Display for WrongCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WrongCall { export, promised, came, .. } = self;
        write!(f, "a call of {export} {came}, and it {promised} if all is well")
    }
}

//! What an engine said of a module: its verdict, and that of its validator.

use super::Phase;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an engine said of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineVerdict {
    /// It compiled.
    Accepted {
        /// The artifact.
        artifact: Artifact,
    },
    /// It did not, and said why.
    Refused {
        /// The kind and message of the refusal.
        refusal: Refusal,
    },
    /// The backend cannot be configured so, or lacks what the module needs.
    NotApplicable {
        /// Why.
        reason: String,
    },
}

impl EngineVerdict {
    /// Short name for tables.
    pub fn name(&self) -> &'static str {
        match self {
            EngineVerdict::Accepted { .. } => "accepted",
            EngineVerdict::Refused { .. } => "refused",
            EngineVerdict::NotApplicable { .. } => "not-applicable",
        }
    }
}

/// What the engine's validator said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validation {
    /// It did not get that far.
    NotRun,
    /// Valid.
    Valid,
    /// Not valid, and why.
    Invalid(String),
}

/// A compiled module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Size of the whole artifact, in bytes.
    pub bytes: u64,
    /// Size of its machine code (`.text`), in bytes.
    pub code_bytes: u64,
    /// Blake3, in hexadecimal.
    pub hash: String,
    /// Blake3 of a second compilation, where one was made.
    pub repeat_hash: Option<String>,
}

/// Why an engine refused, by the error's type as far as it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// The validator: the module is not valid, or past a limit that validation enforces.
    Invalid,
    /// The engine says that it does not implement something.
    Unsupported,
    /// A limit of the implementation, reported cleanly.
    ImplementationLimit,
    /// Anything else: an internal error.
    Internal,
}

impl fmt::Display for RefusalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RefusalKind::Invalid => "invalid",
            RefusalKind::Unsupported => "unsupported",
            RefusalKind::ImplementationLimit => "implementation-limit",
            RefusalKind::Internal => "internal",
        })
    }
}

/// An engine's refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Phase in which it was refused.
    pub phase: Phase,
    /// Kind.
    pub kind: RefusalKind,
    /// The engine's message, shortened to [`MESSAGE_BYTES_MAX`].
    pub message: String,
}

/// Longest message that is kept, in bytes: enough for any error, and a module with names of
/// 100,000 bytes cannot flood a report.
pub const MESSAGE_BYTES_MAX: usize = 2_000;

/// `text` without control characters and cut to [`MESSAGE_BYTES_MAX`].
pub fn shorten(text: &str) -> String {
    let clean = |c: char| if c.is_control() && c != '\n' { '\u{fffd}' } else { c };
    let mut out = String::new();
    for c in text.chars().map(clean) {
        if out.len() + c.len_utf8() > MESSAGE_BYTES_MAX {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_or_hostile_messages_are_cut_and_cleaned() {
        let text = "\x1b[31m".to_owned() + &"é".repeat(100_000);
        let short = shorten(&text);
        assert!(short.len() <= MESSAGE_BYTES_MAX + '…'.len_utf8());
        assert!(!short.contains('\x1b'));
        assert_eq!(shorten("plain"), "plain");
    }
}

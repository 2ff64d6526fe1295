//! Why jobs were not judged or not run: reasons that differ in their numbers alone are counted as one.

use std::collections::BTreeMap;

/// Why several jobs were not judged or not run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    /// How many.
    pub count: u64,
    /// The first of them: what, and why.
    pub example: String,
}

impl Reason {
    pub(super) fn count(reasons: &mut BTreeMap<String, Reason>, reason: &str, example: String) {
        let known = reasons.entry(without_numbers(reason)).or_default();
        if known.count == 0 {
            known.example = example;
        }
        known.count += 1;
    }
}

/// Reasons differ in their numbers; what they have in common is what counts.
fn without_numbers(reason: &str) -> String {
    let mut kind = String::new();
    for c in reason.chars() {
        match c.is_ascii_digit() {
            true if kind.ends_with('N') => {}
            true => kind.push('N'),
            false => kind.push(c),
        }
    }
    kind
}

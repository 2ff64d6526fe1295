//! The web engines: what they can be asked for.
//!
//! Their tiers are the targets. With tiering off, each answers whether one compiler alone holds
//! near the limits; with tiering on, what a user of the engine gets.

use super::{Strategy, Target};
use crate::proposals::Proposal;

/// The names of web engines.
pub const WEB_ENGINES: &[&str] = &["v8", "jsc"];

/// What they have in common: nothing of Cranelift's.
const LACKS_KNOBS: &[&str] = &[
    "opt",
    "regalloc",
    "debug-info",
    "guest-debug",
    "fuel",
    "epochs",
    "collector",
    "signals",
    "cpu",
    "guard",
    "spectre",
    "memory64",
    "verifier",
    "regalloc-checker",
    "stack",
];

const fn tier(id: &'static str, title: &'static str) -> Target {
    const NONE: &[Proposal] = &[];
    Target {
        id,
        title,
        triple: "",
        strategy: Strategy::Web,
        cpu: &[],
        lacks: NONE,
        lacks_knobs: LACKS_KNOBS,
    }
}

/// The targets of web engines; ids are append-only.
pub const WEB_TARGETS: &[Target] = &[
    tier("baseline", "the baseline compiler alone"),
    tier("optimiser", "the optimising compiler alone"),
    tier("default", "its own choice of tiers"),
];

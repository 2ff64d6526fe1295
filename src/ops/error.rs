//! Why something is not a unit.
//!
//! Apart from the unit because its texts are for people who write recipes by hand.

use thiserror::Error;

use crate::ops::kinds::Type;
use crate::ops::unit::Unit;

/// Why something is not a unit. The texts fit after "failed to read the unit: ".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnitError {
    /// No step at all.
    #[error("a unit needs at least one step")]
    Empty,
    /// More steps than [`Unit::STEPS_MAX`].
    #[error("{steps} steps are more than {}", Unit::STEPS_MAX)]
    TooLong {
        /// Steps given.
        steps: usize,
    },
    /// The number of sources is not the number of operands.
    #[error("step {step}, {operator}: {given} operands instead of {wanted}")]
    OperandCount {
        /// Index of the step.
        step: usize,
        /// Its operator.
        operator: &'static str,
        /// Operands of the operator.
        wanted: usize,
        /// Sources given.
        given: usize,
    },
    /// `prev` in the first step stands elsewhere than in operand 0, or operands 0 and 1.
    #[error("step 0, {operator}: `prev` may stand in operand 0, or in operands 0 and 1")]
    CarriedPlace {
        /// The operator of step 0.
        operator: &'static str,
    },
    /// A `prev` operand whose previous step has no result or one of another type.
    #[error(
        "step {step}, {operator}: operand {operand} wants {wanted}, `prev` is {}",
        or_nothing(.given)
    )]
    PrevType {
        /// Index of the step.
        step: usize,
        /// Its operator.
        operator: &'static str,
        /// Index of the operand.
        operand: usize,
        /// The operand's type.
        wanted: Type,
        /// The last result of the previous step.
        given: Option<Type>,
    },
    /// A link or a join that does not give back the type it takes.
    #[error("the unit takes {wanted} from its previous copy and gives {}", or_nothing(.given))]
    CarriedType {
        /// The type of the first `prev` operand.
        wanted: Type,
        /// The second `prev` operand's type, or the last result of the last step.
        given: Option<Type>,
    },
    /// A name that no row has.
    #[error("unknown operator `{name}`{}", hint(.nearest))]
    UnknownOperator {
        /// The name given.
        name: String,
        /// The nearest name of the table.
        nearest: Option<&'static str>,
    },
    /// A word that is not an operand source.
    #[error(
        "unknown operand source `{word}`: const, local, load, global or prev{}",
        hint(.nearest)
    )]
    UnknownSource {
        /// The word given.
        word: String,
        /// The source that looks most like it.
        nearest: Option<&'static str>,
    },
    /// A word that is not a sink.
    #[error("unknown sink `{word}`: drop, local, global, store or call{}", hint(.nearest))]
    UnknownSink {
        /// The word given.
        word: String,
        /// The sink that looks most like it.
        nearest: Option<&'static str>,
    },
    /// Text that does not have the form of a unit.
    #[error("expected {expected} at `{text}`")]
    Syntax {
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        text: String,
    },
    /// The compact form ends early.
    #[error("the compact form ends early")]
    Truncated,
    /// The compact form holds a value without meaning.
    #[error("the compact form has {value:#x} as its {what}")]
    Compact {
        /// The field.
        what: &'static str,
        /// Its value.
        value: u32,
    },
}

fn or_nothing(given: &Option<Type>) -> &'static str {
    given.map_or("nothing", Type::name)
}

fn hint(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; the nearest is `{name}`"))
}

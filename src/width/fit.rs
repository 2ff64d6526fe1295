//! Whether a machine access and a Wasm access can be one.

use super::code::{MachineAccess, Touch};
use super::feeds::Accesses;
use crate::ops::{Access, AccessKind, Immediate, Operator};
use iced_x86::Mnemonic;

/// Whether both have one width.
pub(super) fn is_as_wide(access: Access, machine: &MachineAccess) -> bool {
    u32::from(access.bytes) == machine.bytes
}

/// Whether both do the same with memory.
pub(super) fn touches_alike(kind: AccessKind, machine: &MachineAccess) -> bool {
    let touch = machine.touch;
    match kind {
        AccessKind::Load => touch == Touch::Read,
        // A load that is modified and stored is one instruction.
        AccessKind::Store => touch != Touch::Read,
        AccessKind::ReadModifyWrite => true,
        AccessKind::Wait | AccessKind::Notify | AccessKind::Bulk => false,
    }
}

/// Whether all loads are as wide as a machine access: then it is right, whichever it stands for.
pub(super) fn has_one_width(accesses: &Accesses, machine: &MachineAccess) -> bool {
    let mut loads = accesses.all.iter().filter(|wasm| wasm.access.kind == AccessKind::Load);
    machine.touch != Touch::Write && loads.all(|wasm| is_as_wide(wasm.access, machine))
}

/// Whether an instruction that modifies memory needs what was there; an exchange does not.
pub(super) fn reads_first(machine: &MachineAccess) -> bool {
    machine.touch == Touch::ReadWrite && machine.instruction.mnemonic() != Mnemonic::Xchg
}

/// Whether code for an operator has nothing to do with memory other than linear memory and what
/// pointers to it are read from: arithmetic and accesses.
pub(super) fn has_no_other_memory(operator: &Operator) -> bool {
    if let Some(access) = operator.access {
        return matches!(
            access.kind,
            AccessKind::Load | AccessKind::Store | AccessKind::ReadModifyWrite
        );
    }
    let is_part = |immediate: &Immediate| {
        matches!(immediate, Immediate::Lane(_) | Immediate::Shuffle | Immediate::Value(_))
    };
    !operator.params.is_empty()
        && operator.params.iter().chain(operator.results).all(|ty| ty.is_number())
        && operator.immediates.iter().all(is_part)
}

//! Which registers hold an address that was made by adding to another.
//!
//! Code reads bases, bounds and globals at fixed places behind pointers that it was given or has loaded.
//! A sum of two registers is the address of an entry, or of a byte of linear memory.

use super::lookup::Role;
use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// The registers that hold such a sum, a bit for each. Followed along straight code: behind a branch that
/// is not taken it still holds, and where others lead to, nothing is known.
#[derive(Clone, Copy, Default)]
pub(super) struct Pointers(u16);

/// The bit of a register that can hold an address.
fn bit(register: Register) -> Option<u16> {
    let number = (register as u32).checked_sub(Register::RAX as u32)?;
    (number < 16).then(|| 1 << number)
}

impl Pointers {
    pub(super) fn is_sum(self, register: Register) -> bool {
        bit(register).is_some_and(|bit| self.0 & bit != 0)
    }

    pub(super) fn follow(&mut self, instruction: &Instruction, role: Role) {
        if role == Role::Branches {
            // Whatever a call leaves in its registers, it is no sum of this code.
            self.0 = if instruction.is_jcc_short_or_near() { self.0 } else { 0 };
            return;
        }
        if (self.0 == 0 && role != Role::Adds) || instruction.op0_kind() != OpKind::Register {
            return;
        }
        let written = instruction.op0_register();
        let Some(bit) = bit(written.full_register()) else { return };
        let is_whole = written.is_gpr64();
        let is_sum = match role {
            Role::Adds if instruction.mnemonic() == Mnemonic::Lea => {
                instruction.memory_index() != Register::None
                    && instruction.memory_base() != Register::None
            }
            Role::Adds => {
                matches!(instruction.op1_kind(), OpKind::Register | OpKind::Memory)
                    || self.0 & bit != 0
            }
            Role::Moves if instruction.op1_kind() == OpKind::Register => {
                self.is_sum(instruction.op1_register())
            }
            Role::Selects => self.0 & bit != 0 || self.is_sum(instruction.op1_register()),
            Role::Works | Role::Branches | Role::Moves => false,
        };
        self.0 = if is_sum && is_whole { self.0 | bit } else { self.0 & !bit };
    }
}

#[cfg(test)]
mod tests {
    use super::super::lookup::Lookup;
    use super::*;
    use iced_x86::{Decoder, DecoderOptions};

    /// Whether `rax` is a sum after this code.
    fn is_sum(code: &[u8]) -> bool {
        let (lookup, mut pointers) = (Lookup::new(), Pointers::default());
        for instruction in &mut Decoder::new(64, code, DecoderOptions::NONE) {
            pointers.follow(&instruction, lookup.role(&instruction));
        }
        pointers.is_sum(Register::RAX)
    }

    #[test]
    fn a_sum_of_registers_stays_one_until_it_is_written_over() {
        const ADD_RAX_RCX: &[u8] = &[0x48, 0x01, 0xc8];
        const LEA_RAX_RAX_RCX: &[u8] = &[0x48, 0x8d, 0x04, 0x08];
        const LEA_RAX_RAX_8: &[u8] = &[0x48, 0x8d, 0x40, 0x08];
        const MOV_RDX_RAX: &[u8] = &[0x48, 0x89, 0xc2];
        const MOV_RAX_RDX: &[u8] = &[0x48, 0x89, 0xd0];
        const ADD_RAX_FIELD: &[u8] = &[0x48, 0x03, 0x47, 0x38];
        const MOV_RAX_FIELD: &[u8] = &[0x48, 0x8b, 0x47, 0x50];
        const CMOVB_RDX_RAX: &[u8] = &[0x48, 0x0f, 0x42, 0xd0];
        const ADD_EAX_ECX: &[u8] = &[0x01, 0xc8];
        const JZ: &[u8] = &[0x74, 0x00];
        const JMP: &[u8] = &[0xeb, 0x00];
        const CALL: &[u8] = &[0xe8, 0, 0, 0, 0];
        for (code, wanted) in [
            (&[ADD_RAX_RCX][..], true),
            (&[LEA_RAX_RAX_RCX], true),
            (&[ADD_RAX_FIELD], true),
            (&[LEA_RAX_RAX_8], false),
            (&[ADD_RAX_RCX, MOV_RDX_RAX, MOV_RAX_FIELD], false),
            (&[ADD_RAX_RCX, MOV_RDX_RAX, MOV_RAX_FIELD, MOV_RAX_RDX], true),
            (&[ADD_RAX_RCX, CMOVB_RDX_RAX, MOV_RAX_FIELD, MOV_RAX_RDX], true),
            (&[CMOVB_RDX_RAX, MOV_RAX_RDX], false),
            (&[ADD_EAX_ECX], false),
            (&[ADD_RAX_RCX, JZ], true),
            (&[ADD_RAX_RCX, JMP], false),
            (&[ADD_RAX_RCX, CALL], false),
        ] {
            assert_eq!(is_sum(&code.concat()), wanted, "{code:x?}");
        }
    }
}

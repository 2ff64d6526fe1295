//! What is known of an instruction by its code alone, in tables: it is asked of every one.

use super::code::{MachineAccess, Touch, offset_of};
use iced_x86::{
    Code, ConditionCode, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess,
    OpKind,
};
use std::sync::LazyLock;

/// What an instruction means to whoever follows the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It computes something, or accesses memory.
    Works,
    /// It leads elsewhere, traps, or is none.
    Branches,
    /// `mov`.
    Moves,
    /// A move on a condition, which holds an index to its bound or an address to what may be accessed.
    Selects,
    /// `add` and `lea`, which make addresses.
    Adds,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other instructions work")]
static ROLES: LazyLock<Vec<Role>> = LazyLock::new(|| {
    let takes_two = |code: Code| {
        let mut instruction = Instruction::default();
        instruction.set_code(code);
        instruction.op_count() == 2
    };
    let role = |code: Code| match code.mnemonic() {
        _ if code.flow_control() != FlowControl::Next => Role::Branches,
        Mnemonic::Mov => Role::Moves,
        _ if code.condition_code() != ConditionCode::None && takes_two(code) => Role::Selects,
        Mnemonic::Add | Mnemonic::Lea => Role::Adds,
        _ => Role::Works,
    };
    Code::values().map(role).collect()
});

/// The tables.
pub(super) struct Lookup {
    roles: &'static [Role],
    /// By code, what it does with a first operand in memory, as far as that was asked.
    touches: Vec<Option<Touch>>,
    factory: InstructionInfoFactory,
}

impl Lookup {
    pub(super) fn new() -> Lookup {
        let touches = vec![None; ROLES.len()];
        Lookup { roles: &ROLES, touches, factory: InstructionInfoFactory::new() }
    }

    pub(super) fn role(&self, instruction: &Instruction) -> Role {
        self.roles[instruction.code() as usize]
    }

    /// What an instruction with a memory operand does with memory. An operand that is not the first is
    /// only read.
    pub(super) fn touch(&mut self, instruction: &Instruction) -> Touch {
        if instruction.op0_kind() != OpKind::Memory {
            return Touch::Read;
        }
        // A mask makes of a write one that may not happen.
        if instruction.has_op_mask() {
            return first_touched(instruction, &mut self.factory);
        }
        let known = &mut self.touches[instruction.code() as usize];
        *known.get_or_insert_with(|| first_touched(instruction, &mut self.factory))
    }

    /// What an instruction with a memory operand accesses.
    pub(super) fn access(
        &mut self,
        instruction: &Instruction,
        position: Option<u32>,
    ) -> MachineAccess {
        MachineAccess {
            offset: offset_of(instruction),
            position,
            bytes: u32::try_from(instruction.memory_size().size()).unwrap_or(u32::MAX),
            touch: self.touch(instruction),
            instruction: *instruction,
            bit_index: picks_a_bit(instruction),
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not known to write is taken for reading"
)]
fn first_touched(instruction: &Instruction, factory: &mut InstructionInfoFactory) -> Touch {
    match factory.info(instruction).op0_access() {
        OpAccess::Write | OpAccess::CondWrite => Touch::Write,
        OpAccess::ReadWrite | OpAccess::ReadCondWrite => Touch::ReadWrite,
        _ => Touch::Read,
    }
}

/// Whether a register picks a bit of an operand: in memory, of any byte far and wide.
pub(super) fn picks_a_bit(instruction: &Instruction) -> bool {
    let is_test = matches!(
        instruction.mnemonic(),
        Mnemonic::Bt | Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc
    );
    is_test && instruction.op1_kind() == OpKind::Register
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced_x86::{Decoder, DecoderOptions};

    fn decoded(bytes: &[u8]) -> Instruction {
        Decoder::new(64, bytes, DecoderOptions::NONE).decode()
    }

    #[test]
    fn what_is_none_and_what_ends_code_branch() {
        let lookup = Lookup::new();
        let cases: &[(&[u8], Role)] = &[
            (&[0x06], Role::Branches),                  // invalid in this mode
            (&[0xc3], Role::Branches),                  // ret
            (&[0x0f, 0x0b], Role::Branches),            // ud2
            (&[0x48, 0x89, 0xc8], Role::Moves),         // mov rax, rcx
            (&[0x48, 0x8d, 0x04, 0x08], Role::Adds),    // lea rax, [rax+rcx]
            (&[0x48, 0x0f, 0x42, 0xc1], Role::Selects), // cmovb rax, rcx
            (&[0x0f, 0x92, 0xc0], Role::Works),         // setb al
            (&[0xf2, 0x0f, 0x58, 0x00], Role::Works),   // addsd xmm0, [rax]
        ];
        for (bytes, role) in cases {
            assert_eq!(lookup.role(&decoded(bytes)), *role, "{bytes:x?}");
        }
    }

    #[test]
    fn what_is_touched_goes_by_the_operand_in_memory() {
        let mut lookup = Lookup::new();
        let cases: &[(&[u8], Touch)] = &[
            (&[0x8b, 0x00], Touch::Read),        // mov eax, [rax]
            (&[0x89, 0x00], Touch::Write),       // mov [rax], eax
            (&[0x01, 0x00], Touch::ReadWrite),   // add [rax], eax
            (&[0x39, 0x00], Touch::Read),        // cmp [rax], eax
            (&[0x0f, 0x11, 0x00], Touch::Write), // movups [rax], xmm0
        ];
        for (bytes, touch) in cases.iter().chain(cases) {
            assert_eq!(lookup.touch(&decoded(bytes)), *touch, "{bytes:x?}");
        }
    }
}

//! Machine code: the instructions of a function that access linear memory, with exact widths.

use super::image::{Function, Image};
use super::jump_table::{Bound, jump_table};
use super::lookup::{Lookup, Role, picks_a_bit};
use super::pointers::Pointers;
use super::{CheckError, to_usize};
use iced_x86::{
    Code, Decoder, DecoderOptions, FastFormatter, FlowControl, Instruction, Mnemonic, OpKind,
    Register,
};

/// What an instruction does with memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    Read,
    Write,
    ReadWrite,
}

/// One instruction that accesses linear memory, by its own word.
#[derive(Clone, Copy, Debug)]
pub(super) struct MachineAccess {
    /// Its offset in the code.
    pub(super) offset: u32,
    /// The position of the operator that it is for.
    pub(super) position: Option<u32>,
    /// Width in bytes.
    pub(super) bytes: u32,
    /// What it does there.
    pub(super) touch: Touch,
    /// The instruction.
    pub(super) instruction: Instruction,
    /// Whether an index in a register picks a bit of memory.
    pub(super) bit_index: bool,
}

/// The accesses of a function, in the order of the code.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Those that say that they may trap where memory is out of bounds.
    pub(super) marked: Vec<MachineAccess>,
    /// Others that may reach linear memory: all but those of the stack and of constants, and but
    /// reads at a fixed place behind a pointer, by which code gets at bases, bounds and globals,
    /// where nothing was added to the pointer.
    pub(super) unmarked: Vec<Unmarked>,
}

/// An access that does not say that memory may be out of bounds.
#[derive(Debug)]
pub(super) struct Unmarked {
    pub(super) access: MachineAccess,
    /// Whether it may trap for another reason.
    pub(super) traps_otherwise: bool,
}

/// Finds the accesses of a function.
///
/// The code is decoded from end to end, so that a mark in the middle of an instruction is seen.
pub(super) fn accesses(
    image: &Image<'_>,
    function: Function,
    lookup: &mut Lookup,
) -> Result<Found, CheckError> {
    let traps = image.traps_of(function);
    let (start, end) = (to_usize(function.start), to_usize(function.end));
    let code = &image.text[start..end];
    let mut decoder = Decoder::with_ip(64, code, u64::from(function.start), DecoderOptions::NONE);
    let mut marks = traps.iter().copied();
    let mut mark = marks.next();
    let mut found = Found { marked: Vec::with_capacity(traps.len()), unmarked: Vec::new() };
    let mut positions = image.positions_from(function.start);
    let mut instruction = Instruction::default();
    let (mut bound, mut pointers, mut constant) = (Bound::default(), Pointers::default(), None);
    // Code goes on at least as far as the last mark and the farthest branch.
    let mut reach = traps.last().copied().unwrap_or(0);
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        let offset = offset_of(&instruction);
        let role = lookup.role(&instruction);
        if role == Role::Branches && instruction.code() == Code::INVALID {
            return Err(CheckError::Decode(offset));
        }
        match mark {
            Some(here) if here == offset => {
                mark = marks.next();
                if has_memory_operand(&instruction) {
                    found.marked.push(lookup.access(&instruction, positions.at(offset)));
                } else if instruction.mnemonic() != Mnemonic::Ud2 {
                    return Err(CheckError::NoAccess(here));
                }
            }
            Some(before) if before < offset => return Err(CheckError::TrapBetween(before)),
            _ if instruction.memory_base() == Register::None => {}
            _ if is_of_a_constant(&instruction) => constant = positions.at(offset),
            _ if role != Role::Branches && is_anywhere(&instruction, pointers, lookup) => {
                let position = positions.at(offset);
                // What is picked from a table of constants, for the same operator.
                if position.is_some() && position != constant {
                    let access = lookup.access(&instruction, position);
                    let traps_otherwise = image.traps_otherwise(offset);
                    found.unmarked.push(Unmarked { access, traps_otherwise });
                }
            }
            _ => {}
        }
        bound.follow(&instruction, role);
        pointers.follow(&instruction, role);
        if role != Role::Branches || goes_on(&instruction) {
            continue;
        }
        match instruction.flow_control() {
            flow @ (FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch) => {
                let target = u32::try_from(instruction.near_branch_target()).unwrap_or(u32::MAX);
                if (function.start..function.end).contains(&target) {
                    reach = reach.max(target);
                }
                if flow == FlowControl::ConditionalBranch {
                    continue;
                }
            }
            FlowControl::IndirectBranch => {
                let after = to_usize(offset_after(&instruction)) - start;
                let Some((bytes, farthest)) = jump_table(code, after, bound.entries()) else {
                    return Err(CheckError::Table(offset));
                };
                reach = reach.max(function.start + farthest);
                let _ = decoder.set_position(after + bytes);
                decoder.set_ip(u64::from(function.start) + (after + bytes) as u64);
            }
            FlowControl::Next
            | FlowControl::Return
            | FlowControl::Call
            | FlowControl::IndirectCall
            | FlowControl::Interrupt
            | FlowControl::XbeginXabortXend
            | FlowControl::Exception => {}
        }
        // Behind the code lie its constants.
        let next = u32::try_from(decoder.ip()).unwrap_or(u32::MAX);
        if next > reach && !image.is_for_an_operator(next, function.end) {
            break;
        }
    }
    match mark {
        Some(mark) => Err(CheckError::TrapBetween(mark)),
        None => Ok(found),
    }
}

/// Whether what comes back from where an instruction leads goes on behind it.
fn goes_on(instruction: &Instruction) -> bool {
    matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall)
}

/// Whether an instruction accesses memory through an operand. `lea` only computes, and a `nop` of
/// several bytes does nothing.
fn has_memory_operand(instruction: &Instruction) -> bool {
    let is_memory = |operand| instruction.op_kind(operand) == OpKind::Memory;
    (0..instruction.op_count()).any(is_memory)
        && !matches!(instruction.mnemonic(), Mnemonic::Lea | Mnemonic::Nop)
        && instruction.memory_base() != Register::RIP
}

/// Whether an instruction without a mark may access linear memory: one that reads a fixed place behind
/// a pointer does not, unless the pointer was made by adding to one.
fn is_anywhere(instruction: &Instruction, pointers: Pointers, lookup: &mut Lookup) -> bool {
    let base = instruction.memory_base();
    if matches!(base, Register::None | Register::RSP | Register::RBP | Register::RIP)
        || !has_memory_operand(instruction)
    {
        return false;
    }
    let is_field = instruction.memory_index() == Register::None
        && !picks_a_bit(instruction)
        && !pointers.is_sum(base)
        && lookup.touch(instruction) == Touch::Read;
    !is_field
}

/// Whether an instruction makes the address of a constant, which lies behind the code.
fn is_of_a_constant(instruction: &Instruction) -> bool {
    instruction.mnemonic() == Mnemonic::Lea && instruction.memory_base() == Register::RIP
}

/// The instruction, disassembled.
pub(super) fn disassemble(instruction: &Instruction) -> String {
    let mut text = String::new();
    FastFormatter::new().format(instruction, &mut text);
    text
}

pub(super) fn offset_of(instruction: &Instruction) -> u32 {
    u32::try_from(instruction.ip()).unwrap_or(u32::MAX)
}

fn offset_after(instruction: &Instruction) -> u32 {
    u32::try_from(instruction.next_ip()).unwrap_or(u32::MAX)
}

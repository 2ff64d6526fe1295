//! Tables of jumps, which stand between the code of `br_table`.

use super::lookup::Role;
use iced_x86::{ConditionCode, Instruction, OpKind, Register};

/// How many instructions may stand between the bound of a `br_table` and its jump.
const BOUND_LIVES: u32 = 12;

/// The bound that the index of a `br_table` is held to: code puts the number of the last entry in a
/// register and takes the lesser of the two by a conditional move.
#[derive(Default)]
pub(super) struct Bound {
    /// The number of the instruction, the register and the number in it.
    moved: Option<(u32, Register, u64)>,
    held: Option<(u32, u64)>,
    count: u32,
}

impl Bound {
    pub(super) fn follow(&mut self, instruction: &Instruction, role: Role) {
        self.count = self.count.wrapping_add(1);
        if role == Role::Moves && instruction.op1_kind() == OpKind::Immediate32 {
            let register = instruction.op0_register().full_register();
            self.moved = Some((self.count, register, instruction.immediate(1)));
        } else if role == Role::Selects
            && matches!(instruction.condition_code(), ConditionCode::b | ConditionCode::ae)
            && let Some((count, register, number)) = self.moved
        {
            let of = |register: Register| register.full_register();
            let (to, from) = (instruction.op0_register(), instruction.op1_register());
            if of(to) == register || of(from) == register {
                self.held = Some((count, number));
            }
        }
    }

    /// How many entries a table has whose jump was just seen.
    pub(super) fn entries(&self) -> Option<usize> {
        let (count, last) = self.held?;
        let fresh = self.count.wrapping_sub(count) <= BOUND_LIVES;
        usize::try_from(last).ok().filter(|_| fresh)?.checked_add(1)
    }
}

/// Length of the table of a `br_table` at `at`, which stands right behind its jump, and the
/// farthest place that it names, as offsets in the function. Its entries count from its own start.
/// Where their number is not known, it ends where the code begins that it itself names first behind
/// it; `None` where it is no table.
pub(super) fn jump_table(code: &[u8], at: usize, entries: Option<usize>) -> Option<(usize, u32)> {
    let Some(entries) = entries else { return Some(guessed_table(code, at)) };
    let end = entries.checked_mul(4).and_then(|bytes| bytes.checked_add(at))?;
    let mut farthest = 0;
    for entry in code.get(at..end)?.as_chunks().0 {
        let target = i64::try_from(at).ok()? + i64::from(i32::from_le_bytes(*entry));
        let target = usize::try_from(target).ok().filter(|&target| target < code.len())?;
        farthest = farthest.max(u32::try_from(target).ok()?);
    }
    Some((end - at, farthest))
}

fn guessed_table(code: &[u8], at: usize) -> (usize, u32) {
    let (mut bytes, mut nearest, mut farthest) = (0, code.len(), 0);
    while at + bytes + 4 <= nearest {
        let Some(entry) = code[at + bytes..].first_chunk() else { break };
        let target = i64::try_from(at).unwrap_or(i64::MAX) + i64::from(i32::from_le_bytes(*entry));
        let Ok(target) = usize::try_from(target) else { break };
        if target >= code.len() {
            break;
        }
        if target > at {
            nearest = nearest.min(target);
        }
        farthest = farthest.max(u32::try_from(target).unwrap_or(u32::MAX));
        bytes += 4;
    }
    (bytes, farthest)
}

//! Whether the machine accesses of a function explain themselves, told without types or blocks.
//!
//! Most are those of their own operators; most others are loads that were sunk into a consumer in
//! the same stretch of straight code. Where every one is, the function is right, and the closer look,
//! which costs several times as much, is spared. This never says what is wrong.

mod stretch;

pub(super) use self::stretch::Skip;

use self::stretch::Stretch;
use super::code::{MachineAccess, Touch};
use super::fit::{is_as_wide, reads_first, touches_alike};
use super::module::Module;
use crate::ops::AccessKind;
use std::ops::Range;
use wasmparser::FunctionBody;

/// A load is looked for in at least so many bytes of the module before its consumer.
const NEAR: u32 = 64;

/// Whether each machine access of a function has a Wasm access of its own that is as wide.
pub(super) fn explains_itself(module: &Module<'_>, function: u32, found: &[MachineAccess]) -> bool {
    let Some(body) = module.body(function) else { return found.is_empty() };
    let mut taken = Taken::new(body.range());
    let (mut sunk, mut unknown) = (Vec::new(), Vec::new());
    for machine in found {
        let Some(position) = machine.position else {
            unknown.push(machine);
            continue;
        };
        let access = module.operator_at(position).and_then(|operator| operator.access);
        let fits = access.is_some_and(|access| {
            is_as_wide(access, machine)
                && touches_alike(access.kind, machine)
                // One that reads and writes may be a loop that does so twice.
                && (taken.take(position) || access.kind == AccessKind::ReadModifyWrite)
        });
        // What modifies memory is also the load of what was there.
        let modifies = access.is_some_and(|access| access.kind == AccessKind::Store);
        if !fits || (modifies && reads_first(machine)) {
            sunk.push((position, machine));
        }
    }
    if sunk
        .iter()
        .map(|(_, machine)| machine)
        .chain(&unknown)
        .any(|machine| machine.touch == Touch::Write)
    {
        return false;
    }
    if sunk.is_empty() && unknown.is_empty() {
        return true;
    }
    // Reading can begin at any operator, and accesses are operators.
    let mut places: Vec<u32> = found.iter().filter_map(|machine| machine.position).collect();
    places.sort_unstable();
    sunk.sort_unstable_by_key(|(position, _)| *position);
    let Some(mut stretch) = Stretch::new(module, body) else { return false };
    let mut fed = (None, 0);
    for (position, machine) in sunk {
        if fed.0 != Some(position) {
            let before = places.partition_point(|place| position.saturating_sub(*place) > NEAR);
            stretch.skip_to(before.checked_sub(1).map(|at| places[at]));
            let Some(loads) = stretch.go_on_past(position) else { return false };
            fed = (Some(position), loads);
        }
        let mut loads = stretch.loads_of(fed.1);
        let load = loads.find(|(load, access)| is_as_wide(*access, machine) && !taken.has(*load));
        let Some((load, _)) = load else { return false };
        taken.take(load);
    }
    are_somewhere(module, body, unknown, &mut taken)
}

/// Whether machine accesses for no operator, in code that an optimiser made anew, can each be one of
/// the loads that are left.
fn are_somewhere(
    module: &Module<'_>,
    body: &FunctionBody<'_>,
    mut unknown: Vec<&MachineAccess>,
    taken: &mut Taken,
) -> bool {
    let Ok(mut reader) = body.get_binary_reader_for_operators() else { return false };
    while !unknown.is_empty() && !reader.eof() {
        let Ok(position) = u32::try_from(reader.original_position()) else { return false };
        let access = module.operator_at(position).and_then(|row| row.access);
        if let Some(access) = access.filter(|access| access.kind == AccessKind::Load)
            && let Some(at) = unknown.iter().position(|machine| is_as_wide(access, machine))
            && taken.take(position)
        {
            unknown.swap_remove(at);
        }
        if reader.visit_operator(&mut Skip).is_err() {
            return false;
        }
    }
    unknown.is_empty()
}

/// The accesses that already have a machine access, by their positions in the function.
struct Taken {
    start: usize,
    bits: Vec<u64>,
}

impl Taken {
    fn new(body: Range<usize>) -> Taken {
        Taken { start: body.start, bits: vec![0; body.len() / 64 + 1] }
    }

    fn place(&self, position: u32) -> Option<(usize, u64)> {
        let at = usize::try_from(position).ok()?.checked_sub(self.start)?;
        (at / 64 < self.bits.len()).then_some((at / 64, 1 << (at % 64)))
    }

    fn has(&self, position: u32) -> bool {
        self.place(position).is_none_or(|(word, bit)| self.bits[word] & bit != 0)
    }

    /// Takes an access; whether it was free, and of this function.
    fn take(&mut self, position: u32) -> bool {
        let free = !self.has(position);
        if let Some((word, bit)) = self.place(position) {
            self.bits[word] |= bit;
        }
        free
    }
}

//! Whether the machine accesses of a function explain themselves, told without types or blocks.
//!
//! Most are those of their own operators; most others are loads that were sunk into a consumer in
//! the same stretch of straight code. Where every one is, the function is right, and the closer look,
//! which costs several times as much, is spared. This never says what is wrong.

use super::code::{MachineAccess, Touch};
use super::fit::{is_as_wide, reads_first, touches_alike};
use super::module::Module;
use super::to_usize;
use crate::ops::{Access, AccessKind, Opcode};
use std::ops::Range;
use wasmparser::{
    BinaryReader, FrameKind, FrameStack, FunctionBody, VisitOperator, VisitSimdOperator,
};

/// Loads of a stretch that are followed.
const LOADS_MAX: usize = 64;

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

/// Values in a stretch of straight code; of each, the loads that feed it, a bit for each.
struct Stretch<'a> {
    module: &'a Module<'a>,
    reader: BinaryReader<'a>,
    loads: Vec<(u32, Access)>,
    stack: Vec<u64>,
    locals: Vec<(u32, u64)>,
}

impl<'a> Stretch<'a> {
    fn new(module: &'a Module<'a>, body: &FunctionBody<'a>) -> Option<Stretch<'a>> {
        let reader = body.get_binary_reader_for_operators().ok()?;
        Some(Stretch { module, reader, loads: Vec::new(), stack: Vec::new(), locals: Vec::new() })
    }

    /// Begins anew at an operator, unless that was read already.
    fn skip_to(&mut self, position: Option<u32>) {
        let now = self.reader.original_position();
        let ahead = position.and_then(|position| to_usize(position).checked_sub(now));
        if let Some(bytes) = ahead.filter(|bytes| *bytes > 0)
            && self.reader.read_bytes(bytes).is_ok()
        {
            self.forget();
        }
    }

    /// What was before is not known any more.
    fn forget(&mut self) {
        self.loads.clear();
        self.stack.clear();
        self.locals.clear();
    }

    /// Reads on past the operator at a position; the loads that feed its operands. `None` where none
    /// begins there.
    fn go_on_past(&mut self, position: u32) -> Option<u64> {
        loop {
            let at = u32::try_from(self.reader.original_position()).ok()?;
            if at > position {
                return None;
            }
            let fed = self.step(at)?;
            if at == position {
                return Some(fed);
            }
        }
    }

    /// Reads an operator; the loads that feed its operands.
    fn step(&mut self, position: u32) -> Option<u64> {
        let row = self.module.operator_at(position).filter(|row| is_straight(row.opcode));
        let Some(row) = row else {
            self.reader.visit_operator(&mut Skip).ok()?;
            self.forget();
            return Some(0);
        };
        let kept = self.stack.len().saturating_sub(row.params.len());
        let fed = self.stack.drain(kept..).fold(0, |all, loads| all | loads);
        let mut result = fed;
        match row.opcode {
            Opcode::Byte(LOCAL_GET..=LOCAL_TEE) => {
                self.reader.read_u8().ok()?;
                let local = self.reader.read_var_u32().ok()?;
                let known = self.locals.iter().position(|(known, _)| *known == local);
                match (row.opcode, known) {
                    (Opcode::Byte(LOCAL_GET), _) => {
                        result = known.map_or(0, |at| self.locals[at].1)
                    }
                    (_, Some(at)) => self.locals[at].1 = fed,
                    (_, None) => self.locals.push((local, fed)),
                }
            }
            Opcode::Byte(_) | Opcode::Prefixed(..) => {
                self.reader.visit_operator(&mut Skip).ok()?;
            }
        }
        if let Some(access) = row.access.filter(|access| access.kind == AccessKind::Load) {
            // The value that a lane is put into goes on; the address does not.
            if row.params.len() < 2 {
                result = 0;
            }
            if self.loads.len() < LOADS_MAX {
                result |= 1 << self.loads.len();
                self.loads.push((position, access));
            }
        }
        self.stack.extend(row.results.iter().map(|_| result));
        Some(fed)
    }

    fn loads_of(&self, fed: u64) -> impl Iterator<Item = (u32, Access)> {
        let loads = self.loads.iter().enumerate();
        loads.filter(move |(at, _)| fed >> at & 1 == 1).map(|(_, load)| *load)
    }
}

/// Whether code goes straight on past an operator, and its row says what it takes and gives.
fn is_straight(opcode: Opcode) -> bool {
    match opcode {
        // `nop`; `drop` and `select`; locals and globals; memory and numbers.
        Opcode::Byte(byte) => matches!(byte, 0x01 | 0x1a | 0x1b | 0x20..=0x24 | 0x28..=0xc4),
        Opcode::Prefixed(prefix, _) => matches!(prefix, 0xfc..=0xfe),
    }
}

const LOCAL_GET: u8 = 0x20;
const LOCAL_TEE: u8 = 0x22;

/// Reads operators and does nothing. Blocks are not followed, so an `else` may come at any time.
struct Skip;

impl FrameStack for Skip {
    fn current_frame(&self) -> Option<FrameKind> {
        Some(FrameKind::If)
    }
}

macro_rules! skip {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        $(fn $visit(&mut self $($(, _: $argty)*)?) {})*
    };
}

impl<'a> VisitOperator<'a> for Skip {
    type Output = ();

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = ()>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(skip);
}

impl VisitSimdOperator<'_> for Skip {
    wasmparser::for_each_visit_simd_operator!(skip);
}

//! Stretches of straight code, read without types: which loads feed which operator.

use crate::ops::{Access, AccessKind, Opcode};
use crate::width::module::Module;
use crate::width::to_usize;
use wasmparser::{
    BinaryReader, FrameKind, FrameStack, FunctionBody, VisitOperator, VisitSimdOperator,
};

/// Loads of a stretch that are followed.
const LOADS_MAX: usize = 64;

/// Values in a stretch of straight code; of each, the loads that feed it, a bit for each.
pub(super) struct Stretch<'a> {
    module: &'a Module<'a>,
    reader: BinaryReader<'a>,
    loads: Vec<(u32, Access)>,
    stack: Vec<u64>,
    locals: Vec<(u32, u64)>,
}

impl<'a> Stretch<'a> {
    pub(super) fn new(module: &'a Module<'a>, body: &FunctionBody<'a>) -> Option<Stretch<'a>> {
        let reader = body.get_binary_reader_for_operators().ok()?;
        Some(Stretch { module, reader, loads: Vec::new(), stack: Vec::new(), locals: Vec::new() })
    }

    /// Begins anew at an operator, unless that was read already.
    pub(super) fn skip_to(&mut self, position: Option<u32>) {
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
    pub(super) fn go_on_past(&mut self, position: u32) -> Option<u64> {
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

    pub(super) fn loads_of(&self, fed: u64) -> impl Iterator<Item = (u32, Access)> {
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
pub(in crate::width) struct Skip;

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

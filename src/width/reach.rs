//! Which bytes of linear memory a function accesses when it is given certain arguments.
//!
//! For functions of straight code, whose addresses are made of parameters and constants: the
//! functions of the matrix. Numbers that are not known, such as loaded ones, stay unknown.

use super::rows::operator_of;
use crate::ops::{AccessKind, Immediate, Operator as Row};
use wasmparser::{BinaryReader, BinaryReaderError, FunctionBody, Operator};

/// One access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    /// Its first byte, where that is known.
    pub(super) at: Option<u128>,
    /// How many bytes.
    pub(super) bytes: u8,
    /// Whether it must be aligned.
    pub(super) aligned: bool,
}

/// What a function does with memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// The accesses, in order.
    pub(super) accesses: Vec<Reached>,
    /// Whether nothing else in it can fail, and these are all.
    pub(super) is_all: bool,
    /// Whether it has a loop, which may have no end.
    pub(super) loops: bool,
}

/// Operators that code does not go straight on after, and those around which it may not.
const CONTROL: &[&str] = &[
    "block",
    "br",
    "br_if",
    "br_on_cast",
    "br_on_cast_fail",
    "br_on_non_null",
    "br_on_null",
    "br_table",
    "else",
    "if",
    "loop",
    "resume",
    "resume_throw",
    "resume_throw_ref",
    "return",
    "return_call",
    "return_call_indirect",
    "return_call_ref",
    "suspend",
    "switch",
    "throw",
    "throw_ref",
    "try_table",
    "unreachable",
];

/// Follows `body`, which begins at `bytes` of its module, with `arguments`; `arity` tells how many
/// parameters and results a function has.
pub(super) fn reach(
    module: &[u8],
    body: &FunctionBody<'_>,
    arguments: &[Option<u64>],
    arity: impl Fn(u32) -> Option<(usize, usize)>,
) -> Result<Reach, BinaryReaderError> {
    let mut locals = arguments.to_vec();
    for local in body.get_locals_reader()? {
        let count = usize::try_from(local?.0).unwrap_or(usize::MAX);
        // Functions of the matrix have a few.
        locals.extend(std::iter::repeat_n(Some(0), count.min(1_000)));
    }
    let mut run = Run { locals, stack: Vec::new(), reach: Reach::default(), may_fail: false };
    let mut reader = body.get_operators_reader()?;
    while !reader.eof() {
        let (operator, offset) = reader.read_with_offset()?;
        if matches!(operator, Operator::End) {
            run.reach.is_all = !run.may_fail && reader.eof();
            break;
        }
        let code = module.get(offset..).unwrap_or_default();
        if run.step(&operator, code, &arity).is_none() {
            run.reach.loops = matches!(operator, Operator::Loop { .. });
            break;
        }
    }
    while !reader.eof() {
        run.reach.loops |= matches!(reader.read()?, Operator::Loop { .. });
    }
    Ok(run.reach)
}

struct Run {
    locals: Vec<Option<u64>>,
    stack: Vec<Option<u64>>,
    reach: Reach,
    may_fail: bool,
}

impl Run {
    /// One operator; `None` where it cannot be followed.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rows know all others")]
    fn step(
        &mut self,
        operator: &Operator<'_>,
        code: &[u8],
        arity: &impl Fn(u32) -> Option<(usize, usize)>,
    ) -> Option<()> {
        match *operator {
            Operator::LocalGet { local_index } => {
                let value = *self.locals.get(usize::try_from(local_index).ok()?)?;
                self.stack.push(value);
            }
            Operator::LocalSet { local_index } => {
                let value = self.stack.pop()?;
                *self.locals.get_mut(usize::try_from(local_index).ok()?)? = value;
            }
            Operator::LocalTee { local_index } => {
                let value = *self.stack.last()?;
                *self.locals.get_mut(usize::try_from(local_index).ok()?)? = value;
            }
            Operator::I32Const { value } => {
                self.stack.push(Some(u64::from(value.cast_unsigned())));
            }
            Operator::I64Const { value } => self.stack.push(Some(value.cast_unsigned())),
            Operator::I32Add => self.two(|a, b| low(a.wrapping_add(b)))?,
            Operator::I64Add => self.two(u64::wrapping_add)?,
            Operator::I32Shl => self.two(|a, b| low(a << (b & 31)))?,
            Operator::I64Shl => self.two(|a, b| a << (b & 63))?,
            Operator::Call { function_index } => {
                let (params, results) = arity(function_index)?;
                self.replace(params, results)?;
            }
            Operator::I32WrapI64 => {
                let value = self.stack.pop()?;
                self.stack.push(value.map(low));
            }
            // What an `i32` is kept as here has no upper half.
            Operator::I64ExtendI32U => {}
            _ => self.row(code, operator_of(code)?)?,
        }
        Some(())
    }

    fn row(&mut self, code: &[u8], row: &Row) -> Option<()> {
        if CONTROL.contains(&row.name) {
            return None;
        }
        match row.access.filter(|_| row.immediates.contains(&Immediate::MemArg)) {
            None => self.may_fail |= row.can_trap,
            Some(access) => {
                let address = self.stack.len().checked_sub(row.params.len())?;
                let offset = u128::from(offset_of(code).ok()?);
                self.reach.accesses.push(Reached {
                    at: self.stack[address].map(|address| u128::from(address) + offset),
                    bytes: access.bytes,
                    aligned: row.name.contains(".atomic."),
                });
                // It waits for another thread, which may not be allowed here.
                self.may_fail |= access.kind == AccessKind::Wait;
            }
        }
        self.replace(row.params.len(), row.results.len())
    }

    fn two(&mut self, compute: impl Fn(u64, u64) -> u64) -> Option<()> {
        let (b, a) = (self.stack.pop()?, self.stack.pop()?);
        self.stack.push(a.zip(b).map(|(a, b)| compute(a, b)));
        Some(())
    }

    fn replace(&mut self, params: usize, results: usize) -> Option<()> {
        let height = self.stack.len().checked_sub(params)?;
        self.stack.truncate(height);
        self.stack.extend(std::iter::repeat_n(None, results));
        Some(())
    }
}

fn low(number: u64) -> u64 {
    number & u64::from(u32::MAX)
}

/// The offset of the operator that `code` begins with, which accesses memory.
fn offset_of(code: &[u8]) -> Result<u64, BinaryReaderError> {
    /// Where the byte of an operator says that a number follows that tells which.
    const PREFIXED: u8 = 0xfb;
    /// A bit of the alignment that says that the index of a memory follows.
    const HAS_MEMORY: u32 = 1 << 6;
    let mut reader = BinaryReader::new(code, 0);
    if reader.read_u8()? >= PREFIXED {
        reader.read_var_u32()?;
    }
    if reader.read_var_u32()? & HAS_MEMORY != 0 {
        reader.read_var_u32()?;
    }
    reader.read_var_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::{Parser, Payload};

    fn reach_of(body: &str, arguments: &[Option<u64>]) -> Reach {
        let text = format!("(module (memory 1) (func (param i32 i32) {body}))");
        let module = wat::parse_str(&text).unwrap();
        let bodies = Parser::new(0).parse_all(&module).filter_map(|payload| match payload {
            Ok(Payload::CodeSectionEntry(body)) => Some(body),
            Ok(_) | Err(_) => None,
        });
        let body = bodies.last().unwrap();
        reach(&module, &body, arguments, |_| None).unwrap()
    }

    fn at(at: u128, bytes: u8) -> Reached {
        Reached { at: Some(at), bytes, aligned: false }
    }

    #[test]
    fn addresses_are_computed_from_parameters_constants_and_offsets() {
        let body = "(i32.store offset=4 (local.get 1) (i32.load8_u offset=70000 (i32.add \
                    (local.get 0) (i32.shl (local.get 1) (i32.const 3)))))";
        let reach = reach_of(body, &[Some(5), Some(8)]);
        let accesses = vec![at(70_069, 1), at(12, 4)];
        assert_eq!(reach, Reach { accesses, is_all: true, loops: false });
    }

    #[test]
    fn what_is_loaded_is_not_known() {
        let body = "(drop (i64.load (i32.load (local.get 0))))";
        let accesses = vec![at(7, 4), Reached { at: None, bytes: 8, aligned: false }];
        let reach = reach_of(body, &[Some(7), None]);
        assert_eq!(reach, Reach { accesses, is_all: true, loops: false });
    }

    #[test]
    fn what_may_fail_otherwise_promises_nothing() {
        for body in [
            "(drop (i32.div_u (local.get 0) (i32.load (local.get 0))))",
            "(block (drop (i32.load (local.get 0))))",
            "(drop (i32.load (local.get 0))) unreachable",
        ] {
            assert!(!reach_of(body, &[Some(7), None]).is_all, "{body}");
        }
    }

    #[test]
    fn loops_are_seen_wherever_they_are() {
        let inner = "(drop (i32.load (local.get 0))) (block (loop (br_if 0 (local.get 1))))";
        for (body, loops) in [("(loop (br 0))", true), (inner, true), ("(block (br 0))", false)] {
            assert_eq!(reach_of(body, &[Some(7), None]).loops, loops, "{body}");
        }
    }

    #[test]
    fn sums_wrap_as_they_do_in_code() {
        let body = "(drop (i32.load offset=1 (i32.add (local.get 0) (i32.const 2))))";
        let reach = reach_of(body, &[Some(u64::from(u32::MAX)), None]);
        assert_eq!(reach.accesses, [at(2, 4)]);
    }
}

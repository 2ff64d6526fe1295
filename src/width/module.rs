//! What a module asks of linear memory, and which loads feed which operators.
//!
//! Looked at one function at a time, and only where the machine code does not explain itself: most
//! instructions do the access of the very operator that they are for.

use super::CheckError;
use crate::ops::{Access, AccessKind, Opcode, Operator, operators};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::LazyLock;
use wasmparser::{
    FuncToValidate, FuncValidatorAllocations, FunctionBody, Operator as Parsed, OperatorsReader,
    Parser, ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

/// An operand that more loads than this feed is not traced.
const FEEDERS_MAX: usize = 64;

/// Values of locals that are looked at for what feeds an operand from afar, in all of a function.
const FAR_MAX: usize = 1 << 20;

/// A module whose functions can be looked at.
pub(super) struct Module<'a> {
    bytes: &'a [u8],
    /// Ascending by index.
    functions: Vec<(FuncToValidate<ValidatorResources>, FunctionBody<'a>)>,
}

/// One operator that accesses linear memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct WasmAccess {
    /// Its offset in the module.
    pub(super) position: u32,
    /// Its row.
    pub(super) operator: &'static Operator,
    /// What it accesses.
    pub(super) access: Access,
}

/// The accesses of a function, in order, and what feeds what.
#[derive(Default)]
pub(super) struct Accesses {
    /// The accesses, by position.
    pub(super) all: Vec<WasmAccess>,
    /// What feeds the operands of operators, by their positions, ascending.
    feeders: Vec<(u32, Rc<Feeds>)>,
    /// By local, all values that it was given, with their positions.
    given: Vec<Vec<(u32, Fed)>>,
    /// How many of them were looked at.
    looked_at: Cell<usize>,
}

/// Where a value comes from, as far as loads are concerned; they are places among the accesses.
///
/// A load is sunk into a consumer in the same stretch of straight code. But an optimiser may move
/// the consumer there from farther on, so what was loaded earlier may feed it too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Feeds {
    /// Loads in the same stretch of straight code, ascending.
    pub(super) near: Vec<u32>,
    /// Loads before it.
    far: Vec<u32>,
    /// Locals whose earlier values feed it.
    locals: Vec<u32>,
    /// Whether there are more than are kept.
    pub(super) too_many: bool,
}

/// What feeds a value; mostly nothing.
type Fed = Option<Rc<Feeds>>;

/// What feeds a value that is made of others.
fn join(one: Fed, other: Fed) -> Fed {
    match (one, other) {
        (Some(mut one), Some(other)) => {
            if !Rc::ptr_eq(&one, &other) {
                Rc::make_mut(&mut one).add(&other);
            }
            Some(one)
        }
        (one, other) => one.or(other),
    }
}

/// What is left of it where a stretch of straight code ends.
fn receded(fed: Fed) -> Fed {
    let mut feeds = fed?;
    if !feeds.near.is_empty() {
        let feeds = Rc::make_mut(&mut feeds);
        let near = std::mem::take(&mut feeds.near);
        feeds.add(&Feeds { far: near, ..Feeds::default() });
    }
    Some(feeds)
}

impl Feeds {
    fn add(&mut self, other: &Feeds) {
        self.too_many |= other.too_many;
        for (own, others) in [
            (&mut self.near, &other.near),
            (&mut self.far, &other.far),
            (&mut self.locals, &other.locals),
        ] {
            for &item in others {
                if let Err(at) = own.binary_search(&item) {
                    own.insert(at, item);
                }
            }
            if own.len() > FEEDERS_MAX {
                own.clear();
                self.too_many = true;
            }
        }
    }
}

impl Accesses {
    /// What feeds the operator at a position.
    pub(super) fn feeding(&self, position: u32) -> Option<&Feeds> {
        let at = self.feeders.binary_search_by_key(&position, |(position, _)| *position).ok()?;
        Some(&self.feeders[at].1)
    }

    /// The loads in earlier stretches of code that may feed the operator at a position; `None` where
    /// too much would have to be looked at.
    pub(super) fn feeding_from_far(&self, position: u32) -> Option<Vec<u32>> {
        let Some(feeds) = self.feeding(position) else { return Some(Vec::new()) };
        let mut loads: BTreeSet<u32> = feeds.far.iter().copied().collect();
        let mut open = feeds.locals.clone();
        let mut seen: BTreeSet<u32> = open.iter().copied().collect();
        while let Some(local) = open.pop() {
            let given = self.given.get(to_usize(local)).map(|given| &given[..]).unwrap_or_default();
            let before = given.iter().take_while(|(at, _)| *at < position);
            for feeds in before.filter_map(|(_, fed)| fed.as_ref()) {
                self.looked_at.set(self.looked_at.get() + 1);
                if self.looked_at.get() > FAR_MAX {
                    return None;
                }
                loads.extend(feeds.near.iter().chain(&feeds.far));
                open.extend(feeds.locals.iter().filter(|local| seen.insert(**local)));
            }
        }
        Some(loads.into_iter().collect())
    }

    /// The place in `all` of the access at a position.
    pub(super) fn at(&self, position: u32) -> Option<usize> {
        self.all.binary_search_by_key(&position, |access| access.position).ok()
    }
}

impl<'a> Module<'a> {
    /// Reads a module, without its functions' bodies.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Module<'a>, CheckError> {
        let invalid = |error: wasmparser::BinaryReaderError| CheckError::Module(error.to_string());
        // Everything that some release takes: what is valid was for the compiler to say.
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        let mut functions = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = validator.payload(&payload.map_err(invalid)?).map_err(invalid)?;
            if let ValidPayload::Func(function, body) = payload {
                functions.push((function, body));
            }
        }
        Ok(Module { bytes, functions })
    }

    /// How many functions have a body.
    pub(super) fn function_count(&self) -> usize {
        self.functions.len()
    }

    /// The row of the operator at an offset.
    pub(super) fn operator_at(&self, position: u32) -> Option<&'static Operator> {
        let at = usize::try_from(position).ok()?;
        operator_of(self.bytes.get(at..)?)
    }

    /// The body of a function.
    pub(super) fn body(&self, function: u32) -> Option<&FunctionBody<'a>> {
        let at = self.functions.binary_search_by_key(&function, |(function, _)| function.index);
        at.ok().map(|at| &self.functions[at].1)
    }

    /// The accesses of a function.
    pub(super) fn accesses(&self, function: u32) -> Result<Accesses, CheckError> {
        let at = self.functions.binary_search_by_key(&function, |(function, _)| function.index);
        let Ok(at) = at else { return Ok(Accesses::default()) };
        let (function, body) = &self.functions[at];
        let invalid = |error: wasmparser::BinaryReaderError| CheckError::Module(error.to_string());
        let to_validate = FuncToValidate {
            resources: function.resources.clone(),
            index: function.index,
            ty: function.ty,
            features: function.features,
        };
        let mut validator = to_validate.into_validator(FuncValidatorAllocations::default());
        let mut reader = body.get_binary_reader();
        validator.read_locals(&mut reader).map_err(invalid)?;
        let mut trace = Trace::default();
        let mut reader = OperatorsReader::new(reader);
        while !reader.eof() {
            let (operator, offset) = reader.read_with_offset().map_err(invalid)?;
            let arity = operator.operator_arity(&validator).unwrap_or_default();
            validator.op(offset, &operator).map_err(invalid)?;
            let position = u32::try_from(offset).map_err(|_| CheckError::TooLarge(offset))?;
            trace.step(position, &operator, arity, self.operator_at(position));
            trace.set_height(validator.operand_stack_height());
        }
        Ok(trace.accesses)
    }
}

/// Follows values through a function.
#[derive(Default)]
struct Trace {
    accesses: Accesses,
    /// What feeds a value, and the stretch that it was made in.
    stack: Vec<(u32, Fed)>,
    /// By local, what feeds it, if it was given a value in the stretch of that number.
    locals: Vec<(u32, Fed)>,
    stretch: u32,
}

impl Trace {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other operators pass values on")]
    fn step(
        &mut self,
        position: u32,
        operator: &Parsed<'_>,
        (pops, pushes): (u32, u32),
        row: Option<&'static Operator>,
    ) {
        let mut fed = None;
        for _ in 0..pops {
            fed = join(fed, self.pop());
        }
        let mut result = match operator {
            Parsed::LocalGet { local_index } => self.local(*local_index),
            Parsed::LocalSet { local_index } | Parsed::LocalTee { local_index } => {
                let local = to_usize(*local_index);
                if self.locals.len() <= local {
                    self.locals.resize(local + 1, (0, None));
                    self.accesses.given.resize(local + 1, Vec::new());
                }
                self.locals[local] = (self.stretch, fed.clone());
                self.accesses.given[local].push((position, fed.clone()));
                fed.clone()
            }
            // Here a stretch of straight code ends.
            Parsed::Loop { .. }
            | Parsed::If { .. }
            | Parsed::Else
            | Parsed::End
            | Parsed::Br { .. }
            | Parsed::BrIf { .. }
            | Parsed::BrTable { .. }
            | Parsed::BrOnNull { .. }
            | Parsed::BrOnNonNull { .. }
            | Parsed::BrOnCast { .. }
            | Parsed::BrOnCastFail { .. } => {
                self.stretch += 1;
                receded(fed.clone())
            }
            Parsed::Call { .. } | Parsed::CallIndirect { .. } | Parsed::CallRef { .. } => None,
            _ => fed.clone(),
        };
        if let Some(operator) = row
            && let Some(access) = operator.access
        {
            let place = u32::try_from(self.accesses.all.len()).unwrap_or(u32::MAX);
            self.accesses.all.push(WasmAccess { position, operator, access });
            if access.kind == AccessKind::Load {
                // The value that a lane is put into goes on; the address does not.
                if operator.params.len() < 2 {
                    result = None;
                }
                let load = Feeds { near: vec![place], ..Feeds::default() };
                result = join(result, Some(Rc::new(load)));
            }
        }
        self.accesses.feeders.extend(fed.map(|feeds| (position, feeds)));
        for _ in 0..pushes {
            self.stack.push((self.stretch, result.clone()));
        }
    }

    fn pop(&mut self) -> Fed {
        let (stretch, fed) = self.stack.pop()?;
        if stretch == self.stretch { fed } else { receded(fed) }
    }

    /// What feeds a local.
    fn local(&self, local: u32) -> Fed {
        match self.locals.get(to_usize(local)) {
            Some((stretch, fed)) if *stretch == self.stretch => fed.clone(),
            // What no load was ever given to is fed by none.
            _ if self.accesses.given.get(to_usize(local)).is_none_or(Vec::is_empty) => None,
            _ => Some(Rc::new(Feeds { locals: vec![local], ..Feeds::default() })),
        }
    }

    /// What the validator knows better: after code that is not reached, the stack is what it says.
    fn set_height(&mut self, height: u32) {
        let height = usize::try_from(height).unwrap_or(usize::MAX).min(1 << 24);
        self.stack.resize(height, (self.stretch, None));
    }
}

fn to_usize(local: u32) -> usize {
    usize::try_from(local).unwrap_or(usize::MAX)
}

/// The rows by their opcodes.
struct Rows {
    bytes: [Option<&'static Operator>; 256],
    /// By the prefix, counted from the first, and the number behind it.
    prefixed: [Vec<Option<&'static Operator>>; 4],
}

/// The first of the four prefixes.
const PREFIX: u8 = 0xfb;

static ROWS: LazyLock<Rows> = LazyLock::new(|| {
    let mut rows = Rows { bytes: [None; 256], prefixed: Default::default() };
    for operator in operators() {
        match operator.opcode {
            Opcode::Byte(byte) => rows.bytes[usize::from(byte)] = Some(operator),
            Opcode::Prefixed(prefix, number) => {
                let of_prefix = &mut rows.prefixed[usize::from(prefix - PREFIX)];
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                if of_prefix.len() <= number {
                    of_prefix.resize(number + 1, None);
                }
                of_prefix[number] = Some(operator);
            }
        }
    }
    rows
});

/// The row of the operator that stands first in `code`.
fn operator_of(code: &[u8]) -> Option<&'static Operator> {
    let (&first, rest) = code.split_first()?;
    if !(PREFIX..PREFIX + 4).contains(&first) {
        return ROWS.bytes[usize::from(first)];
    }
    let mut number = 0;
    for (at, &byte) in rest.iter().take(5).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            break;
        }
    }
    ROWS.prefixed[usize::from(first - PREFIX)].get(number).copied().flatten()
}

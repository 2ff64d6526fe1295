//! Operand sources and result sinks in code.
//!
//! Nothing here knows about units; [`emit`](crate::ops::emit) puts the pieces in order.

use wasm_encoder::Encode;

use crate::ops::addressing::Addressing;
use crate::ops::entity::{Entity, PARAMS_PER_TYPE, Resolve, Role};
use crate::ops::kinds::Type;
use crate::ops::numbers::Numbers;
use crate::ops::parts::Callee;
use crate::ops::types;
use crate::ops::unit::{Sink, Source};

pub(super) const LOCAL_GET: u8 = 0x20;
pub(super) const LOCAL_SET: u8 = 0x21;
pub(super) const LOCAL_TEE: u8 = 0x22;
pub(super) const CALL: u8 = 0x10;
const DROP: u8 = 0x1a;
const GLOBAL_GET: u8 = 0x23;
const GLOBAL_SET: u8 = 0x24;
const TABLE_GET: u8 = 0x25;
const TABLE_SET: u8 = 0x26;
const I32_CONST: u8 = 0x41;
const REF_NULL: u8 = 0xd0;

/// The plain operators of a numeric type.
struct Plain {
    constant: &'static [u8],
    load: &'static [u8],
    store: &'static [u8],
    bytes: u8,
}

const I32: Plain = Plain { constant: &[I32_CONST], load: &[0x28], store: &[0x36], bytes: 4 };
const I64: Plain = Plain { constant: &[0x42], load: &[0x29], store: &[0x37], bytes: 8 };
const F32: Plain = Plain { constant: &[0x43], load: &[0x2a], store: &[0x38], bytes: 4 };
const F64: Plain = Plain { constant: &[0x44], load: &[0x2b], store: &[0x39], bytes: 8 };
const V128: Plain =
    Plain { constant: &[0xfd, 12], load: &[0xfd, 0], store: &[0xfd, 11], bytes: 16 };

/// Appends code to `out`, asking `resolve` for every index.
pub(super) struct Encoder<'a, R: Resolve> {
    pub(super) resolve: R,
    pub(super) memory64: bool,
    pub(super) addressing: Addressing,
    pub(super) numbers: Numbers,
    pub(super) sink: Sink,
    pub(super) out: &'a mut Vec<u8>,
}

impl<R: Resolve> Encoder<'_, R> {
    /// An operator whose only immediate is the index of an entity.
    pub(super) fn indexed(&mut self, opcode: u8, entity: Entity) {
        self.out.push(opcode);
        self.index(entity);
    }

    pub(super) fn index(&mut self, entity: Entity) {
        self.resolve.index(entity).encode(self.out);
    }

    /// `local.get`, `local.set` or `local.tee` of a scratch local.
    pub(super) fn scratch(&mut self, opcode: u8, role: Role, ty: Type) {
        self.indexed(opcode, Entity::Scratch(role, ty));
    }

    fn plain(&self, ty: Type) -> Option<Plain> {
        match ty {
            Type::I32 => Some(I32),
            Type::I64 => Some(I64),
            Type::F32 => Some(F32),
            Type::F64 => Some(F64),
            Type::V128 => Some(V128),
            Type::Addr if self.memory64 => Some(I64),
            Type::Addr => Some(I32),
            Type::FuncRef
            | Type::ExternRef
            | Type::AnyRef
            | Type::EqRef
            | Type::I31Ref
            | Type::StructRef
            | Type::ArrayRef
            | Type::ExnRef
            | Type::Struct
            | Type::Array
            | Type::Bytes
            | Type::Refs
            | Type::Func
            | Type::TailFunc
            | Type::Cont
            | Type::BoundCont
            | Type::SwitchCont => None,
        }
    }

    /// Pushes an operand that is not `prev`; `at` tells the operands of one operator apart.
    pub(super) fn push(&mut self, ty: Type, source: Source, at: u32) {
        match source {
            Source::Const => self.constant(ty),
            Source::Local if ty == Type::Addr => self.address(at),
            Source::Local => {
                self.out.push(LOCAL_GET);
                self.param(ty, at);
            }
            Source::Global => self.indexed(GLOBAL_GET, Entity::Global(ty)),
            Source::Load => self.load(ty),
            Source::Prev => {}
        }
    }

    /// The index of one of the parameters of a type.
    pub(super) fn param(&mut self, ty: Type, at: u32) {
        let which = self.numbers.variant.wrapping_add(at) % PARAMS_PER_TYPE;
        (self.resolve.index(Entity::Params(ty)) + which).encode(self.out);
    }

    pub(super) fn constant(&mut self, ty: Type) {
        match self.plain(ty) {
            Some(plain) => {
                self.out.extend(plain.constant);
                self.value(ty);
            }
            None => {
                self.out.push(REF_NULL);
                self.heap_type(ty);
            }
        }
    }

    /// The immediate of a constant.
    pub(super) fn value(&mut self, ty: Type) {
        match ty {
            Type::I32 => low_half(self.numbers.spread()).cast_signed().encode(self.out),
            Type::I64 => self.numbers.spread().cast_signed().encode(self.out),
            // One to two: neither a NaN nor an infinity, and sums of a few stay finite.
            Type::F32 => {
                let fraction = low_half(self.numbers.spread()) & ((1 << 23) - 1);
                self.out.extend((1f32.to_bits() | fraction).to_le_bytes());
            }
            Type::F64 => {
                let fraction = self.numbers.spread() & ((1 << 52) - 1);
                self.out.extend((1f64.to_bits() | fraction).to_le_bytes());
            }
            Type::V128 => {
                let low = self.numbers.spread();
                self.out.extend(low.to_le_bytes());
                self.out.extend((!low).rotate_left(32).to_le_bytes());
            }
            Type::Addr => self.numbers.address().cast_signed().encode(self.out),
            Type::FuncRef
            | Type::ExternRef
            | Type::AnyRef
            | Type::EqRef
            | Type::I31Ref
            | Type::StructRef
            | Type::ArrayRef
            | Type::ExnRef
            | Type::Struct
            | Type::Array
            | Type::Bytes
            | Type::Refs
            | Type::Func
            | Type::TailFunc
            | Type::Cont
            | Type::BoundCont
            | Type::SwitchCont => {}
        }
    }

    pub(super) fn load(&mut self, ty: Type) {
        match self.plain(ty) {
            Some(plain) => {
                self.indexed(LOCAL_GET, Entity::Base);
                self.out.extend(plain.load);
                self.memarg(plain.bytes);
            }
            None => {
                self.table_index();
                self.indexed(TABLE_GET, Entity::Table(ty));
            }
        }
    }

    fn table_index(&mut self) {
        self.out.push(I32_CONST);
        let index = self.numbers.element();
        i64::from(index).encode(self.out);
    }

    pub(super) fn memarg(&mut self, bytes: u8) {
        self.resolve.index(Entity::Memory);
        bytes.trailing_zeros().encode(self.out);
        self.offset();
    }

    // Sinks: what stands below the value, what comes after it.

    /// Pushes what the sink wants below a value of this type.
    pub(super) fn sink_before(&mut self, ty: Type) {
        match self.sink {
            Sink::Store if ty.is_reference() => self.table_index(),
            Sink::Store => self.indexed(LOCAL_GET, Entity::Base),
            Sink::Drop | Sink::Local | Sink::Global | Sink::Call => {}
        }
    }

    /// Takes the value, once [`Encoder::sink_before`] stands below it.
    pub(super) fn sink_after(&mut self, ty: Type) {
        match self.sink {
            Sink::Drop => self.out.push(DROP),
            Sink::Local => {
                self.out.push(LOCAL_SET);
                self.param(ty, 0);
            }
            Sink::Global => self.indexed(GLOBAL_SET, Entity::Global(ty)),
            Sink::Call => self.indexed(CALL, Entity::Callee(Callee::Sink(ty))),
            Sink::Store => match self.plain(ty) {
                Some(plain) => {
                    self.out.extend(plain.store);
                    self.memarg(plain.bytes);
                }
                None => self.indexed(TABLE_SET, Entity::Table(ty)),
            },
        }
    }

    /// Takes the value on top of the stack.
    pub(super) fn sink_top(&mut self, ty: Type) {
        if self.sink == Sink::Store {
            self.scratch(LOCAL_SET, Role::Sink, ty);
            self.sink_before(ty);
            self.scratch(LOCAL_GET, Role::Sink, ty);
        }
        self.sink_after(ty);
    }

    pub(super) fn heap_type(&mut self, ty: Type) {
        let resolve = &mut self.resolve;
        let heap = types::heap_type(ty, |declared| resolve.index(Entity::Declared(declared)));
        heap.expect("only references have a heap type").encode(self.out);
    }
}

fn low_half(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).expect("masked to 32 bits")
}

//! How the code of a unit comes by the addresses that it accesses.

use crate::ops::encoder::{Encoder, LOCAL_GET};
use crate::ops::entity::{Entity, Resolve};
use crate::ops::kinds::Type;
use crate::ops::unit::Source;
use wasm_encoder::Encode;

/// How the address operand of an operator is made, where the unit takes it from a local, and which
/// offset is added to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Addressing {
    /// The operand.
    pub form: AddressForm,
    /// The immediate.
    pub offset: Offset,
}

/// The address operand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AddressForm {
    /// A parameter of the function.
    #[default]
    Local,
    /// A constant.
    Const,
    /// A parameter, shifted to the left by 3.
    Shl,
    /// The sum of two parameters.
    Add,
}

/// The offset immediate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Offset {
    /// Below 32 KiB, another for every access.
    #[default]
    Small,
    /// Zero.
    Zero,
    /// A GiB and a little: past any guard region.
    PastGuard,
}

impl AddressForm {
    /// All forms.
    pub const ALL: [AddressForm; 4] =
        [AddressForm::Local, AddressForm::Const, AddressForm::Shl, AddressForm::Add];
}

impl Offset {
    /// All offsets.
    pub const ALL: [Offset; 3] = [Offset::Small, Offset::Zero, Offset::PastGuard];
}

/// What [`Offset::PastGuard`] adds.
const PAST_GUARD: u64 = 1 << 30;

const I32_WRAP_I64: u8 = 0xa7;
const I64_EXTEND_I32_U: u8 = 0xad;

/// By how much [`AddressForm::Shl`] shifts.
const SHIFT: i64 = 3;

impl<R: Resolve> Encoder<'_, R> {
    /// Pushes an address made from parameters.
    pub(super) fn address(&mut self, at: u32) {
        let (one, shl, add) = if self.memory64 { (0x42, 0x86, 0x7c) } else { (0x41, 0x74, 0x6a) };
        match self.addressing.form {
            AddressForm::Local => self.address_param(at),
            AddressForm::Const => self.push(Type::Addr, Source::Const, at),
            AddressForm::Shl => {
                self.address_param(at);
                self.out.push(one);
                SHIFT.encode(self.out);
                self.out.push(shl);
            }
            AddressForm::Add => {
                self.address_param(at);
                self.indexed(LOCAL_GET, Entity::Base);
                self.out.push(add);
            }
        }
    }

    /// Makes an integer an address, where one is wanted.
    pub(super) fn convert(&mut self, given: Type, wanted: Type) {
        if wanted != Type::Addr {
            return;
        }
        if given == Type::I32 && self.memory64 {
            self.out.push(I64_EXTEND_I32_U);
        } else if given == Type::I64 && !self.memory64 {
            self.out.push(I32_WRAP_I64);
        }
    }

    fn address_param(&mut self, at: u32) {
        self.out.push(LOCAL_GET);
        self.param(Type::Addr, at);
    }

    pub(super) fn offset(&mut self) {
        let offset = match self.addressing.offset {
            Offset::Small => self.numbers.offset(),
            Offset::Zero => 0,
            Offset::PastGuard => PAST_GUARD + self.numbers.offset(),
        };
        offset.encode(self.out);
    }
}

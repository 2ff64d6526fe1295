//! The types that operators take and give, and the proposals that brought them.
//!
//! One nullable reference type stands for both the nullable and the non-null one of the
//! specification, so that the type checker of units stays a comparison.

use crate::proposals::Proposal;
use std::fmt;

/// Operand and result types as the table speaks of them.
///
/// Every reference type is the nullable one: a non-null result is a subtype of it and every
/// operator accepts it, so that locals, globals and tables of each type have a default value. The
/// concrete types (`Struct`, `Func`, ...) are those that [`Prelude`](crate::ops::Prelude) declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// `i32`.
    I32,
    /// `i64`.
    I64,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `v128`.
    V128,
    /// The index type of the unit's memory: `i32`, or `i64` when that memory is 64-bit.
    Addr,
    /// `funcref`.
    FuncRef,
    /// `externref`.
    ExternRef,
    /// `anyref`.
    AnyRef,
    /// `eqref`.
    EqRef,
    /// `i31ref`.
    I31Ref,
    /// `structref`.
    StructRef,
    /// `arrayref`.
    ArrayRef,
    /// `exnref`.
    ExnRef,
    /// A concrete struct with the mutable fields `i64`, `i8` and `anyref`.
    Struct,
    /// A concrete array of mutable `i32`.
    Array,
    /// A concrete array of mutable `i8`.
    Bytes,
    /// A concrete array of mutable `funcref`.
    Refs,
    /// A concrete function `[i32] -> [i32]`.
    Func,
    /// A concrete function `[i32] -> []`, the form that tail calls need.
    TailFunc,
    /// A continuation over `[i32] -> [i32]`.
    Cont,
    /// A continuation over `[] -> [i32]`: a [`Type::Cont`] with its parameter bound.
    BoundCont,
    /// A continuation over `[i32 (ref null cont)] -> []`, the form that `switch` needs.
    SwitchCont,
}

impl Type {
    /// All types, in declaration order.
    pub const ALL: &[Type] = &[
        Type::I32,
        Type::I64,
        Type::F32,
        Type::F64,
        Type::V128,
        Type::Addr,
        Type::FuncRef,
        Type::ExternRef,
        Type::AnyRef,
        Type::EqRef,
        Type::I31Ref,
        Type::StructRef,
        Type::ArrayRef,
        Type::ExnRef,
        Type::Struct,
        Type::Array,
        Type::Bytes,
        Type::Refs,
        Type::Func,
        Type::TailFunc,
        Type::Cont,
        Type::BoundCont,
        Type::SwitchCont,
    ];

    /// The name in messages and in the names of imports: lower case, one word.
    pub fn name(self) -> &'static str {
        match self {
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::V128 => "v128",
            Type::Addr => "addr",
            Type::FuncRef => "funcref",
            Type::ExternRef => "externref",
            Type::AnyRef => "anyref",
            Type::EqRef => "eqref",
            Type::I31Ref => "i31ref",
            Type::StructRef => "structref",
            Type::ArrayRef => "arrayref",
            Type::ExnRef => "exnref",
            Type::Struct => "struct",
            Type::Array => "array",
            Type::Bytes => "bytes",
            Type::Refs => "refs",
            Type::Func => "func",
            Type::TailFunc => "tailfunc",
            Type::Cont => "cont",
            Type::BoundCont => "boundcont",
            Type::SwitchCont => "switchcont",
        }
    }

    /// Whether values of this type are numbers or vectors, whose types name themselves: what loads make.
    pub fn is_number(self) -> bool {
        matches!(self, Type::I32 | Type::I64 | Type::F32 | Type::F64 | Type::V128)
    }

    /// Whether values of this type are references; the others live in linear memory.
    pub fn is_reference(self) -> bool {
        match self {
            Type::I32 | Type::I64 | Type::F32 | Type::F64 | Type::V128 | Type::Addr => false,
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
            | Type::SwitchCont => true,
        }
    }

    /// The direct supertype, by the subtyping rules of the GC proposal.
    pub fn supertype(self) -> Option<Type> {
        match self {
            Type::EqRef => Some(Type::AnyRef),
            Type::I31Ref | Type::StructRef | Type::ArrayRef => Some(Type::EqRef),
            Type::Struct => Some(Type::StructRef),
            Type::Array | Type::Bytes | Type::Refs => Some(Type::ArrayRef),
            Type::Func | Type::TailFunc => Some(Type::FuncRef),
            Type::I32
            | Type::I64
            | Type::F32
            | Type::F64
            | Type::V128
            | Type::Addr
            | Type::FuncRef
            | Type::ExternRef
            | Type::AnyRef
            | Type::ExnRef
            | Type::Cont
            | Type::BoundCont
            | Type::SwitchCont => None,
        }
    }

    /// Whether a value of this type may stand where `wanted` is asked for: the same type or a
    /// supertype.
    pub fn fits(self, wanted: Type) -> bool {
        self == wanted || self.supertype().is_some_and(|supertype| supertype.fits(wanted))
    }

    /// The proposal that introduced the type.
    pub fn proposal(self) -> Proposal {
        match self {
            Type::I32 | Type::I64 | Type::F32 | Type::F64 | Type::Addr => Proposal::Mvp,
            Type::V128 => Proposal::Simd,
            Type::FuncRef => Proposal::ReferenceTypes,
            Type::ExternRef => Proposal::GcTypes,
            Type::AnyRef
            | Type::EqRef
            | Type::I31Ref
            | Type::StructRef
            | Type::ArrayRef
            | Type::Struct
            | Type::Array
            | Type::Bytes
            | Type::Refs => Proposal::Gc,
            Type::ExnRef => Proposal::Exceptions,
            Type::Func | Type::TailFunc => Proposal::FunctionReferences,
            Type::Cont | Type::BoundCont | Type::SwitchCont => Proposal::StackSwitching,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

//! The table's types in terms of the binary format.

use wasm_encoder::{AbstractHeapType, HeapType, RefType, ValType};

use crate::ops::table::{Declared, Type};

/// The heap type of a reference type; none for the numeric types. `index` gives the indices of
/// declared types.
pub(super) fn heap_type(ty: Type, index: impl FnOnce(Declared) -> u32) -> Option<HeapType> {
    let ty = match ty {
        Type::I32 | Type::I64 | Type::F32 | Type::F64 | Type::V128 | Type::Addr => return None,
        Type::FuncRef => AbstractHeapType::Func,
        Type::ExternRef => AbstractHeapType::Extern,
        Type::AnyRef => AbstractHeapType::Any,
        Type::EqRef => AbstractHeapType::Eq,
        Type::I31Ref => AbstractHeapType::I31,
        Type::StructRef => AbstractHeapType::Struct,
        Type::ArrayRef => AbstractHeapType::Array,
        Type::ExnRef => AbstractHeapType::Exn,
        Type::Struct
        | Type::Array
        | Type::Bytes
        | Type::Refs
        | Type::Func
        | Type::TailFunc
        | Type::Cont
        | Type::BoundCont
        | Type::SwitchCont => return Declared::of(ty).map(|it| HeapType::Concrete(index(it))),
    };
    Some(HeapType::Abstract { shared: false, ty })
}

/// The value type. Addresses are `i64` when `memory64`; references are nullable.
pub(super) fn val_type(ty: Type, memory64: bool, index: impl FnOnce(Declared) -> u32) -> ValType {
    match ty {
        Type::I32 => ValType::I32,
        Type::Addr if memory64 => ValType::I64,
        Type::Addr => ValType::I32,
        Type::I64 => ValType::I64,
        Type::F32 => ValType::F32,
        Type::F64 => ValType::F64,
        Type::V128 => ValType::V128,
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
        | Type::SwitchCont => {
            let heap_type = heap_type(ty, index).expect("all references have a heap type");
            ValType::Ref(RefType { nullable: true, heap_type })
        }
    }
}

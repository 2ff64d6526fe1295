//! The atomic operators of the threads proposal. They validate on a memory that is not shared,
//! where `wait` traps.

use crate::ops::table::AccessKind::{Load, Notify, ReadModifyWrite, Store, Wait};
use crate::ops::table::Type::{self, Addr, I32, I64};
use crate::ops::table::{AccessKind, Immediate, Opcode, Operator, Proposal};

/// An atomic access of this width in bytes.
const fn atomic(
    names: (&'static str, &'static str),
    code: u32,
    params: &'static [Type],
    results: &'static [Type],
    access: (AccessKind, u8),
) -> Operator {
    Operator::new(Proposal::Threads, names, Opcode::Prefixed(0xfe, code), params, results)
        .with(&[Immediate::MemArg])
        .touches(access.0, access.1)
}

/// A load of this width in bytes.
const fn load(
    name: &'static str,
    ident: &'static str,
    code: u32,
    results: &'static [Type],
    bytes: u8,
) -> Operator {
    atomic((name, ident), code, &[Addr], results, (Load, bytes))
}

/// A store of this width in bytes.
const fn store(
    name: &'static str,
    ident: &'static str,
    code: u32,
    params: &'static [Type],
    bytes: u8,
) -> Operator {
    atomic((name, ident), code, params, &[], (Store, bytes))
}

/// A read-modify-write on an `i32`, of this width in bytes.
const fn rmw32(name: &'static str, ident: &'static str, code: u32, bytes: u8) -> Operator {
    atomic((name, ident), code, &[Addr, I32], &[I32], (ReadModifyWrite, bytes))
}

/// A read-modify-write on an `i64`, of this width in bytes.
const fn rmw64(name: &'static str, ident: &'static str, code: u32, bytes: u8) -> Operator {
    atomic((name, ident), code, &[Addr, I64], &[I64], (ReadModifyWrite, bytes))
}

/// A compare-and-exchange on an `i32`, of this width in bytes.
const fn cas32(name: &'static str, ident: &'static str, code: u32, bytes: u8) -> Operator {
    atomic((name, ident), code, &[Addr, I32, I32], &[I32], (ReadModifyWrite, bytes))
}

/// A compare-and-exchange on an `i64`, of this width in bytes.
const fn cas64(name: &'static str, ident: &'static str, code: u32, bytes: u8) -> Operator {
    atomic((name, ident), code, &[Addr, I64, I64], &[I64], (ReadModifyWrite, bytes))
}

/// The fence, which has a reserved byte and touches no address.
const FENCE: Operator = Operator::new(
    Proposal::Threads,
    ("atomic.fence", "AtomicFence"),
    Opcode::Prefixed(0xfe, 0x03),
    &[],
    &[],
)
.with(&[Immediate::Number(0)]);

pub(super) const ROWS: &[Operator] = &[
    atomic(("memory.atomic.notify", "MemoryAtomicNotify"), 0x00, &[Addr, I32], &[I32], (Notify, 4)),
    atomic(
        ("memory.atomic.wait32", "MemoryAtomicWait32"),
        0x01,
        &[Addr, I32, I64],
        &[I32],
        (Wait, 4),
    ),
    atomic(
        ("memory.atomic.wait64", "MemoryAtomicWait64"),
        0x02,
        &[Addr, I64, I64],
        &[I32],
        (Wait, 8),
    ),
    FENCE,
    load("i32.atomic.load", "I32AtomicLoad", 0x10, &[I32], 4),
    load("i64.atomic.load", "I64AtomicLoad", 0x11, &[I64], 8),
    load("i32.atomic.load8_u", "I32AtomicLoad8U", 0x12, &[I32], 1),
    load("i32.atomic.load16_u", "I32AtomicLoad16U", 0x13, &[I32], 2),
    load("i64.atomic.load8_u", "I64AtomicLoad8U", 0x14, &[I64], 1),
    load("i64.atomic.load16_u", "I64AtomicLoad16U", 0x15, &[I64], 2),
    load("i64.atomic.load32_u", "I64AtomicLoad32U", 0x16, &[I64], 4),
    store("i32.atomic.store", "I32AtomicStore", 0x17, &[Addr, I32], 4),
    store("i64.atomic.store", "I64AtomicStore", 0x18, &[Addr, I64], 8),
    store("i32.atomic.store8", "I32AtomicStore8", 0x19, &[Addr, I32], 1),
    store("i32.atomic.store16", "I32AtomicStore16", 0x1a, &[Addr, I32], 2),
    store("i64.atomic.store8", "I64AtomicStore8", 0x1b, &[Addr, I64], 1),
    store("i64.atomic.store16", "I64AtomicStore16", 0x1c, &[Addr, I64], 2),
    store("i64.atomic.store32", "I64AtomicStore32", 0x1d, &[Addr, I64], 4),
    rmw32("i32.atomic.rmw.add", "I32AtomicRmwAdd", 0x1e, 4),
    rmw64("i64.atomic.rmw.add", "I64AtomicRmwAdd", 0x1f, 8),
    rmw32("i32.atomic.rmw8.add_u", "I32AtomicRmw8AddU", 0x20, 1),
    rmw32("i32.atomic.rmw16.add_u", "I32AtomicRmw16AddU", 0x21, 2),
    rmw64("i64.atomic.rmw8.add_u", "I64AtomicRmw8AddU", 0x22, 1),
    rmw64("i64.atomic.rmw16.add_u", "I64AtomicRmw16AddU", 0x23, 2),
    rmw64("i64.atomic.rmw32.add_u", "I64AtomicRmw32AddU", 0x24, 4),
    rmw32("i32.atomic.rmw.sub", "I32AtomicRmwSub", 0x25, 4),
    rmw64("i64.atomic.rmw.sub", "I64AtomicRmwSub", 0x26, 8),
    rmw32("i32.atomic.rmw8.sub_u", "I32AtomicRmw8SubU", 0x27, 1),
    rmw32("i32.atomic.rmw16.sub_u", "I32AtomicRmw16SubU", 0x28, 2),
    rmw64("i64.atomic.rmw8.sub_u", "I64AtomicRmw8SubU", 0x29, 1),
    rmw64("i64.atomic.rmw16.sub_u", "I64AtomicRmw16SubU", 0x2a, 2),
    rmw64("i64.atomic.rmw32.sub_u", "I64AtomicRmw32SubU", 0x2b, 4),
    rmw32("i32.atomic.rmw.and", "I32AtomicRmwAnd", 0x2c, 4),
    rmw64("i64.atomic.rmw.and", "I64AtomicRmwAnd", 0x2d, 8),
    rmw32("i32.atomic.rmw8.and_u", "I32AtomicRmw8AndU", 0x2e, 1),
    rmw32("i32.atomic.rmw16.and_u", "I32AtomicRmw16AndU", 0x2f, 2),
    rmw64("i64.atomic.rmw8.and_u", "I64AtomicRmw8AndU", 0x30, 1),
    rmw64("i64.atomic.rmw16.and_u", "I64AtomicRmw16AndU", 0x31, 2),
    rmw64("i64.atomic.rmw32.and_u", "I64AtomicRmw32AndU", 0x32, 4),
    rmw32("i32.atomic.rmw.or", "I32AtomicRmwOr", 0x33, 4),
    rmw64("i64.atomic.rmw.or", "I64AtomicRmwOr", 0x34, 8),
    rmw32("i32.atomic.rmw8.or_u", "I32AtomicRmw8OrU", 0x35, 1),
    rmw32("i32.atomic.rmw16.or_u", "I32AtomicRmw16OrU", 0x36, 2),
    rmw64("i64.atomic.rmw8.or_u", "I64AtomicRmw8OrU", 0x37, 1),
    rmw64("i64.atomic.rmw16.or_u", "I64AtomicRmw16OrU", 0x38, 2),
    rmw64("i64.atomic.rmw32.or_u", "I64AtomicRmw32OrU", 0x39, 4),
    rmw32("i32.atomic.rmw.xor", "I32AtomicRmwXor", 0x3a, 4),
    rmw64("i64.atomic.rmw.xor", "I64AtomicRmwXor", 0x3b, 8),
    rmw32("i32.atomic.rmw8.xor_u", "I32AtomicRmw8XorU", 0x3c, 1),
    rmw32("i32.atomic.rmw16.xor_u", "I32AtomicRmw16XorU", 0x3d, 2),
    rmw64("i64.atomic.rmw8.xor_u", "I64AtomicRmw8XorU", 0x3e, 1),
    rmw64("i64.atomic.rmw16.xor_u", "I64AtomicRmw16XorU", 0x3f, 2),
    rmw64("i64.atomic.rmw32.xor_u", "I64AtomicRmw32XorU", 0x40, 4),
    rmw32("i32.atomic.rmw.xchg", "I32AtomicRmwXchg", 0x41, 4),
    rmw64("i64.atomic.rmw.xchg", "I64AtomicRmwXchg", 0x42, 8),
    rmw32("i32.atomic.rmw8.xchg_u", "I32AtomicRmw8XchgU", 0x43, 1),
    rmw32("i32.atomic.rmw16.xchg_u", "I32AtomicRmw16XchgU", 0x44, 2),
    rmw64("i64.atomic.rmw8.xchg_u", "I64AtomicRmw8XchgU", 0x45, 1),
    rmw64("i64.atomic.rmw16.xchg_u", "I64AtomicRmw16XchgU", 0x46, 2),
    rmw64("i64.atomic.rmw32.xchg_u", "I64AtomicRmw32XchgU", 0x47, 4),
    cas32("i32.atomic.rmw.cmpxchg", "I32AtomicRmwCmpxchg", 0x48, 4),
    cas64("i64.atomic.rmw.cmpxchg", "I64AtomicRmwCmpxchg", 0x49, 8),
    cas32("i32.atomic.rmw8.cmpxchg_u", "I32AtomicRmw8CmpxchgU", 0x4a, 1),
    cas32("i32.atomic.rmw16.cmpxchg_u", "I32AtomicRmw16CmpxchgU", 0x4b, 2),
    cas64("i64.atomic.rmw8.cmpxchg_u", "I64AtomicRmw8CmpxchgU", 0x4c, 1),
    cas64("i64.atomic.rmw16.cmpxchg_u", "I64AtomicRmw16CmpxchgU", 0x4d, 2),
    cas64("i64.atomic.rmw32.cmpxchg_u", "I64AtomicRmw32CmpxchgU", 0x4e, 4),
];

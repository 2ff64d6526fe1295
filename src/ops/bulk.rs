//! Bulk memory and reference types: whole runs of memory and of tables, and the values that tables
//! hold.

use crate::ops::table::AccessKind::Bulk;
use crate::ops::table::Type::{self, Addr, ExternRef, FuncRef, I32};
use crate::ops::table::{Callee, Immediate, Opcode, Operator, Proposal};

const FUNCS: Immediate = Immediate::Table(FuncRef);

/// A row of the bulk-memory proposal.
const fn bulk(
    name: &'static str,
    ident: &'static str,
    code: u32,
    params: &'static [Type],
    immediates: &'static [Immediate],
) -> Operator {
    let opcode = Opcode::Prefixed(0xfc, code);
    Operator::new(Proposal::BulkMemory, (name, ident), opcode, params, &[]).with(immediates)
}

/// A row of the reference-types proposal.
const fn reference(
    names: (&'static str, &'static str),
    opcode: Opcode,
    params: &'static [Type],
    results: &'static [Type],
    immediates: &'static [Immediate],
) -> Operator {
    Operator::new(Proposal::ReferenceTypes, names, opcode, params, results).with(immediates)
}

pub(super) const ROWS: &[Operator] = &[
    bulk("memory.init", "MemoryInit", 8, &[Addr, I32, I32], &[Immediate::Data, Immediate::Memory])
        .touches(Bulk, 1),
    bulk("data.drop", "DataDrop", 9, &[], &[Immediate::Data]),
    bulk(
        "memory.copy",
        "MemoryCopy",
        10,
        &[Addr, Addr, Addr],
        &[Immediate::Memory, Immediate::Memory],
    )
    .touches(Bulk, 1),
    bulk("memory.fill", "MemoryFill", 11, &[Addr, I32, Addr], &[Immediate::Memory])
        .touches(Bulk, 1),
    bulk("table.init", "TableInit", 12, &[I32, I32, I32], &[Immediate::Elements, FUNCS]).traps(),
    bulk("elem.drop", "ElemDrop", 13, &[], &[Immediate::Elements]),
    bulk("table.copy", "TableCopy", 14, &[I32, I32, I32], &[FUNCS, FUNCS]).traps(),
    // `select` with a type; the text format spells it `select (result t)`.
    reference(
        ("select_t", "TypedSelect"),
        Opcode::Byte(0x1c),
        &[ExternRef, ExternRef, I32],
        &[ExternRef],
        &[Immediate::SelectType(ExternRef)],
    ),
    reference(
        ("ref.null", "RefNull"),
        Opcode::Byte(0xd0),
        &[],
        &[ExternRef],
        &[Immediate::Heap(ExternRef)],
    ),
    reference(("ref.is_null", "RefIsNull"), Opcode::Byte(0xd1), &[ExternRef], &[I32], &[]),
    reference(
        ("ref.func", "RefFunc"),
        Opcode::Byte(0xd2),
        &[],
        &[FuncRef],
        &[Immediate::Referable(Callee::Unary)],
    ),
    reference(
        ("table.fill", "TableFill"),
        Opcode::Prefixed(0xfc, 17),
        &[I32, FuncRef, I32],
        &[],
        &[FUNCS],
    )
    .traps(),
    reference(("table.get", "TableGet"), Opcode::Byte(0x25), &[I32], &[FuncRef], &[FUNCS]).traps(),
    reference(("table.set", "TableSet"), Opcode::Byte(0x26), &[I32, FuncRef], &[], &[FUNCS])
        .traps(),
    reference(
        ("table.grow", "TableGrow"),
        Opcode::Prefixed(0xfc, 15),
        &[FuncRef, I32],
        &[I32],
        &[FUNCS],
    ),
    reference(("table.size", "TableSize"), Opcode::Prefixed(0xfc, 16), &[], &[I32], &[FUNCS]),
];

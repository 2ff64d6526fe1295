//! Modules of many functions, globals, tags, segments, tables and memories.

use super::*;
use std::borrow::Cow;
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, Elements, EntityType,
    ExportKind, ExportSection, FunctionSection, GlobalSection, MemorySection, MemoryType, Module,
    TableSection, TableType, TagSection,
};

fn functions_and_imports(imported: u64, defined: u64) -> Vec<u8> {
    let imports = imports((0..imported).map(|_| EntityType::Function(0)));
    let mut functions = FunctionSection::new();
    let mut code = CodeSection::new();
    for _ in 0..defined {
        functions.function(0);
        code.raw(&[NO_LOCALS, END]);
    }
    Module::new()
        .section(&one_type(0, 0))
        .section(&imports)
        .section(&functions)
        .section(&code)
        .as_slice()
        .to_vec()
}

pub(in crate::limits) fn functions(count: u64) -> Vec<u8> {
    functions_and_imports(0, count)
}

pub(in crate::limits) fn functions_with_import(count: u64) -> Vec<u8> {
    functions_and_imports(1, count - 1)
}

pub(in crate::limits) fn imported_globals(count: u64) -> Vec<u8> {
    Module::new()
        .section(&imports((0..count).map(|_| EntityType::Global(GLOBAL))))
        .as_slice()
        .to_vec()
}

pub(in crate::limits) fn exported_globals(count: u64) -> Vec<u8> {
    let mut globals = GlobalSection::new();
    globals.global(GLOBAL, &ConstExpr::i32_const(0));
    let mut exports = ExportSection::new();
    for index in 0..count {
        exports.export(&index.to_string(), ExportKind::Global, 0);
    }
    Module::new().section(&globals).section(&exports).as_slice().to_vec()
}

/// Imported functions without parameters, and one global where the size is odd.
pub(in crate::limits) fn type_size_of_functions(count: u64) -> Vec<u8> {
    let functions = (0..count / 2).map(|_| EntityType::Function(0));
    let globals = (0..count % 2).map(|_| EntityType::Global(GLOBAL));
    Module::new()
        .section(&one_type(0, 0))
        .section(&imports(functions.chain(globals)))
        .as_slice()
        .to_vec()
}

/// One of everything imported and exported, the widest functions, and globals for the rest.
pub(in crate::limits) fn type_size_of_everything(count: u64) -> Vec<u8> {
    let mut types = one_type(1, 0);
    types.ty().function(i32s(PARAMS_MAX), i32s(PARAMS_MAX));
    let wide = 2 + 2 * PARAMS_MAX;
    // Imported and exported: a tag of one parameter, a table and a memory; exported: a wide
    // function.
    let rest = count - 2 * (3 + 1 + 1) - wide;
    let items = [EntityType::Tag(TAG), EntityType::Table(TABLE), EntityType::Memory(MEMORY)];
    let functions = (0..rest / wide).map(|_| EntityType::Function(1));
    let globals = (0..rest % wide).map(|_| EntityType::Global(GLOBAL));
    let mut exports = ExportSection::new();
    exports
        .export("tag", ExportKind::Tag, 0)
        .export("table", ExportKind::Table, 0)
        .export("memory", ExportKind::Memory, 0)
        .export("function", ExportKind::Func, 0);
    Module::new()
        .section(&types)
        .section(&imports(items.into_iter().chain(functions).chain(globals)))
        .section(&exports)
        .as_slice()
        .to_vec()
}

fn globals_and_imports(imported: u64, defined: u64) -> Vec<u8> {
    let imports = imports((0..imported).map(|_| EntityType::Global(GLOBAL)));
    let mut globals = GlobalSection::new();
    for _ in 0..defined {
        globals.global(GLOBAL, &ConstExpr::i32_const(0));
    }
    Module::new().section(&imports).section(&globals).as_slice().to_vec()
}

pub(in crate::limits) fn globals(count: u64) -> Vec<u8> {
    globals_and_imports(0, count)
}

pub(in crate::limits) fn globals_with_import(count: u64) -> Vec<u8> {
    globals_and_imports(1, count - 1)
}

fn tags_and_imports(imported: u64, defined: u64) -> Vec<u8> {
    let imports = imports((0..imported).map(|_| EntityType::Tag(TAG)));
    let mut tags = TagSection::new();
    for _ in 0..defined {
        tags.tag(TAG);
    }
    Module::new().section(&one_type(0, 0)).section(&imports).section(&tags).as_slice().to_vec()
}

pub(in crate::limits) fn tags(count: u64) -> Vec<u8> {
    tags_and_imports(0, count)
}

pub(in crate::limits) fn tags_with_import(count: u64) -> Vec<u8> {
    tags_and_imports(1, count - 1)
}

fn data_section(count: u64) -> DataSection {
    let mut data = DataSection::new();
    for _ in 0..count {
        data.passive([]);
    }
    data
}

pub(in crate::limits) fn data_segments(count: u64) -> Vec<u8> {
    Module::new().section(&data_section(count)).as_slice().to_vec()
}

pub(in crate::limits) fn counted_data_segments(count: u64) -> Vec<u8> {
    let data_count = DataCountSection { count: u32::try_from(count).unwrap() };
    Module::new().section(&data_count).section(&data_section(count)).as_slice().to_vec()
}

pub(in crate::limits) fn element_segments(count: u64) -> Vec<u8> {
    let mut elements = ElementSection::new();
    for _ in 0..count {
        elements.passive(Elements::Functions(Cow::Borrowed(&[])));
    }
    Module::new().section(&elements).as_slice().to_vec()
}

fn tables_and_imports(imported: u64, defined: u64) -> Vec<u8> {
    let imports = imports((0..imported).map(|_| EntityType::Table(TABLE)));
    let mut tables = TableSection::new();
    for _ in 0..defined {
        tables.table(TABLE);
    }
    Module::new().section(&imports).section(&tables).as_slice().to_vec()
}

pub(in crate::limits) fn tables(count: u64) -> Vec<u8> {
    tables_and_imports(0, count)
}

pub(in crate::limits) fn tables_with_import(count: u64) -> Vec<u8> {
    tables_and_imports(1, count - 1)
}

pub(in crate::limits) fn table_entries(count: u64) -> Vec<u8> {
    let mut tables = TableSection::new();
    tables.table(TableType { minimum: count, ..TABLE });
    Module::new().section(&tables).as_slice().to_vec()
}

pub(in crate::limits) fn segment_entries(count: u64) -> Vec<u8> {
    let mut elements = ElementSection::new();
    elements.passive(Elements::Functions(Cow::Owned(vec![0; int(count)])));
    Module::new()
        .section(&one_type(0, 0))
        .section(&imports([EntityType::Function(0)]))
        .section(&elements)
        .as_slice()
        .to_vec()
}

/// Written as bytes, because ten million expressions of wasm-encoder are ten million allocations.
pub(in crate::limits) fn segment_expressions(count: u64) -> Vec<u8> {
    let mut segment = vec![PASSIVE_EXPRESSIONS, FUNCREF];
    segment.extend(leb(count));
    segment.extend([REF_NULL, FUNCREF, END].repeat(int(count)));
    let mut elements = ElementSection::new();
    elements.raw(&segment);
    Module::new().section(&elements).as_slice().to_vec()
}

fn memories_and_imports(imported: u64, defined: u64) -> Vec<u8> {
    let imports = imports((0..imported).map(|_| EntityType::Memory(MEMORY)));
    let mut memories = MemorySection::new();
    for _ in 0..defined {
        memories.memory(MEMORY);
    }
    Module::new().section(&imports).section(&memories).as_slice().to_vec()
}

pub(in crate::limits) fn memories(count: u64) -> Vec<u8> {
    memories_and_imports(0, count)
}

pub(in crate::limits) fn memories_with_import(count: u64) -> Vec<u8> {
    memories_and_imports(1, count - 1)
}

pub(in crate::limits) fn one_memory(ty: MemoryType) -> Vec<u8> {
    let mut memories = MemorySection::new();
    memories.memory(ty);
    Module::new().section(&memories).as_slice().to_vec()
}

pub(in crate::limits) fn memory32_pages(count: u64) -> Vec<u8> {
    one_memory(MemoryType { minimum: count, ..MEMORY })
}

pub(in crate::limits) fn memory32_maximum(count: u64) -> Vec<u8> {
    one_memory(MemoryType { maximum: Some(count), ..MEMORY })
}

pub(in crate::limits) fn memory64_pages(count: u64) -> Vec<u8> {
    one_memory(MemoryType { minimum: count, memory64: true, ..MEMORY })
}

pub(in crate::limits) fn memory64_maximum(count: u64) -> Vec<u8> {
    one_memory(MemoryType { maximum: Some(count), memory64: true, ..MEMORY })
}

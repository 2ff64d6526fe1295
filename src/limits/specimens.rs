//! Modules that use exactly a given amount of one limit, and next to nothing of the others.
//!
//! Only tests use them: the probes hold them against the validator, and the tests of `headroom`
//! hold its counts against the amount that was asked for. Each function here is a builder `fn(u64)
//! -> bytes`.

use std::borrow::Cow;

use wasm_encoder::{
    CodeSection, CompositeInnerType, CompositeType, ConstExpr, ContType, CustomSection,
    DataCountSection, DataSection, ElementSection, Elements, EntityType, ExportKind, ExportSection,
    FieldType, FuncType, FunctionSection, GlobalSection, GlobalType, ImportSection, MemorySection,
    MemoryType, Module, RefType, StorageType, StructType, SubType, TableSection, TableType,
    TagKind, TagSection, TagType, TypeSection, ValType,
};

const UNREACHABLE: u8 = 0x00;
const NOP: u8 = 0x01;
const BLOCK: u8 = 0x02;
const END: u8 = 0x0b;
const BR_TABLE: u8 = 0x0e;
const TRY_TABLE: u8 = 0x1f;
const CATCH_ALL: u8 = 0x02;
const DROP: u8 = 0x1a;
const I32_CONST: u8 = 0x41;
const I32_ADD: u8 = 0x6a;
const EMPTY_BLOCK: u8 = 0x40;
const ARRAY_NEW_FIXED: [u8; 2] = [0xfb, 0x08];
const RESUME: u8 = 0xe3;
const ON_SWITCH: u8 = 0x01;
const REF_NULL: u8 = 0xd0;
const FUNCREF: u8 = 0x70;
const PASSIVE_EXPRESSIONS: u8 = 0x05;
const NO_LOCALS: u8 = 0x00;

const GLOBAL: GlobalType = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
const TAG: TagType = TagType { kind: TagKind::Exception, func_type_idx: 0 };
const MEMORY: MemoryType =
    MemoryType { minimum: 0, maximum: None, memory64: false, shared: false, page_size_log2: None };
const TABLE: TableType = TableType {
    element_type: RefType::FUNCREF,
    table64: false,
    minimum: 0,
    maximum: None,
    shared: false,
};
/// The parameters of the widest function type.
const PARAMS_MAX: u64 = 1_000;

fn int(value: u64) -> usize {
    usize::try_from(value).unwrap()
}

fn leb(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    wasm_encoder::Encode::encode(&u32::try_from(value).unwrap(), &mut bytes);
    bytes
}

fn i32s(count: u64) -> Vec<ValType> {
    vec![ValType::I32; int(count)]
}

fn imports(items: impl IntoIterator<Item = EntityType>) -> ImportSection {
    let mut section = ImportSection::new();
    for item in items {
        section.import("", "", item);
    }
    section
}

/// A type section with one function type.
fn one_type(params: u64, results: u64) -> TypeSection {
    let mut types = TypeSection::new();
    types.ty().function(i32s(params), i32s(results));
    types
}

/// A module of `types` and one function of the last of them, whose code entry is `body`.
fn one_function(types: &TypeSection, body: &[u8]) -> Vec<u8> {
    let mut functions = FunctionSection::new();
    functions.function(types.len() - 1);
    let mut code = CodeSection::new();
    code.raw(body);
    Module::new().section(types).section(&functions).section(&code).as_slice().to_vec()
}

fn sub_type(inner: CompositeInnerType, supertype_idx: Option<u32>, is_final: bool) -> SubType {
    let composite_type = CompositeType { inner, shared: false, descriptor: None, describes: None };
    SubType { is_final, supertype_idx, composite_type }
}

fn empty_struct() -> CompositeInnerType {
    CompositeInnerType::Struct(StructType { fields: Box::new([]) })
}

pub(super) fn module_bytes(count: u64) -> Vec<u8> {
    // Zeros are not touched until someone reads them: the gigabyte costs address space only.
    let mut bytes = vec![0; int(count)];
    let header = Module::new().finish();
    // An id of 0 for a custom section, and its size as an LEB128 padded to five bytes.
    let mut size = count - u64::try_from(header.len()).unwrap() - 6;
    let mut section = vec![0];
    for more in [0x80, 0x80, 0x80, 0x80, 0] {
        section.push(u8::try_from(size & 0x7f).unwrap() | more);
        size >>= 7;
    }
    bytes[..header.len()].copy_from_slice(&header);
    bytes[header.len()..][..section.len()].copy_from_slice(&section);
    bytes
}

pub(super) fn types(count: u64) -> Vec<u8> {
    let mut types = TypeSection::new();
    for _ in 0..count {
        types.ty().function([], []);
    }
    Module::new().section(&types).as_slice().to_vec()
}

pub(super) fn rec_groups(count: u64) -> Vec<u8> {
    let mut types = TypeSection::new();
    for _ in 0..count {
        types.ty().rec([]);
    }
    Module::new().section(&types).as_slice().to_vec()
}

pub(super) fn rec_group_types(count: u64) -> Vec<u8> {
    let mut types = TypeSection::new();
    let group: Vec<SubType> = (0..count)
        .map(|_| sub_type(CompositeInnerType::Func(FuncType::new([], [])), None, true))
        .collect();
    types.ty().rec(group);
    Module::new().section(&types).as_slice().to_vec()
}

pub(super) fn subtype_depth(count: u64) -> Vec<u8> {
    let mut types = TypeSection::new();
    for index in 0..=u32::try_from(count).unwrap() {
        types.ty().subtype(&sub_type(empty_struct(), index.checked_sub(1), false));
    }
    Module::new().section(&types).as_slice().to_vec()
}

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

pub(super) fn functions(count: u64) -> Vec<u8> {
    functions_and_imports(0, count)
}

pub(super) fn functions_with_import(count: u64) -> Vec<u8> {
    functions_and_imports(1, count - 1)
}

pub(super) fn imported_globals(count: u64) -> Vec<u8> {
    Module::new()
        .section(&imports((0..count).map(|_| EntityType::Global(GLOBAL))))
        .as_slice()
        .to_vec()
}

pub(super) fn exported_globals(count: u64) -> Vec<u8> {
    let mut globals = GlobalSection::new();
    globals.global(GLOBAL, &ConstExpr::i32_const(0));
    let mut exports = ExportSection::new();
    for index in 0..count {
        exports.export(&index.to_string(), ExportKind::Global, 0);
    }
    Module::new().section(&globals).section(&exports).as_slice().to_vec()
}

/// Imported functions without parameters, and one global where the size is odd.
pub(super) fn type_size_of_functions(count: u64) -> Vec<u8> {
    let functions = (0..count / 2).map(|_| EntityType::Function(0));
    let globals = (0..count % 2).map(|_| EntityType::Global(GLOBAL));
    Module::new()
        .section(&one_type(0, 0))
        .section(&imports(functions.chain(globals)))
        .as_slice()
        .to_vec()
}

/// One of everything imported and exported, the widest functions, and globals for the rest.
pub(super) fn type_size_of_everything(count: u64) -> Vec<u8> {
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

pub(super) fn globals(count: u64) -> Vec<u8> {
    globals_and_imports(0, count)
}

pub(super) fn globals_with_import(count: u64) -> Vec<u8> {
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

pub(super) fn tags(count: u64) -> Vec<u8> {
    tags_and_imports(0, count)
}

pub(super) fn tags_with_import(count: u64) -> Vec<u8> {
    tags_and_imports(1, count - 1)
}

fn data_section(count: u64) -> DataSection {
    let mut data = DataSection::new();
    for _ in 0..count {
        data.passive([]);
    }
    data
}

pub(super) fn data_segments(count: u64) -> Vec<u8> {
    Module::new().section(&data_section(count)).as_slice().to_vec()
}

pub(super) fn counted_data_segments(count: u64) -> Vec<u8> {
    let data_count = DataCountSection { count: u32::try_from(count).unwrap() };
    Module::new().section(&data_count).section(&data_section(count)).as_slice().to_vec()
}

pub(super) fn element_segments(count: u64) -> Vec<u8> {
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

pub(super) fn tables(count: u64) -> Vec<u8> {
    tables_and_imports(0, count)
}

pub(super) fn tables_with_import(count: u64) -> Vec<u8> {
    tables_and_imports(1, count - 1)
}

pub(super) fn table_entries(count: u64) -> Vec<u8> {
    let mut tables = TableSection::new();
    tables.table(TableType { minimum: count, ..TABLE });
    Module::new().section(&tables).as_slice().to_vec()
}

pub(super) fn segment_entries(count: u64) -> Vec<u8> {
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
pub(super) fn segment_expressions(count: u64) -> Vec<u8> {
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

pub(super) fn memories(count: u64) -> Vec<u8> {
    memories_and_imports(0, count)
}

pub(super) fn memories_with_import(count: u64) -> Vec<u8> {
    memories_and_imports(1, count - 1)
}

pub(super) fn one_memory(ty: MemoryType) -> Vec<u8> {
    let mut memories = MemorySection::new();
    memories.memory(ty);
    Module::new().section(&memories).as_slice().to_vec()
}

pub(super) fn memory32_pages(count: u64) -> Vec<u8> {
    one_memory(MemoryType { minimum: count, ..MEMORY })
}

pub(super) fn memory32_maximum(count: u64) -> Vec<u8> {
    one_memory(MemoryType { maximum: Some(count), ..MEMORY })
}

pub(super) fn memory64_pages(count: u64) -> Vec<u8> {
    one_memory(MemoryType { minimum: count, memory64: true, ..MEMORY })
}

pub(super) fn memory64_maximum(count: u64) -> Vec<u8> {
    one_memory(MemoryType { maximum: Some(count), memory64: true, ..MEMORY })
}

pub(super) fn function_params(count: u64) -> Vec<u8> {
    Module::new().section(&one_type(count, 0)).as_slice().to_vec()
}

pub(super) fn function_results(count: u64) -> Vec<u8> {
    Module::new().section(&one_type(0, count)).as_slice().to_vec()
}

fn one_block(mut types: TypeSection) -> Vec<u8> {
    types.ty().function([], []);
    let type_of_the_block = 0;
    one_function(
        &types,
        &[NO_LOCALS, UNREACHABLE, BLOCK, type_of_the_block, UNREACHABLE, END, UNREACHABLE, END],
    )
}

pub(super) fn block_params(count: u64) -> Vec<u8> {
    one_block(one_type(count, 0))
}

pub(super) fn block_results(count: u64) -> Vec<u8> {
    one_block(one_type(0, count))
}

pub(super) fn function_body_bytes(count: u64) -> Vec<u8> {
    let mut body = vec![NOP; int(count)];
    body[0] = NO_LOCALS;
    body[int(count) - 1] = END;
    one_function(&one_type(0, 0), &body)
}

/// As many parameters as a function can have, and the rest as declared locals.
pub(super) fn function_locals(count: u64) -> Vec<u8> {
    let params = count.min(PARAMS_MAX);
    let one_declaration = 1;
    let mut body = vec![one_declaration];
    body.extend(leb(count - params));
    wasm_encoder::Encode::encode(&ValType::F64, &mut body);
    body.push(END);
    one_function(&one_type(params, 0), &body)
}

pub(super) fn struct_fields(count: u64) -> Vec<u8> {
    let field = FieldType { element_type: StorageType::I8, mutable: true };
    let mut types = TypeSection::new();
    types.ty().struct_(vec![field; int(count)]);
    Module::new().section(&types).as_slice().to_vec()
}

pub(super) fn array_operands(count: u64) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().array(&StorageType::I8, true);
    types.ty().function([], []);
    let type_of_the_array = 0;
    let mut body = vec![NO_LOCALS, UNREACHABLE];
    body.extend(ARRAY_NEW_FIXED);
    body.push(type_of_the_array);
    body.extend(leb(count));
    body.extend([DROP, END]);
    one_function(&types, &body)
}

pub(super) fn br_table_entries(count: u64) -> Vec<u8> {
    let mut body = vec![NO_LOCALS, I32_CONST, 0, BR_TABLE];
    body.extend(leb(count));
    let and_the_default = 1;
    body.extend(vec![0; int(count + and_the_default)]);
    body.push(END);
    one_function(&one_type(0, 0), &body)
}

pub(super) fn catches(count: u64) -> Vec<u8> {
    let mut body = vec![NO_LOCALS, TRY_TABLE, EMPTY_BLOCK];
    body.extend(leb(count));
    for _ in 0..count {
        body.extend([CATCH_ALL, 0]);
    }
    body.extend([END, END]);
    one_function(&one_type(0, 0), &body)
}

pub(super) fn handlers(count: u64) -> Vec<u8> {
    let mut types = one_type(0, 0);
    types.ty().cont(&ContType(0));
    let type_of_the_continuation = 1;
    let mut body = vec![NO_LOCALS, UNREACHABLE, RESUME, type_of_the_continuation];
    body.extend(leb(count));
    for _ in 0..count {
        body.extend([ON_SWITCH, 0]);
    }
    body.push(END);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut tags = TagSection::new();
    tags.tag(TAG);
    let mut code = CodeSection::new();
    code.raw(&body);
    Module::new()
        .section(&types)
        .section(&functions)
        .section(&tags)
        .section(&code)
        .as_slice()
        .to_vec()
}

fn name(count: u64) -> String {
    "n".repeat(int(count))
}

pub(super) fn import_name(count: u64) -> Vec<u8> {
    let mut imports = ImportSection::new();
    imports.import("", &name(count), EntityType::Global(GLOBAL));
    Module::new().section(&imports).as_slice().to_vec()
}

pub(super) fn import_module_name(count: u64) -> Vec<u8> {
    let mut imports = ImportSection::new();
    imports.import(&name(count), "", EntityType::Global(GLOBAL));
    Module::new().section(&imports).as_slice().to_vec()
}

pub(super) fn export_name(count: u64) -> Vec<u8> {
    let mut exports = ExportSection::new();
    exports.export(&name(count), ExportKind::Global, 0);
    let imports = imports([EntityType::Global(GLOBAL)]);
    Module::new().section(&imports).section(&exports).as_slice().to_vec()
}

pub(super) fn custom_section_name(count: u64) -> Vec<u8> {
    let section = CustomSection { name: Cow::Owned(name(count)), data: Cow::Borrowed(&[]) };
    Module::new().section(&section).as_slice().to_vec()
}

pub(super) fn nesting_depth(count: u64) -> Vec<u8> {
    let mut body = vec![NO_LOCALS];
    body.extend([BLOCK, EMPTY_BLOCK].repeat(int(count)));
    body.extend([END].repeat(int(count)));
    body.push(END);
    one_function(&one_type(0, 0), &body)
}

pub(super) fn operand_stack(count: u64) -> Vec<u8> {
    let mut body = vec![NO_LOCALS];
    body.extend([I32_CONST, 0].repeat(int(count)));
    body.extend([UNREACHABLE, END]);
    one_function(&one_type(0, 0), &body)
}

/// A chain of additions: the count of operators must be odd.
pub(super) fn const_expr_ops(count: u64) -> Vec<u8> {
    assert_eq!(count % 2, 1, "a chain of additions has an odd number of operators");
    let mut expr = vec![I32_CONST, 0];
    expr.extend([I32_CONST, 1, I32_ADD].repeat(int(count / 2)));
    let mut globals = GlobalSection::new();
    globals.global(GLOBAL, &ConstExpr::raw(expr));
    Module::new().section(&globals).as_slice().to_vec()
}

//! Modules that use exactly a given amount of one limit, and next to nothing of the others.
//!
//! Only tests use them: the probes hold them against the validator, and the tests of `headroom`
//! hold its counts against the amount that was asked for. Each function here is a builder `fn(u64)
//! -> bytes`.

mod bodies;
mod entities;

pub(super) use self::bodies::*;
pub(super) use self::entities::*;

use std::borrow::Cow;

use wasm_encoder::{
    CodeSection, CompositeInnerType, CompositeType, CustomSection, EntityType, ExportKind,
    ExportSection, FieldType, FuncType, FunctionSection, GlobalType, ImportSection, MemoryType,
    Module, RefType, StorageType, StructType, SubType, TableType, TagKind, TagType, TypeSection,
    ValType,
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

pub(super) fn struct_fields(count: u64) -> Vec<u8> {
    let field = FieldType { element_type: StorageType::I8, mutable: true };
    let mut types = TypeSection::new();
    types.ty().struct_(vec![field; int(count)]);
    Module::new().section(&types).as_slice().to_vec()
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

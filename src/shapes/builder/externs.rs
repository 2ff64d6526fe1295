//! Imports, exports, and the declared things whose size is limited: memories, tables and globals.
//!
//! What crosses the border of a module costs of a limit that no section's count shows, the
//! effective type size; it is recorded here exactly, and so are declared sizes and names.

use super::{Items, ModuleBuilder};
use crate::ops::Proposal;
use crate::shapes::rope::{Rope, leb};
use wasm_encoder::{ConstExpr, Encode, EntityType, ExportKind, MemoryType, TableType, ValType};

/// Module name of what shapes import.
const IMPORT_MODULE: &str = "shape";

/// What wasmparser counts for a function or tag at the module's border, beyond its parameters and
/// results.
const FUNCTION_TYPE_SIZE: u64 = 2;

/// What wasmparser counts for anything else at the module's border.
const OTHER_TYPE_SIZE: u64 = 1;

impl ModuleBuilder {
    /// Imports a function of type `type_index`, which has `arity` parameters and results together;
    /// returns its index. To be called before any function is defined.
    pub fn import_function(&mut self, name: &[u8], type_index: u64, arity: u64) -> u64 {
        let index = self.next_function();
        let ty = u32::try_from(type_index).expect("types are counted in 32 bits");
        self.import_each(EntityType::Function(ty), arity, 1, |_, out| out.extend(name));
        index
    }

    /// Imports `count` entities of type `ty`, the k-th by the name that `name(k, out)` writes.
    /// Functions and tags have `arity` parameters and results together.
    pub fn import_each(
        &mut self,
        ty: EntityType,
        arity: u64,
        count: u64,
        mut name: impl FnMut(u64, &mut Vec<u8>),
    ) {
        let mut encoded = Vec::new();
        ty.encode(&mut encoded);
        let mut longest = IMPORT_MODULE.len();
        let mut text = Vec::new();
        self.imports.push_each(count, |k, out| {
            text.clear();
            name(k, &mut text);
            longest = longest.max(text.len());
            IMPORT_MODULE.encode(out);
            text.encode(out);
            out.extend_from_slice(&encoded);
        });
        let own = u32::try_from(count).expect("imports are counted in 32 bits");
        let (imported, size) = match ty {
            EntityType::Function(_) | EntityType::FunctionExact(_) => {
                (&mut self.imported.functions, FUNCTION_TYPE_SIZE + arity)
            }
            EntityType::Tag(_) => (&mut self.imported.tags, FUNCTION_TYPE_SIZE + arity),
            EntityType::Table(_) => (&mut self.imported.tables, OTHER_TYPE_SIZE),
            EntityType::Memory(_) => (&mut self.imported.memories, OTHER_TYPE_SIZE),
            EntityType::Global(_) => (&mut self.imported.globals, OTHER_TYPE_SIZE),
        };
        *imported += own;
        self.border(count, size, longest);
    }

    /// Exports function `index`, whose type has `arity` parameters and results together.
    pub fn export_function(&mut self, name: &[u8], index: u64, arity: u64) {
        self.export_each(ExportKind::Func, arity, 1, |_, out| {
            out.extend(name);
            index
        });
    }

    /// Exports `count` entities of one kind, the k-th by the name that `write(k, name)` writes and
    /// with the index that it returns. Functions and tags have `arity` parameters and results.
    pub fn export_each(
        &mut self,
        kind: ExportKind,
        arity: u64,
        count: u64,
        mut write: impl FnMut(u64, &mut Vec<u8>) -> u64,
    ) {
        let mut longest = 0;
        let mut text = Vec::new();
        self.exports.push_each(count, |k, out| {
            text.clear();
            let index = write(k, &mut text);
            longest = longest.max(text.len());
            text.encode(out);
            kind.encode(out);
            leb(index, out);
        });
        let size = match kind {
            ExportKind::Func | ExportKind::Tag => FUNCTION_TYPE_SIZE + arity,
            ExportKind::Table | ExportKind::Memory | ExportKind::Global => OTHER_TYPE_SIZE,
        };
        self.border(count, size, longest);
    }

    /// Records `count` imports or exports of this type size and this longest name.
    fn border(&mut self, count: u64, type_size: u64, name_bytes: usize) {
        self.usage.add("type-size", count.saturating_mul(type_size));
        if count > 0 {
            self.usage.raise("name-bytes", name_bytes as u64);
        }
    }

    /// Defines `count` equal memories of at least `pages` pages; returns the first one's index.
    pub fn memory(&mut self, pages: u64, memory64: bool, count: u64) -> u64 {
        let index = u64::from(self.imported.memories) + self.memories.count();
        let (minimum, maximum, shared, page_size_log2) = (pages, None, false, None);
        let ty = MemoryType { minimum, maximum, memory64, shared, page_size_log2 };
        push_repeat(&mut self.memories, &ty, count);
        if count > 0 {
            self.memory_usage(&ty);
        }
        index
    }

    /// Records the size of a memory, and what it needs.
    pub fn memory_usage(&mut self, ty: &MemoryType) {
        let id = if ty.memory64 { "memory64-pages" } else { "memory32-pages" };
        self.usage.raise(id, ty.minimum.max(ty.maximum.unwrap_or(0)));
        self.proposals.extend(ty.memory64.then_some(Proposal::Memory64));
        self.proposals.extend(ty.page_size_log2.map(|_| Proposal::CustomPageSizes));
    }

    /// Defines `count` equal tables; returns the index of the first.
    pub fn table(&mut self, ty: &TableType, count: u64) -> u64 {
        let index = u64::from(self.imported.tables) + self.tables.count();
        push_repeat(&mut self.tables, ty, count);
        self.usage.raise("table-entries", if count > 0 { ty.minimum } else { 0 });
        index
    }

    /// Defines a mutable global and returns its index.
    pub fn global(&mut self, ty: ValType, init: &ConstExpr) -> u64 {
        let mut init_bytes = Vec::new();
        init.encode(&mut init_bytes);
        self.global_repeat(ty, true, init_bytes, 1, 1)
    }

    /// Defines `count` equal globals with the `ops` operators of `init`, its `end` included in the
    /// bytes; returns the index of the first.
    pub fn global_repeat(
        &mut self,
        ty: ValType,
        mutable: bool,
        init: impl Into<Rope>,
        ops: u64,
        count: u64,
    ) -> u64 {
        let index = self.next_global();
        let mut item = Rope::new();
        item.push_with(|out| {
            ty.encode(out);
            out.push(u8::from(mutable));
        });
        item.append(init);
        self.globals.push_repeat(item, count);
        self.usage.raise("const-expr-ops", if count > 0 { ops } else { 0 });
        index
    }

    /// Index that the next defined global will have; imports must be complete by then.
    pub fn next_global(&self) -> u64 {
        u64::from(self.imported.globals) + self.globals.count()
    }
}

fn push_repeat(items: &mut Items, item: &impl Encode, count: u64) {
    let mut bytes = Vec::new();
    item.encode(&mut bytes);
    items.push_repeat(bytes, count);
}

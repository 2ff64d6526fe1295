//! The counts behind `headroom`: what each section of a module adds to the usage of each limit.
//!
//! Kept apart from the entry point because this follows the binary format section by section; what
//! function bodies and constant expressions use is counted in `limits/walk.rs`.

use wasmparser::{
    Data, DataKind, Element, ElementItems, ElementKind, Encoding, Export, ExternalKind, Import,
    MemoryType, Payload, Table, TableInit, TypeRef,
};

use crate::limits::type_space::{Arity, TypeSpace};
use crate::limits::{HeadroomError, Usage};

/// The size of a page that declares no size of its own, as a power of two.
const DEFAULT_PAGE_BYTES_LOG2: u32 = 16;
/// What the type of a function or tag costs of `type-size`, before its parameters and results.
const FUNCTION_TYPE_SIZE: u64 = 2;
/// What a table, memory or global costs of `type-size`.
const OTHER_TYPE_SIZE: u64 = 1;

/// The counts so far, and the index spaces that counting looks things up in.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) usage: Usage,
    pub(super) types: TypeSpace,
    /// The type of each function, imports first.
    functions: Vec<u32>,
    /// The type of each tag, imports first.
    tags: Vec<u32>,
    /// The index of the function whose body comes next.
    next_body: usize,
}

impl Survey {
    /// A survey of the module in `bytes`, before its first payload.
    pub(super) fn of_module(bytes: &[u8]) -> Survey {
        let mut survey = Survey::default();
        survey.usage.raise("module-bytes", length(bytes));
        survey
    }

    /// What the payloads counted so far use.
    pub(super) fn into_usage(self) -> Usage {
        self.usage
    }

    /// Counts what `payload` uses.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "wasmparser's payloads are open-ended, and those of components cannot occur"
    )]
    pub(super) fn payload(&mut self, payload: Payload<'_>) -> Result<(), HeadroomError> {
        match payload {
            Payload::Version { encoding: Encoding::Component, .. } => {
                return Err(HeadroomError::Component);
            }
            Payload::TypeSection(section) => {
                section.into_iter_with_offsets().try_for_each(|group| {
                    let (offset, group) = group?;
                    self.types.add_group(&group, offset, &mut self.usage)
                })?;
            }
            Payload::ImportSection(section) => {
                section.into_imports_with_offsets().try_for_each(|import| {
                    let (offset, import) = import?;
                    self.import(import, offset)
                })?;
            }
            Payload::FunctionSection(section) => {
                for type_index in section {
                    self.function(type_index?);
                }
            }
            Payload::TableSection(section) => {
                section.into_iter().try_for_each(|table| self.table(table?))?;
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    self.memory(memory?);
                }
            }
            Payload::TagSection(section) => {
                for tag in section {
                    self.tag(tag?.func_type_idx);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    self.usage.add("globals", 1);
                    self.const_expr(&global?.init_expr)?;
                }
            }
            Payload::ExportSection(section) => {
                section.into_iter_with_offsets().try_for_each(|export| {
                    let (offset, export) = export?;
                    self.export(export, offset)
                })?;
            }
            Payload::ElementSection(section) => {
                section.into_iter().try_for_each(|element| self.element(element?))?;
            }
            Payload::DataCountSection { count, .. } => {
                self.usage.raise("data-segments", u64::from(count));
            }
            Payload::DataSection(section) => {
                self.usage.raise("data-segments", u64::from(section.count()));
                section.into_iter().try_for_each(|data| self.data(&data?))?;
            }
            Payload::CodeSectionEntry(body) => self.body(&body)?,
            Payload::CustomSection(section) => self.name(section.name()),
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, import: Import<'_>, offset: usize) -> Result<(), HeadroomError> {
        self.usage.add("imports", 1);
        self.name(import.module);
        self.name(import.name);
        let type_size = match import.ty {
            TypeRef::Func(index) | TypeRef::FuncExact(index) => {
                self.function(index);
                self.next_body = self.functions.len();
                self.function_type_size(index, offset)?
            }
            TypeRef::Tag(tag) => {
                self.tag(tag.func_type_idx);
                self.function_type_size(tag.func_type_idx, offset)?
            }
            TypeRef::Table(ty) => {
                self.table(Table { ty, init: TableInit::RefNull })?;
                OTHER_TYPE_SIZE
            }
            TypeRef::Memory(ty) => {
                self.memory(ty);
                OTHER_TYPE_SIZE
            }
            TypeRef::Global(_) => {
                self.usage.add("globals", 1);
                OTHER_TYPE_SIZE
            }
        };
        self.usage.add("type-size", type_size);
        Ok(())
    }

    fn export(&mut self, export: Export<'_>, offset: usize) -> Result<(), HeadroomError> {
        self.usage.add("exports", 1);
        self.name(export.name);
        let type_of = |space: &'static str, types: &[u32]| {
            let unknown = HeadroomError::UnknownIndex { space, index: export.index, offset };
            let ty = usize::try_from(export.index).ok().and_then(|i| types.get(i).copied());
            ty.ok_or(unknown)
        };
        let type_size = match export.kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                self.function_type_size(type_of("function", &self.functions)?, offset)?
            }
            ExternalKind::Tag => self.function_type_size(type_of("tag", &self.tags)?, offset)?,
            ExternalKind::Table | ExternalKind::Memory | ExternalKind::Global => OTHER_TYPE_SIZE,
        };
        self.usage.add("type-size", type_size);
        Ok(())
    }

    fn function(&mut self, type_index: u32) {
        self.usage.add("functions", 1);
        self.functions.push(type_index);
    }

    fn tag(&mut self, type_index: u32) {
        self.usage.add("tags", 1);
        self.tags.push(type_index);
    }

    fn table(&mut self, table: Table<'_>) -> Result<(), HeadroomError> {
        self.usage.add("tables", 1);
        self.usage.raise("table-entries", table.ty.initial);
        match table.init {
            TableInit::RefNull => Ok(()),
            TableInit::Expr(expr) => self.const_expr(&expr),
        }
    }

    fn memory(&mut self, ty: MemoryType) {
        self.usage.add("memories", 1);
        let id = if ty.memory64 { "memory64-pages" } else { "memory32-pages" };
        // Pages of another size count by their bytes. A size above the default is invalid: it
        // counts as the default.
        let page_bytes_log2 = ty.page_size_log2.unwrap_or(DEFAULT_PAGE_BYTES_LOG2);
        let pages_per_default_log2 = DEFAULT_PAGE_BYTES_LOG2.saturating_sub(page_bytes_log2);
        let declared = ty.initial.max(ty.maximum.unwrap_or(0));
        self.usage.raise(id, declared.div_ceil(1 << pages_per_default_log2));
    }

    fn element(&mut self, element: Element<'_>) -> Result<(), HeadroomError> {
        self.usage.add("element-segments", 1);
        if let ElementKind::Active { offset_expr, .. } = &element.kind {
            self.const_expr(offset_expr)?;
        }
        match element.items {
            ElementItems::Functions(items) => {
                self.usage.raise("segment-entries", u64::from(items.count()));
            }
            ElementItems::Expressions(_, items) => {
                self.usage.raise("segment-entries", u64::from(items.count()));
                items.into_iter().try_for_each(|expr| self.const_expr(&expr?))?;
            }
        }
        Ok(())
    }

    fn data(&mut self, data: &Data<'_>) -> Result<(), HeadroomError> {
        match &data.kind {
            DataKind::Active { offset_expr, .. } => self.const_expr(offset_expr),
            DataKind::Passive => Ok(()),
        }
    }

    fn name(&mut self, name: &str) {
        self.usage.raise("name-bytes", length(name.as_bytes()));
    }

    fn function_type_size(&self, type_index: u32, offset: usize) -> Result<u64, HeadroomError> {
        let arity = self.types.arity(type_index, offset)?;
        Ok(FUNCTION_TYPE_SIZE + arity.params + arity.results)
    }

    /// The parameters and results of the function whose body comes next and starts at `offset`.
    pub(super) fn next_body_arity(&mut self, offset: usize) -> Result<Arity, HeadroomError> {
        let index = self.next_body;
        self.next_body += 1;
        let unknown = HeadroomError::UnknownIndex {
            space: "function",
            index: u32::try_from(index).unwrap_or(u32::MAX),
            offset,
        };
        self.types.arity(self.functions.get(index).copied().ok_or(unknown)?, offset)
    }
}

/// The number of `items`, as the unit of usages.
pub(super) fn length<T>(items: &[T]) -> u64 {
    saturate(items.len())
}

/// A count of things in memory, as the unit of usages.
pub(super) fn saturate(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

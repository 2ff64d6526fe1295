//! Imports: functions alone, and all kinds together.
//!
//! Finds what is done for each import: linking, a slot of the VM context for each (whose offsets
//! grow past what an addressing mode holds), a load of that slot at each use.

use super::{
    LITERAL_BYTES_MAX, MILLION, NAME_BYTES, Use, count, drops, fit, name, name_bytes, push_ints,
};
use crate::ops::Proposal;
use crate::shapes::parts::{axis, index, ints, padded, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Shape};
use wasm_encoder::{
    EntityType, GlobalType, MemoryType, RefType, TableType, TagKind, TagType, ValType,
};

/// N imported functions; used by `call`.
pub(crate) struct FunctionImports(pub(crate) Use);

impl Shape for FunctionImports {
    fn id(&self) -> &'static str {
        self.0.pick(["function-imports", "function-imports-used", "function-imports-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N imported functions",
            "N imported functions and one function that calls each",
            "N imported functions and for each a function that calls it",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            count("imported functions", MILLION, 50),
            param("params", "parameters of each", 0, 1_001, 1),
            param("results", "results of each", 0, 1_001, 1),
            NAME_BYTES,
            param("globals", "imported globals: each counts one for type-size", 0, MILLION, 0),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] =
            &[padded("type-size", "count", "globals"), axis("name-bytes", "name-bytes")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (params, results) = (args.get("params"), args.get("results"));
        let names = args.get("name-bytes");
        let item_bytes = 8 + 4 + name_bytes(names) + self.0.pick([0, 0, 2 * params + results + 8]);
        let count = fit(args.get("count"), item_bytes, LITERAL_BYTES_MAX);
        let globals = fit(args.get("globals"), 16, LITERAL_BYTES_MAX);
        let mut builder = ModuleBuilder::new();
        let ty = index(builder.func_type(&ints(params), &ints(results)));
        builder.proposals.extend((results > 1).then_some(Proposal::MultiValue));
        builder.import_each(EntityType::Function(ty), params + results, count, |k, out| {
            name(k, names, out);
        });
        builder.import_each(EntityType::Global(GLOBAL), 0, globals, |k, out| name(k, 0, out));
        self.0.finish(builder, count, |code, k| {
            push_ints(code, k, params);
            code.call(k);
            drops(code, results);
        })
    }
}

/// Imports of the other kinds; used by reading globals, asking for sizes, throwing and catching.
pub(crate) struct Imports(pub(crate) Use);

const GLOBAL: GlobalType = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
const TABLE: TableType = TableType {
    element_type: RefType::FUNCREF,
    table64: false,
    minimum: 1,
    maximum: None,
    shared: false,
};
const MEMORY: MemoryType =
    MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None };

impl Shape for Imports {
    fn id(&self) -> &'static str {
        self.0.pick(["imports", "imports-used", "imports-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N imported globals, tables, memories and tags",
            "N imported globals, tables, memories and tags and one function that uses each",
            "N imported globals, tables, memories and tags and for each a function that uses it",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            param("globals", "imported globals", 0, MILLION, 20),
            param("tables", "imported tables", 0, 100_001, 2),
            param("memories", "imported memories", 0, 101, 2),
            param("tags", "imported tags", 0, MILLION, 0),
            NAME_BYTES,
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[
            axis("imports", "globals"),
            axis("tables", "tables"),
            axis("memories", "memories"),
            axis("type-size", "tags"),
            axis("name-bytes", "name-bytes"),
        ];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let names = args.get("name-bytes");
        let item_bytes = 8 + 6 + name_bytes(names) + self.0.pick([0, 0, 24]);
        // What one kind leaves of the memory is for the next.
        let mut left = LITERAL_BYTES_MAX;
        let [globals, tables, memories, tags] =
            ["globals", "tables", "memories", "tags"].map(|param| {
                let count = fit(args.get(param), item_bytes, left);
                left = left.saturating_sub(count * item_bytes);
                count
            });
        let mut builder = ModuleBuilder::new();
        let import = |builder: &mut ModuleBuilder, ty, count| {
            builder.import_each(ty, 0, count, |k, out| name(k, names, out));
        };
        import(&mut builder, EntityType::Global(GLOBAL), globals);
        import(&mut builder, EntityType::Table(TABLE), tables);
        import(&mut builder, EntityType::Memory(MEMORY), memories);
        if tables > 0 {
            builder.usage.raise("table-entries", TABLE.minimum);
            // For the operator that uses one.
            builder.proposals.insert(Proposal::ReferenceTypes);
        }
        if memories > 0 {
            builder.memory_usage(&MEMORY);
        }
        if tags > 0 {
            let func_type_idx = index(builder.func_type(&[], &[]));
            let tag = TagType { kind: TagKind::Exception, func_type_idx };
            import(&mut builder, EntityType::Tag(tag), tags);
            builder.proposals.insert(Proposal::Exceptions);
            super::tags::raise_use(self.0, &mut builder);
        }
        let (first_memory, first_tag) = (globals + tables, globals + tables + memories);
        self.0.finish_sum(builder, first_tag + tags, |code, k| match u64::from(k) {
            i if i < globals => {
                code.global_get(k);
            }
            i if i < first_memory => {
                code.table_size(index(i - globals));
            }
            i if i < first_tag => {
                code.memory_size(index(i - first_memory));
            }
            i => {
                super::tags::throw_and_catch(code, index(i - first_tag), 0, None);
                code.i32_const(super::small(k));
            }
        })
    }
}

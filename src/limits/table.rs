//! The rows of the table, one for each limit that some source states or that nobody does.
//!
//! Rows stand in the order in which a module meets them: the whole module, its types, what it
//! declares and how large, functions and their bodies, names, and last what nobody limits. New rows
//! go to the end: ids and their order are append-only, because recipes and findings speak of them.
//!
//! "JS API" is the section "Implementation-defined limits" of the WebAssembly JavaScript interface.
//! "wasmparser" is 0.254, read in its source and probed. "Wasmtime" is read in the source of
//! 48.0.8. "V8" is read in a copy of its `src/wasm/wasm-limits.h` of unknown version and never
//! probed; rows that the copy has no constant for, or that are known to move (imports, exports,
//! 64-bit memories), have no value.

use crate::limits::{Limit, LimitKind};

/// 1 GiB.
const MODULE_BYTES_MAX: u64 = 1 << 30;
/// The magic number and the version.
const EMPTY_MODULE_BYTES: u64 = 8;
/// The bytes of a function body at its limit.
const FUNCTION_BODY_BYTES_MAX: u64 = 7_654_321;
/// The bytes of an empty body: a local declaration count of 0, and `end`.
const EMPTY_BODY_BYTES: u64 = 2;
/// `block`, its block type, and its `end`.
const NESTED_BLOCK_BYTES: u64 = 3;
/// The shortest operators that push a value: `i32.const 0`, `local.get 0`.
const PUSH_BYTES: u64 = 2;
/// `unreachable`, which lets a body end with operands left on the stack.
const UNREACHABLE_BYTES: u64 = 1;

/// The greatest effective type size below wasmparser's 1,000,000, less the 1 that a module starts
/// at.
const TYPE_SIZE_MAX: u64 = 999_998;

/// What a row is unless it says otherwise: static, and limited by nobody.
const NOBODY: Limit = Limit {
    id: "",
    title: "",
    kind: LimitKind::Static,
    unit: "",
    min: 0,
    js_api: None,
    wasmparser: None,
    wasmtime: None,
    v8: None,
    stress: None,
    note: "",
};

/// A row that the JS API, wasmparser and V8 limit alike.
const fn all(value: u64) -> Limit {
    Limit { js_api: Some(value), wasmparser: Some(value), v8: Some(value), ..NOBODY }
}

/// Every limit that brink knows, in the order that this file documents.
pub const LIMITS: &[Limit] = &[
    Limit {
        id: "module-bytes",
        title: "size of a module",
        unit: "bytes",
        min: EMPTY_MODULE_BYTES,
        js_api: Some(MODULE_BYTES_MAX),
        v8: Some(MODULE_BYTES_MAX),
        note: "JS API; wasmparser checks it for modules nested in components only",
        ..NOBODY
    },
    Limit {
        id: "types",
        title: "types of a module",
        unit: "types",
        note: "JS API; wasmparser counts the types of all recursion groups together",
        ..all(1_000_000)
    },
    Limit {
        id: "rec-groups",
        title: "recursion groups of a module",
        unit: "recursion groups",
        js_api: Some(1_000_000),
        wasmparser: Some(1_000_000),
        note: "JS API; wasmparser checks the count of the type section, empty groups included",
        ..NOBODY
    },
    Limit {
        id: "rec-group-types",
        title: "types of one recursion group",
        unit: "types",
        js_api: Some(1_000_000),
        wasmparser: Some(1_000_000),
        note: "JS API; wasmparser checks it as it reads a group",
        ..NOBODY
    },
    Limit {
        id: "subtype-depth",
        title: "depth of a subtype chain",
        unit: "supertypes",
        note: "JS API; a type without supertype has depth 0, so 63 is a chain of 64 types",
        ..all(63)
    },
    Limit {
        id: "functions",
        title: "functions of a module, imports included",
        unit: "functions",
        note: "the JS API and V8 limit those defined, wasmparser those and the imports together",
        ..all(1_000_000)
    },
    Limit {
        id: "imports",
        title: "imports of a module",
        unit: "imports",
        js_api: Some(1_000_000),
        wasmparser: Some(1_000_000),
        stress: Some(TYPE_SIZE_MAX),
        note: "JS API; each also costs 1 or more of wasmparser's type-size, which bites first",
        ..NOBODY
    },
    Limit {
        id: "exports",
        title: "exports of a module",
        unit: "exports",
        js_api: Some(1_000_000),
        wasmparser: Some(1_000_000),
        stress: Some(TYPE_SIZE_MAX),
        note: "JS API; each also costs 1 or more of wasmparser's type-size, which bites first",
        ..NOBODY
    },
    Limit {
        id: "type-size",
        title: "effective size of the types of all imports and exports",
        unit: "units",
        wasmparser: Some(TYPE_SIZE_MAX),
        note: "wasmparser: 2 + parameters + results for a function or tag, 1 for any other; \
               a module starts at 1 and must stay below 1,000,000",
        ..NOBODY
    },
    Limit {
        id: "globals",
        title: "globals of a module, imports included",
        unit: "globals",
        note: "the JS API limits those defined, wasmparser those defined and imported together",
        ..all(1_000_000)
    },
    Limit {
        id: "tags",
        title: "tags of a module, imports included",
        unit: "tags",
        note: "the JS API limits those defined, wasmparser those defined and imported together",
        ..all(1_000_000)
    },
    Limit {
        id: "data-segments",
        title: "data segments of a module",
        unit: "segments",
        note: "JS API; wasmparser checks the data count section and the data section",
        ..all(100_000)
    },
    Limit {
        id: "element-segments",
        title: "element segments of a module",
        unit: "segments",
        wasmparser: Some(100_000),
        v8: Some(10_000_000),
        note: "wasmparser; the JS API's text has none, its test limits.any.js uses 10,000,000",
        ..NOBODY
    },
    Limit {
        id: "tables",
        title: "tables of a module, imports included",
        unit: "tables",
        js_api: Some(100_000),
        wasmparser: Some(100),
        v8: Some(100_000),
        note: "JS API; wasmparser 0.254 has 100, 0.263 has 100,000",
        ..NOBODY
    },
    Limit {
        id: "table-entries",
        title: "entries of a table at run time",
        kind: LimitKind::Dynamic,
        unit: "entries",
        js_api: Some(10_000_000),
        v8: Some(10_000_000),
        note: "JS API; wasmparser checks only that a size fits the table's index type",
        ..NOBODY
    },
    Limit {
        id: "segment-entries",
        title: "entries of one element segment",
        unit: "entries",
        note: "JS API (table entries in an initialisation); wasmparser checks it for each segment",
        ..all(10_000_000)
    },
    Limit {
        id: "memories",
        title: "memories of a module",
        unit: "memories",
        js_api: Some(100),
        wasmparser: Some(100),
        v8: Some(100_000),
        note: "JS API, imports included in wasmparser; the JS API's test limits.any.js uses 1",
        ..NOBODY
    },
    Limit {
        id: "memory32-pages",
        title: "pages of a memory with 32-bit addresses",
        kind: LimitKind::Dynamic,
        unit: "pages",
        note: "JS API; wasmparser checks the declared minimum and maximum",
        ..all(65_536)
    },
    Limit {
        id: "memory64-pages",
        title: "pages of a memory with 64-bit addresses",
        kind: LimitKind::Dynamic,
        unit: "pages",
        js_api: Some((1 << 37) - 1),
        wasmparser: Some(1 << 48),
        note: "JS API; wasmparser checks the declared minimum and maximum: the address space",
        ..NOBODY
    },
    Limit {
        id: "function-params",
        title: "parameters of a function type",
        unit: "parameters",
        note: "JS API; wasmparser checks it as it reads a function type, used or not",
        ..all(1_000)
    },
    Limit {
        id: "function-results",
        title: "results of a function type",
        unit: "results",
        note: "JS API; wasmparser checks it as it reads a function type, used or not",
        ..all(1_000)
    },
    Limit {
        id: "block-params",
        title: "parameters of a block",
        unit: "parameters",
        note: "JS API (blocks use function types); wasmparser checks the function type",
        ..all(1_000)
    },
    Limit {
        id: "block-results",
        title: "results of a block",
        unit: "results",
        note: "JS API (blocks use function types); wasmparser checks the function type",
        ..all(1_000)
    },
    Limit {
        id: "function-body-bytes",
        title: "size of a function body",
        unit: "bytes",
        min: EMPTY_BODY_BYTES,
        note: "JS API, local declarations included; wasmparser since 0.240, without the size field",
        ..all(FUNCTION_BODY_BYTES_MAX)
    },
    Limit {
        id: "function-locals",
        title: "locals of a function, parameters included",
        unit: "locals",
        note: "JS API; wasmparser checks it after each local declaration",
        ..all(50_000)
    },
    Limit {
        id: "struct-fields",
        title: "fields of a struct type",
        unit: "fields",
        note: "JS API; wasmparser checks it as it reads a struct type",
        ..all(10_000)
    },
    Limit {
        id: "array-operands",
        title: "operands of an array.new_fixed",
        unit: "operands",
        js_api: Some(10_000),
        v8: Some(10_000),
        note: "JS API; wasmparser has none",
        ..NOBODY
    },
    Limit {
        id: "br-table-entries",
        title: "entries of a br_table, the default not counted",
        unit: "entries",
        wasmtime: Some(65_520),
        v8: Some(65_520),
        note: "Wasmtime 48.0.8, MAX_BR_TABLE_TARGETS: Cranelift and Winch, unreachable code too; \
               wasmparser allows 7,654,321, which no body can hold",
        ..NOBODY
    },
    Limit {
        id: "catches",
        title: "catch clauses of a try_table",
        unit: "clauses",
        wasmparser: Some(10_000),
        note: "wasmparser checks it as it reads a try_table",
        ..NOBODY
    },
    Limit {
        id: "handlers",
        title: "handlers of a resume",
        unit: "handlers",
        wasmparser: Some(10_000),
        note: "wasmparser checks it as it reads the table of a resume",
        ..NOBODY
    },
    Limit {
        id: "name-bytes",
        title: "length of an import, export or custom section name",
        unit: "bytes",
        wasmparser: Some(100_000),
        v8: Some(100_000),
        note: "wasmparser; the names inside the name section are not limited",
        ..NOBODY
    },
    Limit {
        id: "nesting-depth",
        title: "depth of nested blocks in a function",
        unit: "blocks",
        stress: Some((FUNCTION_BODY_BYTES_MAX - EMPTY_BODY_BYTES) / NESTED_BLOCK_BYTES),
        note: "nobody; as many empty blocks as a body holds",
        ..NOBODY
    },
    Limit {
        id: "operand-stack",
        title: "height of the operand stack of a function",
        unit: "operands",
        stress: Some((FUNCTION_BODY_BYTES_MAX - EMPTY_BODY_BYTES - UNREACHABLE_BYTES) / PUSH_BYTES),
        note: "nobody; as many single pushes as a body holds (a call can push 1,000 at once)",
        ..NOBODY
    },
    Limit {
        id: "const-expr-ops",
        title: "operators of a constant expression, the final end not counted",
        unit: "operators",
        stress: Some(999_999),
        note: "nobody; as many as a module has of most things, and odd as a chain of additions is",
        ..NOBODY
    },
];

#[cfg(test)]
mod tests;

//! Assembles a module from ropes and measures, while it does so, how much of each limit is used.
//!
//! Shapes only add things; what a module promises (accepted, refused, either) falls out of the
//! usage recorded here and the table of limits, so no shape states its own expectation.

mod externs;
mod functions;
mod items;
mod types;

use self::items::{leb_rope, raw_section, section};
use super::rope::Rope;
use crate::limits::{Expectation, Usage, headroom};
use crate::ops::{Counts, Prelude, Proposal, Sections};
use crate::promises::Promise;
use std::collections::BTreeSet;

pub use self::items::Items;
pub use self::types::func_type;

/// Name of the custom section that pads a module to an exact size.
const PAD_NAME: &[u8] = b"pad";

/// A module ready to be written, with what is known about it.
#[derive(Clone, Debug)]
pub struct Module {
    /// The bytes.
    pub bytes: Rope,
    /// What the bytes use and promise.
    pub facts: Facts,
}

/// What is known of a module from its construction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// How much of each limit the module uses.
    pub usage: Usage,
    /// Proposals beyond the first version of WebAssembly that the module needs.
    pub proposals: BTreeSet<Proposal>,
    /// Whether no access to linear memory in it may be left out by a compiler.
    pub accesses_count: bool,
    /// What comes of calling its exports, where its construction says so.
    pub promises: Vec<Promise>,
}

impl Facts {
    /// What every engine must do with the module.
    pub fn expectation(&self) -> Expectation {
        Expectation::of(&self.usage)
    }
}

/// A module under construction: one list of items for each section, in any order.
#[derive(Debug, Default)]
pub struct ModuleBuilder {
    /// Entries of the type section; each is a type or a recursion group.
    pub types: Items,
    /// Imports of all kinds.
    pub imports: Items,
    /// Type indices of the defined functions; [`ModuleBuilder::function`] adds to it.
    pub functions: Items,
    /// Defined tables.
    pub tables: Items,
    /// Defined memories.
    pub memories: Items,
    /// Defined tags.
    pub tags: Items,
    /// Defined globals.
    pub globals: Items,
    /// Exports.
    pub exports: Items,
    /// Index of the start function.
    pub start: Option<u64>,
    /// Element segments.
    pub elements: Items,
    /// Function bodies; [`ModuleBuilder::function`] adds to it.
    pub code: Items,
    /// Data segments.
    pub data: Items,
    /// Custom sections, written last; [`ModuleBuilder::custom`] adds to it.
    customs: Rope,
    /// Usage that the section counts do not show; shapes raise it where they know.
    pub usage: Usage,
    /// Proposals used.
    pub proposals: BTreeSet<Proposal>,
    /// Whether no access to linear memory may be left out by a compiler.
    pub accesses_count: bool,
    /// What comes of calling the exports.
    pub promises: Vec<Promise>,
    /// Sizes of the index spaces before anything that the shape declares.
    pub base: Counts,
    /// Imported entities by kind that the shape itself added (functions, tables, ...).
    pub imported: Counts,
    /// Types beyond one for each entry of the type section, and groups of none.
    extra_types: u64,
    empty_groups: u64,
}

impl ModuleBuilder {
    /// An empty module.
    pub fn new() -> ModuleBuilder {
        ModuleBuilder::default()
    }

    /// A module that starts with the prelude's declarations.
    pub fn with_prelude(prelude: &Prelude) -> ModuleBuilder {
        let mut builder = ModuleBuilder { base: prelude.counts(), ..ModuleBuilder::default() };
        let sections = prelude.sections();
        builder.types.push_section(&sections.types);
        builder.imports.push_section(&sections.imports);
        builder.tables.push_section(&sections.tables);
        builder.memories.push_section(&sections.memories);
        builder.tags.push_section(&sections.tags);
        builder.globals.push_section(&sections.globals);
        builder.elements.push_section(&sections.elements);
        builder.data.push_section(&sections.data);
        builder.proposals = prelude.proposals();
        builder.usage = prelude_usage(&sections);
        builder
    }

    /// Adds `count` equal custom sections.
    pub fn custom(&mut self, name: &[u8], content: Rope, count: u64) {
        let mut body = leb_rope(name.len() as u64);
        body.push(name);
        body.append(content);
        let mut custom = Rope::new();
        raw_section(&mut custom, 0, body);
        self.customs.push_repeat(custom, count);
        self.usage.raise("name-bytes", if count > 0 { name.len() as u64 } else { 0 });
    }

    /// Adds a custom section of `count` bytes whose length is always written in five bytes, so
    /// that one byte more of it is one byte more of the module.
    pub fn pad(&mut self, count: u64) {
        let mut body = leb_rope(PAD_NAME.len() as u64);
        body.push(PAD_NAME);
        body.push_repeat(vec![0], count);
        self.customs.push(&[0]);
        self.customs.push(&leb_of_five_bytes(body.len()));
        self.customs.append(body);
        self.usage.raise("name-bytes", PAD_NAME.len() as u64);
    }

    /// The finished module.
    pub fn finish(mut self) -> Module {
        self.count_usage();
        self.count_proposals();
        let mut bytes = Rope::from(b"\0asm\x01\0\0\0".as_slice());
        let data_count = self.data.count();
        let start = self.start;
        section(&mut bytes, 1, self.types);
        section(&mut bytes, 2, self.imports);
        section(&mut bytes, 3, self.functions);
        section(&mut bytes, 4, self.tables);
        section(&mut bytes, 5, self.memories);
        section(&mut bytes, 13, self.tags);
        section(&mut bytes, 6, self.globals);
        section(&mut bytes, 7, self.exports);
        if let Some(index) = start {
            raw_section(&mut bytes, 8, leb_rope(index));
        }
        section(&mut bytes, 9, self.elements);
        if data_count > 0 {
            raw_section(&mut bytes, 12, leb_rope(data_count));
        }
        section(&mut bytes, 10, self.code);
        section(&mut bytes, 11, self.data);
        bytes.append(self.customs);
        self.usage.raise("module-bytes", bytes.len());
        let ModuleBuilder { usage, proposals, accesses_count, promises, .. } = self;
        Module { bytes, facts: Facts { usage, proposals, accesses_count, promises } }
    }

    /// The proposals that plain counts of items tell of.
    fn count_proposals(&mut self) {
        let many = |id: &str| self.usage.get(id) > 1;
        let (memories, tables) = (many("memories"), many("tables"));
        self.proposals.insert(Proposal::Mvp);
        self.proposals.extend(memories.then_some(Proposal::MultiMemory));
        self.proposals.extend(tables.then_some(Proposal::ReferenceTypes));
    }

    /// The limits that are plain counts of items, imports included where the validator does so.
    fn count_usage(&mut self) {
        let imported = |base: u32, own: u32| u64::from(base) + u64::from(own);
        let types = self.next_type();
        let usage = &mut self.usage;
        usage.raise("types", types);
        usage.raise("rec-groups", self.types.count());
        usage.raise("rec-group-types", types.min(1));
        usage.raise("imports", self.imports.count());
        usage.raise("exports", self.exports.count());
        usage.raise(
            "functions",
            imported(self.base.functions, self.imported.functions) + self.functions.count(),
        );
        // The prelude's tables, memories, tags and globals are defined, hence already counted.
        usage.raise("tables", u64::from(self.imported.tables) + self.tables.count());
        usage.raise("memories", u64::from(self.imported.memories) + self.memories.count());
        usage.raise("tags", u64::from(self.imported.tags) + self.tags.count());
        usage.raise("globals", u64::from(self.imported.globals) + self.globals.count());
        usage.raise("element-segments", self.elements.count());
        usage.raise("data-segments", self.data.count());
    }
}

/// What the prelude uses, measured rather than restated: it is small.
fn prelude_usage(sections: &Sections) -> Usage {
    let mut module = wasm_encoder::Module::new();
    module.section(&sections.types).section(&sections.imports);
    module.section(&sections.tables).section(&sections.memories);
    module.section(&sections.tags).section(&sections.globals);
    module.section(&sections.elements).section(&sections.data);
    headroom(module.as_slice()).expect("the prelude is a module")
}

/// `value`, below 2^32, as LEB128 of the greatest length that the format allows.
fn leb_of_five_bytes(value: u64) -> [u8; 5] {
    let low = |shift: u32| u8::try_from(value >> shift & 0x7f).expect("seven bits");
    [low(0) | 0x80, low(7) | 0x80, low(14) | 0x80, low(21) | 0x80, low(28)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::rope::leb;
    use wasm_encoder::ValType;

    #[test]
    fn a_module_of_every_section_is_valid_and_its_usage_is_what_was_added() {
        let mut builder = ModuleBuilder::new();
        let ty = builder.func_type(&[ValType::I32], &[]);
        builder.rec_group(2, Rope::repeat(func_type(&[], &[]), 2));
        let empty = builder.next_type();
        builder.types.push(&func_type(&[], &[]));
        builder.function(ty, 1, &[(3, ValType::I64)], Rope::repeat(vec![0x01], 10));
        builder.function_each(empty, 5, |k, out| {
            out.push(0x41);
            leb(k, out);
            out.push(0x1a);
        });
        builder.memories.push(&[0x00, 0x01]);
        builder.globals.push_repeat(vec![0x7f, 0x00, 0x41, 0x00, 0x0b], 7);
        builder.declare_functions(0..6);
        builder.custom(b"x", Rope::repeat(vec![0], 9), 2);
        builder.start = Some(1);
        let module = builder.finish();
        wasmparser::Validator::new().validate_all(&module.bytes.to_vec()).unwrap();
        let usage = |id| module.facts.usage.get(id);
        assert_eq!(usage("types"), 4);
        assert_eq!(usage("rec-groups"), 3);
        assert_eq!(usage("functions"), 6);
        assert_eq!(usage("function-locals"), 4);
        assert_eq!(usage("function-body-bytes"), 1 + 2 + 10 + 1);
        assert_eq!(usage("globals"), 7);
        assert_eq!(usage("module-bytes"), module.bytes.len());
        assert_eq!(module.facts.expectation(), Expectation::Accept);
    }
}

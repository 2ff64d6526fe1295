//! What units need around them: the declarations of the module and the locals of the host function.
//!
//! A prelude declares exactly what its units refer to, so that a unit without SIMD never pulls in a
//! `v128` and an engine without a proposal never sees a trace of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use wasm_encoder::{RefType, ValType};

use crate::ops::emit;
use crate::ops::entity::{Entity, PARAMS_PER_TYPE, Resolve};
use crate::ops::table::{Proposal, Type};
use crate::ops::types;
use crate::ops::unit::Unit;

mod declare;

pub use declare::Sections;

/// Elements of each table; constant table indices stay below it.
pub(super) const TABLE_ELEMENTS: u32 = 1024;

/// The module name of every import.
pub const IMPORT_MODULE: &str = "brink";

/// What units need declared: types, sink-function imports, memory, tables, globals, tags, segments,
/// and the parameters of the function they stand in.
#[derive(Clone, Debug)]
pub struct Prelude {
    memory64: bool,
    small_pages: bool,
    indices: BTreeMap<Entity, u32>,
    counts: Counts,
    params: Vec<ValType>,
    locals: Vec<(u32, ValType)>,
    proposals: BTreeSet<Proposal>,
}

/// Sizes of the index spaces that a prelude fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Types.
    pub types: u32,
    /// Functions, all imported.
    pub functions: u32,
    /// Tables.
    pub tables: u32,
    /// Memories: none or one.
    pub memories: u32,
    /// Tags.
    pub tags: u32,
    /// Globals.
    pub globals: u32,
    /// Element segments.
    pub elements: u32,
    /// Data segments: none or one.
    pub data: u32,
}

impl Prelude {
    /// Declares nothing.
    pub fn empty() -> Prelude {
        Prelude::new(&[], false)
    }

    /// Declares what these units use; `memory64` makes their memory, should they have one, a 64-bit
    /// memory.
    pub fn new(units: &[&Unit], memory64: bool) -> Prelude {
        Prelude::with(units, memory64, BTreeSet::new())
    }

    /// Declares what these units use with any addressing; with `small_pages`, their memory has pages
    /// of one byte.
    pub fn for_any_addressing(units: &[&Unit], memory64: bool, small_pages: bool) -> Prelude {
        let addresses = BTreeSet::from([Entity::Memory, Entity::Base, Entity::Params(Type::Addr)]);
        let mut prelude = Prelude::with(units, memory64, addresses);
        prelude.small_pages = small_pages;
        if small_pages {
            prelude.proposals.insert(Proposal::CustomPageSizes);
        }
        prelude
    }

    fn with(units: &[&Unit], memory64: bool, mut entities: BTreeSet<Entity>) -> Prelude {
        let mut proposals = BTreeSet::new();
        for unit in units {
            entities.extend(emit::entities(unit, memory64));
            proposals.extend(unit.proposals());
        }
        let mut prelude = Prelude {
            memory64,
            small_pages: false,
            indices: BTreeMap::new(),
            counts: Counts::default(),
            params: Vec::new(),
            locals: Vec::new(),
            proposals,
        };
        for entity in entities {
            prelude.add(entity);
        }
        if memory64 && prelude.counts.memories > 0 {
            prelude.proposals.insert(Proposal::Memory64);
        }
        prelude
    }

    /// Entities come in their order: types before what uses them, parameters before locals.
    fn add(&mut self, entity: Entity) {
        let index = match entity {
            Entity::Declared(_) => take(&mut self.counts.types, 1),
            Entity::Callee(_) => take(&mut self.counts.functions, 1),
            Entity::CallTable | Entity::Table(_) => take(&mut self.counts.tables, 1),
            Entity::Memory => take(&mut self.counts.memories, 1),
            Entity::Tag(_) => take(&mut self.counts.tags, 1),
            Entity::Global(_) => take(&mut self.counts.globals, 1),
            Entity::CallElements | Entity::Elements | Entity::Referable(_) => {
                take(&mut self.counts.elements, 1)
            }
            Entity::Data => take(&mut self.counts.data, 1),
            Entity::Base => self.add_params(Type::Addr, 1),
            Entity::Params(ty) => self.add_params(ty, PARAMS_PER_TYPE),
            Entity::Scratch(_, ty) => {
                let index = self.local_count();
                self.locals.push((1, self.val_type(ty)));
                index
            }
            Entity::MultiValue => 0,
        };
        self.indices.insert(entity, index);
    }

    fn add_params(&mut self, ty: Type, count: u32) -> u32 {
        let index = self.local_count();
        let ty = self.val_type(ty);
        self.params.extend((0..count).map(|_| ty));
        index
    }

    /// Whether the units' memory is a 64-bit memory.
    pub fn memory64(&self) -> bool {
        self.memory64
    }

    /// The parameters of the host function; units read and write them as locals 0 and up. It has no
    /// results.
    pub fn params(&self) -> &[ValType] {
        &self.params
    }

    /// The parameters that units with [`AddressForm::Local`](crate::ops::AddressForm) take addresses
    /// from.
    pub fn address_params(&self) -> Range<u32> {
        let first = self.indices.get(&Entity::Params(Type::Addr)).copied();
        first.map_or(0..0, |first| first..first + PARAMS_PER_TYPE)
    }

    /// The parameter that units take the address from that nothing is in the way at: the one that
    /// results are stored to.
    pub fn base_param(&self) -> Option<u32> {
        self.indices.get(&Entity::Base).copied()
    }

    /// The locals that the host function declares first, after its parameters.
    pub fn locals(&self) -> &[(u32, ValType)] {
        &self.locals
    }

    /// Parameters and locals: the first free local index.
    pub fn local_count(&self) -> u32 {
        let params = u32::try_from(self.params.len()).expect("a few per type");
        params + self.locals.iter().map(|(count, _)| count).sum::<u32>()
    }

    /// Sizes of the index spaces.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The proposals that an engine must support for these declarations and their units.
    pub fn proposals(&self) -> BTreeSet<Proposal> {
        self.proposals.clone()
    }

    /// The value type that stands for a table type in this prelude's module.
    fn val_type(&self, ty: Type) -> ValType {
        types::val_type(ty, self.memory64, |declared| self.of(Entity::Declared(declared)))
    }

    fn ref_type(&self, ty: Type) -> RefType {
        let heap_type = types::heap_type(ty, |declared| self.of(Entity::Declared(declared)))
            .expect("only references have tables");
        RefType { nullable: true, heap_type }
    }

    /// The index of an entity.
    fn of(&self, entity: Entity) -> u32 {
        *self.indices.get(&entity).expect("a prelude declares everything that its own units use")
    }
}

/// Looks up what the prelude gave out.
impl Resolve for &Prelude {
    fn index(&mut self, entity: Entity) -> u32 {
        *self.indices.get(&entity).expect("the prelude was made for this unit")
    }
}

fn take(count: &mut u32, taken: u32) -> u32 {
    let index = *count;
    *count += taken;
    index
}

#[cfg(test)]
mod tests {
    use wasmparser::WasmFeatures;

    use super::*;
    use crate::ops::testing::{module, operators};

    fn prelude(text: &str, memory64: bool) -> Prelude {
        Prelude::new(&[&text.parse().unwrap()], memory64)
    }

    #[test]
    fn the_empty_prelude_declares_nothing() {
        let prelude = Prelude::empty();
        assert_eq!(prelude.counts(), Counts::default());
        assert_eq!(
            (prelude.params(), prelude.locals(), prelude.local_count()),
            (&[][..], &[][..], 0)
        );
        assert!(prelude.proposals().is_empty());
        operators(&module(&prelude, &[]), WasmFeatures::WASM1).unwrap();
    }

    #[test]
    fn a_unit_without_simd_declares_no_vector() {
        for op in crate::ops::operators() {
            let unit = Unit::closed(op).unwrap();
            let prelude = Prelude::new(&[&unit], false);
            let vectors = prelude.params().contains(&ValType::V128)
                || prelude.locals().iter().any(|(_, ty)| *ty == ValType::V128);
            assert!(!vectors, "{unit} takes its vectors from memory");
            assert_eq!(
                unit.proposals().contains(&Proposal::Simd),
                op.params.iter().chain(op.results).any(|ty| *ty == Type::V128),
                "{unit}"
            );
        }
        assert_eq!(
            prelude("v128.not(local) -> local", false).params(),
            [ValType::V128, ValType::V128]
        );
    }

    #[test]
    fn only_what_is_used_is_declared() {
        let prelude = prelude("i32.add(local, const) -> call", false);
        let wanted = Counts { types: 1, functions: 1, ..Counts::default() };
        assert_eq!(prelude.counts(), wanted);
        assert_eq!(prelude.params(), [ValType::I32, ValType::I32]);
        assert_eq!(prelude.local_count(), 2);
        assert_eq!(prelude.proposals(), BTreeSet::from([Proposal::Mvp]));
    }

    #[test]
    fn addresses_have_the_width_of_the_memory() {
        for (memory64, ty) in [(false, ValType::I32), (true, ValType::I64)] {
            let prelude = prelude("memory.grow(local) -> store", memory64);
            assert_eq!(prelude.params(), [ty; 3]);
            assert_eq!(prelude.memory64(), memory64);
            assert_eq!(prelude.proposals().contains(&Proposal::Memory64), memory64);
        }
        assert!(!prelude("i32.eqz(local) -> call", true).proposals().contains(&Proposal::Memory64));
    }

    #[test]
    fn several_units_share_one_prelude() {
        let units: Vec<Unit> =
            crate::ops::operators().map(|op| Unit::closed(op).unwrap()).collect();
        let prelude = Prelude::new(&units.iter().collect::<Vec<_>>(), false);
        let mut body = Vec::new();
        for unit in &units {
            unit.encode(&prelude, 7, &mut body);
        }
        operators(&module(&prelude, &body), WasmFeatures::all()).unwrap();
        assert_eq!(prelude.counts().memories, 1);
    }
}

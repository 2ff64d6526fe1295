//! The types of a module as far as counting needs them: how deep, and with how many parameters.
//!
//! Apart from `survey`, because this is the one index space that everything else looks things up
//! in.

use wasmparser::{CompositeInnerType, RecGroup, SubType};

use crate::limits::survey::{length, saturate};
use crate::limits::{HeadroomError, Usage};

/// The parameters and results of a function type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arity {
    pub(super) params: u64,
    pub(super) results: u64,
}

/// What counting must remember of a type.
#[derive(Clone, Copy, Debug)]
struct TypeFacts {
    /// Only function types have one.
    arity: Option<Arity>,
    /// The number of its supertypes, and of theirs.
    depth: u64,
}

/// The types read so far.
#[derive(Default)]
pub(super) struct TypeSpace {
    types: Vec<TypeFacts>,
}

impl TypeSpace {
    /// Appends the types of `group`, which stands at `offset`, and counts what they use.
    pub(super) fn add_group(
        &mut self,
        group: &RecGroup,
        offset: usize,
        usage: &mut Usage,
    ) -> Result<(), HeadroomError> {
        usage.add("rec-groups", 1);
        let count = saturate(group.types().len());
        usage.raise("rec-group-types", count);
        usage.add("types", count);
        group.types().try_for_each(|ty| {
            let depth = self.depth(ty, offset)?;
            usage.raise("subtype-depth", depth);
            self.types.push(TypeFacts { arity: count_items(ty, usage), depth });
            Ok(())
        })
    }

    /// The parameters and results of the function type `index`, which is used at `offset`.
    pub(super) fn arity(&self, index: u32, offset: usize) -> Result<Arity, HeadroomError> {
        let unknown = HeadroomError::UnknownIndex { space: "function type", index, offset };
        self.get(index).and_then(|facts| facts.arity).ok_or(unknown)
    }

    fn depth(&self, ty: &SubType, offset: usize) -> Result<u64, HeadroomError> {
        let Some(index) = ty.supertype_idx.and_then(|index| index.as_module_index()) else {
            return Ok(0);
        };
        // A supertype must come before its subtypes.
        let unknown = HeadroomError::UnknownIndex { space: "supertype", index, offset };
        Ok(self.get(index).ok_or(unknown)?.depth + 1)
    }

    fn get(&self, index: u32) -> Option<&TypeFacts> {
        self.types.get(usize::try_from(index).ok()?)
    }
}

/// Counts the fields, or the parameters and results, of one type, and returns the latter.
fn count_items(ty: &SubType, usage: &mut Usage) -> Option<Arity> {
    match &ty.composite_type.inner {
        CompositeInnerType::Func(ty) => {
            let arity = Arity { params: length(ty.params()), results: length(ty.results()) };
            usage.raise("function-params", arity.params);
            usage.raise("function-results", arity.results);
            Some(arity)
        }
        CompositeInnerType::Struct(ty) => {
            usage.raise("struct-fields", length(&ty.fields));
            None
        }
        CompositeInnerType::Array(_) | CompositeInnerType::Cont(_) => None,
    }
}

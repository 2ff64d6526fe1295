//! A small module for each proposal: whether an engine takes it says whether it has the proposal.

use super::{ModuleBuilder, Rope};
use crate::ops::{Prelude, Unit, operators};
use crate::proposals::Proposal;

/// A module that uses every operator of a proposal once, or what else the proposal brings.
pub fn specimen(proposal: Proposal) -> Vec<u8> {
    let text = match proposal {
        Proposal::MultiValue => "(module (func (result i32 i32) i32.const 1 i32.const 2))",
        Proposal::GcTypes => "(module (func (param externref)))",
        Proposal::Memory64 => "(module (memory i64 1) (func i64.const 0 i32.load drop))",
        Proposal::MultiMemory => "(module (memory 1) (memory 1))",
        Proposal::ExtendedConst => "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
        Proposal::CustomPageSizes => "(module (memory 1 (pagesize 1)))",
        Proposal::Mvp
        | Proposal::SignExtension
        | Proposal::SaturatingFloatToInt
        | Proposal::BulkMemory
        | Proposal::ReferenceTypes
        | Proposal::TailCall
        | Proposal::Threads
        | Proposal::Simd
        | Proposal::RelaxedSimd
        | Proposal::Exceptions
        | Proposal::Gc
        | Proposal::FunctionReferences
        | Proposal::WideArithmetic
        | Proposal::StackSwitching => return every_operator(proposal),
    };
    wat::parse_str(text).expect("a test parses every text")
}

fn every_operator(proposal: Proposal) -> Vec<u8> {
    let own = operators().filter(|operator| operator.proposal == proposal);
    let units: Vec<Unit> = own.filter_map(Unit::closed).collect();
    let prelude = Prelude::new(&units.iter().collect::<Vec<_>>(), false);
    let mut builder = ModuleBuilder::with_prelude(&prelude);
    let mut code = Vec::new();
    for unit in &units {
        unit.encode(&prelude, 0, &mut code);
    }
    let ty = builder.func_type(prelude.params(), &[]);
    builder.function(ty, prelude.params().len() as u64, prelude.locals(), Rope::from(code));
    builder.finish().bytes.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops;

    #[test]
    fn each_needs_its_proposal() {
        for &proposal in Proposal::ALL {
            let needed = ops::needs(&specimen(proposal)).expect("a valid module");
            assert!(needed.contains(&proposal), "{proposal}: {needed:?}");
        }
    }
}

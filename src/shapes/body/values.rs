//! P values that one call makes, one call changes and one call takes.
//!
//! A call is 2 bytes whatever it passes, so a body can spend its bytes on structure and still move
//! a thousand unknown and observable values through it.

use super::{Body, ints};
use wasm_encoder::{BlockType, InstructionSink};

/// Imported functions over a list of `i32`; none of them where the list is empty.
#[derive(Clone, Copy)]
pub(crate) struct Values {
    /// Type of a block that takes and gives the list.
    pub(crate) block: BlockType,
    functions: Option<Functions>,
}

#[derive(Clone, Copy)]
struct Functions {
    make: u32,
    change: u32,
    take: u32,
}

impl Values {
    /// Imports the functions for a list of `count`.
    pub(crate) fn import(body: &mut Body, count: u64) -> Values {
        let types = ints(count);
        let functions = (count > 0).then(|| Functions {
            make: body.import(&[], &types),
            change: body.import(&types, &types),
            take: body.import(&types, &[]),
        });
        Values { block: body.block_type(&types, &types), functions }
    }

    /// `[] -> [list]`.
    pub(crate) fn make(&self, code: &mut InstructionSink<'_>) {
        self.functions.iter().for_each(|functions| _ = code.call(functions.make));
    }

    /// `[list] -> [list]`.
    pub(crate) fn change(&self, code: &mut InstructionSink<'_>) {
        self.functions.iter().for_each(|functions| _ = code.call(functions.change));
    }

    /// `[list] -> []`.
    pub(crate) fn take(&self, code: &mut InstructionSink<'_>) {
        self.functions.iter().for_each(|functions| _ = code.call(functions.take));
    }
}

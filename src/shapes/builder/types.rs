//! Types: single ones, recursion groups, and the index space that both share.

use super::ModuleBuilder;
use crate::ops::Proposal;
use crate::shapes::rope::{Rope, leb};
use wasm_encoder::{Encode, ValType};

/// The first byte of a recursion group.
const REC_GROUP: u8 = 0x4e;

impl ModuleBuilder {
    /// Index that the next type will have.
    pub fn next_type(&self) -> u64 {
        self.types.count() + self.extra_types - self.empty_groups
    }

    /// Adds a recursion group of `size` types, whose `members` are encoded one after the other.
    pub fn rec_group(&mut self, size: u64, members: Rope) {
        let mut item = Rope::from(vec![REC_GROUP]);
        item.push_leb(size);
        item.append(members);
        self.types.push_rope(item);
        self.grouped(1, size);
    }

    /// Adds `count` recursion groups of `size` types; `write(k, out)` encodes those of the k-th.
    pub fn rec_group_each(
        &mut self,
        count: u64,
        size: u64,
        mut write: impl FnMut(u64, &mut Vec<u8>),
    ) {
        self.types.push_each(count, |k, out| {
            out.push(REC_GROUP);
            leb(size, out);
            write(k, out);
        });
        self.grouped(count, size);
    }

    /// Accounts for `count` entries of the type section that are groups of `size` types.
    fn grouped(&mut self, count: u64, size: u64) {
        self.extra_types += count * size.saturating_sub(1);
        self.empty_groups += if size == 0 { count } else { 0 };
        self.usage.raise("rec-group-types", if count > 0 { size } else { 0 });
    }

    /// Adds a function type and returns its index.
    pub fn func_type(&mut self, params: &[ValType], results: &[ValType]) -> u64 {
        let index = self.next_type();
        self.types.push(&func_type(params, results));
        self.usage.raise("function-params", params.len() as u64);
        self.usage.raise("function-results", results.len() as u64);
        self.proposals.extend((results.len() > 1).then_some(Proposal::MultiValue));
        index
    }
}

/// A function type as an entry of the type section.
pub fn func_type(params: &[ValType], results: &[ValType]) -> Vec<u8> {
    let mut out = vec![0x60];
    for list in [params, results] {
        leb(list.len() as u64, &mut out);
        list.iter().for_each(|ty| ty.encode(&mut out));
    }
    out
}

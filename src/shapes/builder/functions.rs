//! Functions: their declarations and bodies, one by one or many at once.

use super::ModuleBuilder;
use super::items::sized;
use crate::shapes::rope::{Rope, leb};
use std::ops::Range;
use wasm_encoder::{Encode, ValType};

impl ModuleBuilder {
    /// Index that the next defined function will have; imports must be complete by then.
    pub fn next_function(&self) -> u64 {
        u64::from(self.base.functions) + u64::from(self.imported.functions) + self.code.count()
    }

    /// Adds a function with `param_count` parameters (0 where it hardly matters), declared
    /// `locals` and a `body` without its final `end`; returns its index.
    pub fn function(
        &mut self,
        type_index: u64,
        param_count: u64,
        locals: &[(u32, ValType)],
        body: Rope,
    ) -> u64 {
        let index = self.next_function();
        self.function_repeat(type_index, param_count, locals, body, 1);
        index
    }

    /// Adds `count` functions that are all the same.
    pub fn function_repeat(
        &mut self,
        type_index: u64,
        param_count: u64,
        locals: &[(u32, ValType)],
        body: Rope,
        count: u64,
    ) {
        let mut index = Vec::new();
        leb(type_index, &mut index);
        self.functions.push_repeat(index, count);
        let declared: u64 = locals.iter().map(|(n, _)| u64::from(*n)).sum();
        let entry = code_entry(locals, body);
        if count > 0 {
            self.usage.raise("function-locals", param_count + declared);
            self.usage.raise("function-body-bytes", entry.len());
        }
        self.code.push_repeat(sized(entry), count);
    }

    /// Adds the functions `0..count`, the k-th with the body (without `end`) of `write(k, out)`.
    pub fn function_each(
        &mut self,
        type_index: u64,
        count: u64,
        mut write: impl FnMut(u64, &mut Vec<u8>),
    ) {
        let mut index = Vec::new();
        leb(type_index, &mut index);
        self.functions.push_repeat(index, count);
        let mut longest = 0;
        let mut body = Vec::new();
        self.code.push_each(count, |k, out| {
            body.clear();
            body.push(0);
            write(k, &mut body);
            body.push(0x0b);
            longest = longest.max(body.len() as u64);
            leb(body.len() as u64, out);
            out.extend_from_slice(&body);
        });
        self.usage.raise("function-body-bytes", longest);
    }

    /// Declares that these functions may be operands of `ref.func`.
    pub fn declare_functions(&mut self, indices: Range<u64>) {
        let count = indices.end.saturating_sub(indices.start);
        self.usage.raise("segment-entries", count);
        let mut item = vec![0x03, 0x00];
        leb(count, &mut item);
        indices.for_each(|index| leb(index, &mut item));
        self.elements.push(&item);
    }
}

/// The limit-relevant bytes of a code entry: locals, body and `end`, without the size in front.
fn code_entry(locals: &[(u32, ValType)], body: Rope) -> Rope {
    let mut entry = Rope::new();
    entry.push_with(|out| {
        leb(locals.len() as u64, out);
        for (count, ty) in locals {
            leb(u64::from(*count), out);
            ty.encode(out);
        }
    });
    entry.append(body);
    entry.push(&[0x0b]);
    entry
}

//! Tables.
//!
//! Finds what is done for each table: its base and bound in the VM context, and at each access the
//! check of bounds, Spectre mitigation, lazy initialisation of functions, write barriers.

use super::{Use, count, small};
use crate::ops::Proposal;
use crate::shapes::parts::{axis, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Shape};
use wasm_encoder::{RefType, TableType};

/// N tables; used by `table.get`, `table.set` and `table.size`.
pub(crate) struct Tables(pub(crate) Use);

impl Shape for Tables {
    fn id(&self) -> &'static str {
        self.0.pick(["tables", "tables-used", "tables-spread"])
    }

    fn summary(&self) -> &'static str {
        self.0.pick([
            "N tables",
            "N tables and one function that gets from, sets in and asks the size of each",
            "N tables and for each a function that gets from, sets in and asks the size of it",
        ])
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            count("tables", 100_001, 8),
            param("size", "entries of each table", 0, 10_000_001, 64),
            param("type", "0 funcref, 1 externref", 0, 1, 0),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("tables", "count")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (count, minimum) = (args.get("count"), args.get("size"));
        let element_type =
            if args.get("type") == 0 { RefType::FUNCREF } else { RefType::EXTERNREF };
        let (table64, maximum, shared) = (false, None, false);
        let ty = TableType { element_type, table64, minimum, maximum, shared };
        let mut builder = ModuleBuilder::new();
        builder.proposals.insert(Proposal::ReferenceTypes);
        builder.proposals.extend((element_type == RefType::EXTERNREF).then_some(Proposal::GcTypes));
        builder.table(&ty, count);
        self.0.finish_sum(builder, count, |code, k| {
            code.i32_const(small(k)).i32_const(small(k + 1)).table_get(k).table_set(k);
            code.table_size(k);
        })
    }
}

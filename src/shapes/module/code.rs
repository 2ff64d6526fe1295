//! A module as large as a module may be, made of functions.
//!
//! Finds what a gigabyte of code overflows: offsets of 32 bits, relocations that no longer reach,
//! memory that is held for each function.

use super::functions::bodies;
use super::{MILLION, count};
use crate::shapes::parts::{padded, param};
use crate::shapes::{Args, Axis, Module, Param, Shape};

/// N functions of B bytes, and a custom section that makes up for the rest.
pub(crate) struct Code;

impl Shape for Code {
    fn id(&self) -> &'static str {
        "code"
    }

    fn summary(&self) -> &'static str {
        "N functions of B bytes, up to the greatest size of a module"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            count("functions", MILLION, 4),
            param("bytes", "bytes of each body", 2, 7_654_322, 2_000),
            param("pad", "bytes of a custom section, to meet a size exactly", 0, 16 << 20, 0),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[padded("module-bytes", "count", "pad")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let (mut builder, _) = bodies(args.get("count"), args.get("bytes"));
        builder.pad(args.get("pad"));
        builder.finish()
    }
}

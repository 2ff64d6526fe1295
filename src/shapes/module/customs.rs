//! Custom sections: content that engines skip, and the one that they read.
//!
//! Finds what copies sections that nobody asked for, and what trusts the name section: names for
//! functions that need not be short, few or printable.

use super::{LITERAL_BYTES_MAX, MILLION, MODULE_BYTES_MAX, count, fit, name, name_bytes};
use crate::shapes::parts::{axis, padded, param};
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Rope, Shape, leb};
use wasm_encoder::Encode;

/// N custom sections of B bytes.
pub(crate) struct CustomSections;

impl Shape for CustomSections {
    fn id(&self) -> &'static str {
        "custom-sections"
    }

    fn summary(&self) -> &'static str {
        "N custom sections of B bytes"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            param("count", "custom sections", 1, MILLION, 4),
            param("bytes", "bytes of each", 0, (1 << 30) + 1, 100),
            param("pad", "bytes of one more, to meet a size exactly", 0, 16 << 20, 0),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[padded("module-bytes", "bytes", "pad")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let count = args.get("count");
        let bytes = args.get("bytes").min(MODULE_BYTES_MAX / count);
        let mut builder = ModuleBuilder::new();
        builder.custom(b"brink", Rope::repeat(vec![0], bytes), count);
        builder.pad(args.get("pad"));
        builder.finish()
    }
}

/// A name section with a name for each of N functions.
pub(crate) struct NameSection;

/// Id of the subsection with the names of functions.
const FUNCTION_NAMES: u8 = 1;

impl Shape for NameSection {
    fn id(&self) -> &'static str {
        "name-section"
    }

    fn summary(&self) -> &'static str {
        "N functions and a name section with a name of B bytes for each"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            count("functions", MILLION, 20),
            param("bytes", "bytes of each name, or as few more as make it unique", 0, 1 << 24, 20),
        ];
        PARAMS
    }

    fn axes(&self) -> &'static [Axis] {
        const AXES: &[Axis] = &[axis("functions", "count")];
        AXES
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let bytes = args.get("bytes");
        let count = fit(args.get("count"), 3 + name_bytes(bytes), LITERAL_BYTES_MAX);
        let mut builder = ModuleBuilder::new();
        let ty = builder.func_type(&[], &[]);
        builder.function_repeat(ty, 0, &[], Rope::new(), count);
        let mut names = Rope::new();
        names.push_leb(count);
        names.push_with(|out| {
            let mut text = Vec::new();
            for k in 0..count {
                text.clear();
                name(k, bytes, &mut text);
                leb(k, out);
                text.encode(out);
            }
        });
        let mut section = Rope::from(vec![FUNCTION_NAMES]);
        section.push_leb(names.len());
        section.append(names);
        builder.custom(b"name", section, 1);
        builder.finish()
    }
}

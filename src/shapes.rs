//! Shapes: the generators of modules.
//!
//! Nearly every published bug near the limits is "a small thing, N times" or "declare N things and
//! touch each of them in one function". A shape is one such form with numeric parameters. It says
//! how to build a module from a recipe and which limits its parameters press on; where `At` stands
//! for a parameter is found by measuring modules (`resolve`), and what a module promises falls out
//! of its measured usage, so a shape states neither.
//!
//! To add a shape: one file in a family folder (`body/`, `module/`) with a unit struct that
//! implements [`Shape`], and its line in [`SHAPES`]. Sweeps, lists, documentation and tests follow.

mod body;
mod builder;
mod check;
mod codec;
mod features;
mod module;
mod mutate;
mod parts;
mod random;
#[cfg(test)]
mod registry_tests;
mod resolve;
mod rope;
mod scale;
mod specimen;

use self::module::Use;
use crate::ops::UnitKind;

pub use self::body::accesses::{
    Exported, MemoryForm, Parameters, all_needed as accesses_all_needed,
    arguments as accesses_arguments, batch as accesses_batch, parameters as accesses_parameters,
    recipe as accesses_recipe, unit as accesses_unit,
};
pub use self::builder::{Facts, Items, Module, ModuleBuilder, func_type};
pub use self::check::{Args, RecipeCheckError, build, check, nearest_shape, shape, whole};
pub use self::codec::{CodecError, from_bytes, to_bytes};
pub use self::features::{features, minimised};
pub use self::mutate::{fresh, mutate, shrunk, small};
pub use self::random::seeded_unit;
pub use self::resolve::{ResolveError, default_recipe, resolve};
pub use self::rope::{Rope, leb};
pub use self::scale::{largest, scalable, scale, within_limits};
pub use self::specimen::specimen;

/// A generator of one module form.
pub trait Shape: Sync {
    /// Kebab-case name; append-only, since recipes carry it.
    fn id(&self) -> &'static str;

    /// One line: what the module looks like.
    fn summary(&self) -> &'static str;

    /// The numeric parameters, at least two; names are append-only and so is their order.
    fn params(&self) -> &'static [Param];

    /// The kind of unit that the shape repeats, if any.
    fn unit(&self) -> Option<UnitKind> {
        None
    }

    /// The limits that a sweep drives this shape to, and by which parameter.
    fn axes(&self) -> &'static [Axis];

    /// Builds the module. Called with parameters inside their ranges and a unit of the right kind;
    /// must be deterministic and must keep memory far below the size of the module.
    fn build(&self, args: &Args<'_>) -> Module;
}

/// One numeric parameter of a shape.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Kebab-case name, unique within the shape.
    pub name: &'static str,
    /// What is counted, in a few words.
    pub summary: &'static str,
    /// Least value.
    pub min: u64,
    /// Greatest value that the generator takes, past the limit where there is one: it bounds the
    /// work of building, not what is legal.
    pub max: u64,
    /// Value where a recipe says nothing.
    pub default: u64,
}

/// A limit that a shape presses on by moving one parameter.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Id of the limit.
    pub limit: &'static str,
    /// The parameter that moves the use of the limit, never downwards as it grows.
    pub param: &'static str,
    /// A parameter that adds exactly one to the use of the limit for each step, to meet a limit in
    /// bytes exactly where `param` moves in larger steps.
    pub pad: Option<&'static str>,
}

/// Every shape. Append-only: the position is the shape's number in the compact form of a recipe.
pub const SHAPES: &[&dyn Shape] = &[
    &body::repeat::Repeat,
    &body::chain::Chain,
    &body::tree::Tree,
    &body::nest::Nest,
    &body::loops::Loops,
    &body::diamonds::Diamonds,
    &body::locals::Locals,
    &body::live::Live,
    &body::calls::Calls,
    &body::br_table::BrTable,
    &body::consts::Consts,
    &body::locals_loops::LocalsLoops,
    &body::blocks_params::BlocksParams,
    &body::calls_results::CallsResults,
    &body::catches::Catches,
    &body::handlers::Handlers,
    &body::branches::Branches,
    &body::params_forward::ParamsForward,
    &body::operand_stack::OperandStack,
    &module::types::Types(Use::Declared),
    &module::types::Types(Use::OneFunction),
    &module::types::Types(Use::OwnFunctions),
    &module::rec_groups::RecGroups(Use::Declared),
    &module::rec_groups::RecGroups(Use::OneFunction),
    &module::rec_groups::RecGroups(Use::OwnFunctions),
    &module::rec_groups::RecGroup(Use::Declared),
    &module::rec_groups::RecGroup(Use::OneFunction),
    &module::rec_groups::RecGroup(Use::OwnFunctions),
    &module::subtypes::Subtypes(Use::Declared),
    &module::subtypes::Subtypes(Use::OneFunction),
    &module::subtypes::Subtypes(Use::OwnFunctions),
    &module::functions::Functions(Use::Declared),
    &module::functions::Functions(Use::OneFunction),
    &module::functions::Functions(Use::OwnFunctions),
    &module::imports::FunctionImports(Use::Declared),
    &module::imports::FunctionImports(Use::OneFunction),
    &module::imports::FunctionImports(Use::OwnFunctions),
    &module::imports::Imports(Use::Declared),
    &module::imports::Imports(Use::OneFunction),
    &module::imports::Imports(Use::OwnFunctions),
    &module::exports::Exports(Use::Declared),
    &module::exports::Exports(Use::OneFunction),
    &module::exports::Exports(Use::OwnFunctions),
    &module::globals::Globals(Use::Declared),
    &module::globals::Globals(Use::OneFunction),
    &module::globals::Globals(Use::OwnFunctions),
    &module::tables::Tables(Use::Declared),
    &module::tables::Tables(Use::OneFunction),
    &module::tables::Tables(Use::OwnFunctions),
    &module::table_entries::TableEntries(Use::Declared),
    &module::table_entries::TableEntries(Use::OneFunction),
    &module::table_entries::TableEntries(Use::OwnFunctions),
    &module::memories::Memories(Use::Declared),
    &module::memories::Memories(Use::OneFunction),
    &module::memories::Memories(Use::OwnFunctions),
    &module::segments::DataSegments(Use::Declared),
    &module::segments::DataSegments(Use::OneFunction),
    &module::segments::DataSegments(Use::OwnFunctions),
    &module::segments::ElementSegments(Use::Declared),
    &module::segments::ElementSegments(Use::OneFunction),
    &module::segments::ElementSegments(Use::OwnFunctions),
    &module::tags::Tags(Use::Declared),
    &module::tags::Tags(Use::OneFunction),
    &module::tags::Tags(Use::OwnFunctions),
    &module::structs::StructFields(Use::Declared),
    &module::structs::StructFields(Use::OneFunction),
    &module::structs::StructFields(Use::OwnFunctions),
    &module::arrays::ArrayOperands(Use::Declared),
    &module::arrays::ArrayOperands(Use::OneFunction),
    &module::arrays::ArrayOperands(Use::OwnFunctions),
    &module::const_exprs::ConstExprs(Use::Declared),
    &module::const_exprs::ConstExprs(Use::OneFunction),
    &module::const_exprs::ConstExprs(Use::OwnFunctions),
    &module::start::Start(Use::Declared),
    &module::start::Start(Use::OneFunction),
    &module::start::Start(Use::OwnFunctions),
    &module::memories::MemoryPages::Memory32,
    &module::memories::MemoryPages::Memory64,
    &module::names::Names,
    &module::customs::CustomSections,
    &module::customs::NameSection,
    &module::code::Code,
    &body::accesses::Accesses,
    &module::table_ends::TableEnds,
    &module::memory_ends::MemoryEnds,
    &module::data_image::DataImage,
    &module::struct_heap::StructHeap,
    &body::wide_calls::WideCalls,
    &body::frames::Frames,
    &body::throws::Throws,
];

/// Name of the parameter that pads.
pub const PAD_NAME: &str = "pad";

/// The parameter that pads a body or a module to an exact size; see [`Axis::pad`].
pub(crate) const PAD: Param = Param {
    name: PAD_NAME,
    summary: "bytes of `nop` after the rest, to meet a size exactly",
    min: 0,
    max: 2 * 7_654_321,
    default: 0,
};

/// The parameter by which a shape with a unit moves its memory from 32-bit to 64-bit addresses.
pub(crate) const MEMORY64: Param = Param {
    name: "memory64",
    summary: "1 for a memory with 64-bit addresses",
    min: 0,
    max: 1,
    default: 0,
};

/// The parameter for how many different copies of a unit stand in a row before they repeat.
pub(crate) const VARIANTS: Param = Param {
    name: "variants",
    summary: "different copies of the unit before they repeat",
    min: 1,
    max: 4096,
    default: 256,
};

/// The parameter that keeps copies of a unit apart where they repeat: a call ends every row of
/// variants, and no compiler may take a load after it for the same load before it.
pub(crate) const FENCE: Param = Param {
    name: "fence",
    summary: "1 for a call wherever the copies of the unit start to repeat",
    min: 0,
    max: 1,
    default: 1,
};

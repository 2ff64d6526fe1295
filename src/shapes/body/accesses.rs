//! Units that access linear memory, one or some in a function, with addresses of every form.
//!
//! What a unit reads goes through its operators to a sink in the same stretch of code, and nothing
//! else stands in between: a compiler may sink each load into its consumer. Every access counts.

use crate::ops::{AddressForm, Addressing, Offset, Prelude, Source, Step, Unit, UnitKind};
use crate::recipe::Recipe;
use crate::shapes::{Args, Axis, Module, ModuleBuilder, Param, Rope, Shape};
use std::ops::Range;
use wasm_encoder::{ExportKind, ValType};

/// `unit` once a function.
pub(crate) struct Accesses;

/// How the memory of the units is declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MemoryForm {
    /// 32-bit addresses.
    #[default]
    Memory32,
    /// 64-bit addresses.
    Memory64,
    /// 32-bit addresses, pages of one byte.
    SmallPages,
}

impl MemoryForm {
    /// All forms.
    pub const ALL: [MemoryForm; 3] =
        [MemoryForm::Memory32, MemoryForm::Memory64, MemoryForm::SmallPages];
}

/// What a module exports, beside its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exported {
    /// Nothing, not even that.
    None,
    /// The first function, as `run`.
    First,
    /// Every function, by its place.
    All,
}

/// What the parameters of a function mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// How many there are.
    pub count: usize,
    /// Those that the addresses of the unit's own accesses are made from.
    pub addresses: Range<u32>,
    /// The one to whose address results are stored, and which sums are made with.
    pub base: Option<u32>,
}

/// Name of the shape.
const ID: &str = "accesses";

impl Shape for Accesses {
    fn id(&self) -> &'static str {
        ID
    }

    fn summary(&self) -> &'static str {
        "N functions that each run a unit once, with addresses of a chosen form"
    }

    fn params(&self) -> &'static [Param] {
        const PARAMS: &[Param] = &[
            Param { name: "count", summary: "functions", min: 1, max: 1_000_001, default: 1 },
            Param {
                name: "address",
                summary: "0 a parameter, 1 a constant, 2 shifted, 3 a sum of two",
                min: 0,
                max: 3,
                default: 0,
            },
            Param {
                name: "offset",
                summary: "0 small, 1 none, 2 past every guard region",
                min: 0,
                max: 2,
                default: 0,
            },
            Param {
                name: "memory",
                summary: "0 with 32-bit addresses, 1 with 64-bit ones, 2 with pages of one byte",
                min: 0,
                max: 2,
                default: 0,
            },
        ];
        PARAMS
    }

    fn unit(&self) -> Option<UnitKind> {
        Some(UnitKind::Closed)
    }

    fn axes(&self) -> &'static [Axis] {
        const { &[Axis { limit: "functions", param: "count", pad: None }] }
    }

    fn build(&self, args: &Args<'_>) -> Module {
        let pick = |name: &str| usize::try_from(args.get(name)).expect("a small number");
        let addressing = Addressing {
            form: AddressForm::ALL[pick("address")],
            offset: Offset::ALL[pick("offset")],
        };
        let count = pick("count");
        let unit = [(args.unit().clone(), addressing)];
        let memory = MemoryForm::ALL[pick("memory")];
        functions(memory, std::iter::repeat_n(&unit[..], count), Exported::First)
    }
}

/// The recipe of one unit.
pub fn recipe(unit: &Unit, addressing: Addressing, memory: MemoryForm) -> Recipe {
    let place = |found: Option<usize>| found.and_then(|at| u64::try_from(at).ok()).unwrap_or(0);
    let address = AddressForm::ALL.iter().position(|form| *form == addressing.form);
    let offset = Offset::ALL.iter().position(|offset| *offset == addressing.offset);
    let memory = MemoryForm::ALL.iter().position(|form| *form == memory);
    Recipe::new(ID)
        .with("count", 1)
        .with("address", place(address))
        .with("offset", place(offset))
        .with("memory", place(memory))
        .with_unit(unit.clone())
}

/// The unit of a recipe of one function of this shape, where it is one whose results are the same
/// on every machine: a load and what it feeds, all other operands parameters. A longer one may make
/// a NaN, and engines choose its bits.
pub fn unit(recipe: &Recipe) -> Option<&Unit> {
    // The compact form leaves out what is at its default.
    let is_one = recipe.shape == ID && recipe.params.get("count").is_none_or(|count| *count == 1);
    let unit = recipe.unit.as_ref().filter(|_| is_one).map(|text| &text.0)?;
    let mut sources = unit.steps().iter().flat_map(|step| &step.operands);
    let plain = sources.all(|source| matches!(source, Source::Local | Source::Prev));
    (plain && unit.steps().len() <= 2).then_some(unit)
}

/// The arguments of the exported function of `recipe`, by which all that its unit accesses begins at
/// `address`; none for a recipe whose addresses are made otherwise. Results are stored at the start
/// of memory.
pub fn arguments(recipe: &Recipe, address: u64) -> Option<Vec<(ValType, u64)>> {
    let plain = [("address", 0), ("offset", 1), ("memory", 0), ("count", 1)];
    let is_plain = plain.iter().all(|(name, value)| recipe.params.get(*name) == Some(value));
    let unit = recipe.unit.as_ref().filter(|_| is_plain && recipe.shape == ID)?;
    let prelude = Prelude::for_any_addressing(&[&unit.0], false, false);
    let addresses = prelude.address_params();
    let value = |at| if addresses.contains(&at) { address } else { 0 };
    Some((0..).zip(prelude.params()).map(|(at, ty)| (*ty, value(at))).collect())
}

/// The parameters of a function of these units.
pub fn parameters<'a>(units: impl Iterator<Item = &'a Unit>) -> Parameters {
    let units: Vec<&Unit> = units.collect();
    let prelude = Prelude::for_any_addressing(&units, false, false);
    let count = prelude.params().len();
    Parameters { count, addresses: prelude.address_params(), base: prelude.base_param() }
}

/// Whether a compiler needs every access of a unit. Where there is no offset, only a chain is sure to
/// make one access at its address, from whose operator on each takes the result of the one before:
/// other operands may be loaded from where the result is stored, and so may what stands around an
/// operator.
pub fn all_needed(unit: &Unit, addressing: Addressing) -> bool {
    let mut steps = unit.steps().iter();
    let only = |step: &Step| !step.operands.contains(&Source::Load) && step.op.results.len() <= 1;
    let chained = |step: &Step| {
        step.op.access.is_none() && step.operands.contains(&Source::Prev) && only(step)
    };
    addressing.offset != Offset::Zero
        || (!unit.is_framed() && steps.next().is_some_and(only) && steps.all(chained))
}

/// A module with a function for each of `functions`, in their order: the units that it runs, and how
/// each makes its addresses. Where a function has several units, none may need an access that
/// another makes.
pub fn batch<'a>(
    memory: MemoryForm,
    functions: impl Iterator<Item = &'a [(Unit, Addressing)]> + Clone,
    exported: Exported,
) -> Module {
    self::functions(memory, functions, exported)
}

fn functions<'a>(
    memory: MemoryForm,
    functions: impl Iterator<Item = &'a [(Unit, Addressing)]> + Clone,
    exported: Exported,
) -> Module {
    let mut distinct: Vec<&Unit> = Vec::new();
    for (unit, _) in functions.clone().flatten() {
        if distinct.last() != Some(&unit) {
            distinct.push(unit);
        }
    }
    let memory64 = memory == MemoryForm::Memory64;
    let small_pages = memory == MemoryForm::SmallPages;
    let prelude = Prelude::for_any_addressing(&distinct, memory64, small_pages);
    let mut builder = ModuleBuilder::with_prelude(&prelude);
    builder.accesses_count =
        functions.clone().flatten().all(|(unit, addressing)| all_needed(unit, *addressing));
    let ty = builder.func_type(prelude.params(), &[]);
    let params = prelude.params().len() as u64;
    let mut variant = 0;
    for units in functions {
        let mut code = Rope::new();
        for (unit, addressing) in units {
            code.push_with(|out| unit.encode_at(&prelude, *addressing, variant, out));
            // Neighbours take their addresses from different parameters.
            variant += 1;
        }
        let index = builder.function(ty, params, prelude.locals(), code);
        let count = builder.exports.count();
        match exported {
            Exported::First if count == 0 => builder.export_function(b"run", index, params),
            Exported::All => builder.export_function(count.to_string().as_bytes(), index, params),
            Exported::First | Exported::None => {}
        }
    }
    if exported != Exported::None {
        builder.export_each(ExportKind::Memory, 0, 1, |_, out| {
            out.extend(b"memory");
            0
        });
    }
    builder.finish()
}

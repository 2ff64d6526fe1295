//! A module that was instantiated to be run at the end of its memory.

use crate::job::{Argument, EDGE_BASE, EdgeCall, EdgeRun};
use std::fmt;
use wasmtime::{
    Engine, Error, Extern, ExternType, Func, HeapType, Memory, Module, Result, Store, StoreLimits,
    StoreLimitsBuilder, Trap, Val, ValType,
};

/// The export that is the memory.
const MEMORY: &str = "memory";

/// Fuel enough for any call, and epochs.
const FUEL: u64 = 1 << 40;

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It returned.
    Returned,
    /// It trapped.
    Trapped(Trap),
    /// It ended otherwise, such as by an exception, and why.
    Failed(String),
}

impl End {
    /// Whether it trapped at memory.
    pub(super) fn is_at_memory(&self) -> bool {
        matches!(self, End::Trapped(Trap::MemoryOutOfBounds | Trap::HeapMisaligned))
    }

    /// Whether another engine may end the same call so. Which of two things that are wrong with an
    /// address is told, and the words of a failure, is left to engines.
    pub(super) fn is_as(&self, other: &End) -> bool {
        match (self, other) {
            (End::Failed(_), End::Failed(_)) => true,
            _ => self == other || (self.is_at_memory() && other.is_at_memory()),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Returned => f.write_str("returned"),
            End::Trapped(trap) => write!(f, "trapped ({trap})"),
            End::Failed(why) => write!(f, "failed ({why})"),
        }
    }
}

/// Most elements of a table: what was loaded may be how many more are asked for.
const TABLE_ELEMENTS_MAX: usize = 10_000;

/// What a store holds.
struct Held {
    /// A digest of what functions gave to those they call.
    digest: u64,
    limits: StoreLimits,
}

/// An instance.
pub(super) struct Instance {
    store: Store<Held>,
    memory: Memory,
    /// The functions with their parameters; those that are addresses are set for each call.
    functions: Vec<(Func, Vec<Val>, Vec<Argument>)>,
    /// What memory holds when it is new.
    pattern: Vec<u8>,
}

impl Instance {
    pub(super) fn new(engine: &Engine, module: &Module, run: &EdgeRun) -> Result<Instance> {
        let limits = StoreLimitsBuilder::new().table_elements(TABLE_ELEMENTS_MAX).build();
        let mut store = Store::new(engine, Held { digest: 0, limits });
        store.limiter(|held| &mut held.limits);
        // Where an engine does not count, there is nothing to set.
        let _ = store.set_fuel(FUEL);
        store.set_epoch_deadline(FUEL);
        let mut imports = Vec::new();
        for import in module.imports() {
            let ExternType::Func(ty) = import.ty() else {
                return Err(Error::msg(format!("it imports {}, no function", import.name())));
            };
            let function = Func::new(&mut store, ty, |mut caller, params, results| {
                let digest = &mut caller.data_mut().digest;
                for param in params.iter() {
                    *digest = mix(*digest, param);
                }
                // What is given is passed on: no function that units import gives anything else.
                results.iter_mut().zip(params).for_each(|(result, param)| *result = *param);
                Ok(())
            });
            imports.push(Extern::Func(function));
        }
        let instance = wasmtime::Instance::new(&mut store, module, &imports)?;
        let memory = instance
            .get_memory(&mut store, MEMORY)
            .ok_or_else(|| Error::msg("it exports no memory"))?;
        let mut functions = Vec::new();
        for function in &run.functions {
            let callee = instance
                .get_func(&mut store, &function.export)
                .ok_or_else(|| Error::msg(format!("it exports no {}", function.export)))?;
            let ty = callee.ty(&store);
            let values = ty.params().zip(&function.arguments).zip(0..);
            let values: Option<Vec<Val>> =
                values.map(|((ty, argument), at)| value(&ty, *argument, at)).collect();
            let values = values.ok_or_else(|| Error::msg("no host can give a continuation"))?;
            functions.push((callee, values, function.arguments.clone()));
        }
        let pattern = (0..memory.data_size(&store)).map(pattern).collect();
        Ok(Instance { store, memory, functions, pattern })
    }

    /// Makes memory as new.
    pub(super) fn reset(&mut self) {
        self.memory.data_mut(&mut self.store).copy_from_slice(&self.pattern);
        self.store.data_mut().digest = 0;
    }

    /// Calls the function at a place.
    pub(super) fn call(&mut self, place: u32, call: &EdgeCall) -> End {
        let Instance { store, functions, .. } = self;
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let Some((function, values, arguments)) = functions.get_mut(place) else {
            return End::Failed("there is no such function".to_owned());
        };
        for (value, argument) in values.iter_mut().zip(&*arguments) {
            if *argument == Argument::Address {
                set_address(value, call.address);
            }
        }
        match function.call(&mut *store, values, &mut []) {
            Ok(()) => End::Returned,
            Err(error) => match error.downcast_ref::<Trap>() {
                Some(trap) => End::Trapped(*trap),
                None => End::Failed(error.root_cause().to_string()),
            },
        }
    }

    /// Whether memory and what was given away are as in another instance.
    pub(super) fn left_the_same_as(&self, other: &Instance) -> bool {
        self.memory.data(&self.store) == other.memory.data(&other.store)
            && self.store.data().digest == other.store.data().digest
    }
}

/// What a byte of memory holds at first: all numbers made of such bytes are positive and finite, and
/// neighbours differ.
fn pattern(at: usize) -> u8 {
    const FIRST: u8 = 0x11;
    const COUNT: usize = 0x2f;
    FIRST + u8::try_from(at * 7 % COUNT).unwrap_or(0)
}

/// The value of a parameter; another one for each place. `None` where its type has none.
fn value(ty: &ValType, argument: Argument, at: u8) -> Option<Val> {
    let byte = 0x20 + at % 0x1f;
    let bytes = u64::from_le_bytes([byte; 8]);
    let mut value = match ty {
        ValType::I32 => Val::I32(i32::from(byte)),
        ValType::I64 => Val::I64(i64::from(byte)),
        ValType::F32 => Val::F32((1.5 + f32::from(at)).to_bits()),
        ValType::F64 => Val::F64((1.5 + f64::from(at)).to_bits()),
        ValType::V128 => Val::V128((u128::from(bytes) << 64 | u128::from(bytes)).into()),
        // A continuation has no value that a host could give.
        ValType::Ref(ty) if matches!(ty.heap_type().top(), HeapType::Cont) => return None,
        ValType::Ref(_) => Val::default_for_ty(ty)?,
    };
    if argument == Argument::Base {
        set_address(&mut value, EDGE_BASE);
    }
    Some(value)
}

/// Makes a number an address.
#[expect(clippy::wildcard_enum_match_arm, reason = "no others are addresses")]
fn set_address(value: &mut Val, address: u64) {
    match value {
        Val::I64(number) => *number = address.cast_signed(),
        Val::I32(number) => *number = u32::try_from(address).unwrap_or(u32::MAX).cast_signed(),
        _ => {}
    }
}

/// Adds a value to a digest. References have no bits that two engines would share.
#[expect(clippy::wildcard_enum_match_arm, reason = "references differ from release to release")]
fn mix(digest: u64, value: &Val) -> u64 {
    let bits = match value {
        Val::I32(bits) => u128::from(bits.cast_unsigned()),
        Val::I64(bits) => u128::from(bits.cast_unsigned()),
        Val::F32(bits) => u128::from(*bits),
        Val::F64(bits) => u128::from(*bits),
        Val::V128(bits) => bits.as_u128(),
        _ => 0,
    };
    // An odd multiplier spreads them; low and high halves count both.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let halves = [bits, bits >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)));
    halves
        .into_iter()
        .flatten()
        .fold(digest, |digest, half| (digest.rotate_left(5) ^ half).wrapping_mul(SPREAD))
}

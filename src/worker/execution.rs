//! Instantiates what was compiled and calls it, as an embedder does, and holds every call against what
//! the module promises.

use super::compat;
use crate::job::{Allocator, Execution, Job};
use crate::outcome::{ExecutionCheck, WrongCall, WrongKind, shorten};
use crate::promises::{End, Promise};
use crate::proposals::Proposal;
use wasmtime::{
    Config, Engine, Error, GcHeapOutOfMemory, Instance, InstanceAllocationStrategy, Module,
    PoolingAllocationConfig, Store, StoreLimits, StoreLimitsBuilder, Trap, Val,
};

/// The heap of the garbage collector, in bytes, at most: so small that filling it takes little of
/// the machine, and far above what may not run out.
const HEAP_BYTES_MAX: usize = 128 << 20;

/// Fuel enough for any call, and epochs.
const FUEL: u64 = 1 << 40;

/// What a pool sets aside: one instance of whatever the limits allow.
const POOL_MEMORIES: u32 = 100;
const POOL_TABLES: u32 = 100;
const POOL_TABLE_ENTRIES: usize = 10_000_000;
const POOL_MEMORY_BYTES: usize = 1 << 32;
const POOL_INSTANCE_BYTES: usize = 64 << 20;

/// What an instantiation that goes wrong is called among the calls.
const INSTANTIATE: &str = "(instantiate)";

/// Configures an engine for what is to be run.
pub(super) fn configure(config: &mut Config, job: &Job, execution: &Execution) {
    let stack = Execution::stack_bytes(job.backend.knobs.stack_bytes);
    config.max_wasm_stack(usize::try_from(stack).unwrap_or(usize::MAX));
    compat::no_backtraces(config);
    config.allocation_strategy(match execution.allocator {
        Allocator::OnDemand => InstanceAllocationStrategy::OnDemand,
        Allocator::Pooling => {
            let mut pool = PoolingAllocationConfig::new();
            pool.total_core_instances(1).max_core_instance_size(POOL_INSTANCE_BYTES);
            pool.total_memories(POOL_MEMORIES).max_memories_per_module(POOL_MEMORIES);
            pool.max_memory_size(POOL_MEMORY_BYTES);
            pool.total_tables(POOL_TABLES).max_tables_per_module(POOL_TABLES);
            pool.table_elements(POOL_TABLE_ENTRIES).total_gc_heaps(1);
            InstanceAllocationStrategy::Pooling(pool)
        }
    });
}

/// Instantiates the module and makes every call that is promised.
pub(super) fn run(
    engine: &Engine,
    module: &Module,
    job: &Job,
    execution: &Execution,
) -> ExecutionCheck {
    let mut check = ExecutionCheck::default();
    let mut limits = StoreLimitsBuilder::new();
    if job.proposals.contains(&Proposal::Gc) {
        // A heap is a memory to a store; modules that fill one have no other.
        limits = limits.memory_size(HEAP_BYTES_MAX);
    }
    let mut store = Store::new(engine, limits.build());
    store.limiter(|limits| limits);
    // Where an engine does not count, there is nothing to set.
    let _ = store.set_fuel(FUEL);
    store.set_epoch_deadline(FUEL);
    let instance = match Instance::new(&mut store, module, &[]) {
        Ok(instance) => instance,
        Err(error) => {
            let words = shorten(&format!("{error:#}"));
            if is_wrong(&error) {
                check.wrong.push(WrongCall {
                    export: INSTANTIATE.to_owned(),
                    kind: WrongKind::OtherEnd,
                    promised: "is instantiated".to_owned(),
                    came: format!("failed: {words}"),
                });
            } else {
                check.refusal = Some(words);
            }
            return check;
        }
    };
    for promise in &execution.promises {
        let came = call(&mut store, &instance, promise);
        let place = promise.ends.iter().position(|end| came.as_ref() == Ok(end));
        check.ends.push(place.and_then(|place| u32::try_from(place).ok()));
        if place.is_some() {
            continue;
        }
        let promised: Vec<String> = promise.ends.iter().map(End::to_string).collect();
        let values = |end: &End| matches!(end, End::Returns(_));
        let both = came.as_ref().is_ok_and(values) && promise.ends.iter().any(values);
        check.wrong.push(WrongCall {
            export: promise.export.clone(),
            kind: if both { WrongKind::OtherValues } else { WrongKind::OtherEnd },
            promised: promised.join(" or "),
            came: came.map_or_else(|words| shorten(&words), |end| end.to_string()),
        });
    }
    check
}

/// Whether an instantiation ended as it may not: no module that promises anything traps in it, and only
/// for want of memory an engine may say no.
fn is_wrong(error: &Error) -> bool {
    error.downcast_ref::<Trap>().is_some_and(|trap| *trap != Trap::AllocationTooLarge)
}

/// How a call ends; in words where it is none of the ends that can be promised.
fn call(
    store: &mut Store<StoreLimits>,
    instance: &Instance,
    promise: &Promise,
) -> Result<End, String> {
    let function = instance
        .get_func(&mut *store, &promise.export)
        .ok_or_else(|| "found no such export".to_owned())?;
    let arguments: Vec<Val> = promise.arguments.iter().map(|&value| Val::I64(value)).collect();
    let mut results = vec![Val::I64(0); function.ty(&*store).results().len()];
    match function.call(&mut *store, &arguments, &mut results) {
        Ok(()) => {
            let values: Option<Vec<i64>> = results.iter().map(Val::i64).collect();
            values.map(End::Returns).ok_or_else(|| "returned what is no i64".to_owned())
        }
        Err(error) => end(&error).ok_or_else(|| format!("failed: {error:#}")),
    }
}

/// The end that an error stands for, if it is one that can be promised.
#[expect(clippy::wildcard_enum_match_arm, reason = "releases add traps")]
fn end(error: &Error) -> Option<End> {
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return match trap {
            Trap::StackOverflow => Some(End::StackOverflow),
            Trap::MemoryOutOfBounds | Trap::TableOutOfBounds => Some(End::OutOfBounds),
            Trap::AllocationTooLarge => Some(End::HeapExhausted),
            _ => None,
        };
    }
    if error.is::<GcHeapOutOfMemory<()>>() {
        return Some(End::HeapExhausted);
    }
    compat::is_thrown(error).then_some(End::Throws)
}

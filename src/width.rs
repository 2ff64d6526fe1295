//! Width: whether each machine access to linear memory is exactly as wide as the Wasm access that
//! it stands for, on x86-64.
//!
//! The compiler says of each instruction that may trap where, and of each stretch of code which
//! operator it is for. From the first come the machine accesses, from the second the Wasm operator.
//! An instruction that does its operator's own access must have its width. Where a load was sunk
//! into its consumer, the instruction is for the consumer, and the operands of that are traced back
//! to the loads that feed it.

mod assign;
mod check;
mod code;
mod edge;
mod error;
mod feeds;
mod fit;
mod image;
mod judge;
mod jump_table;
mod lookup;
mod matrix;
mod module;
mod pointers;
mod quick;
mod reach;
mod rows;
mod trace;

pub use self::check::check;
pub use self::edge::edge_run;
pub use self::error::CheckError;
pub use self::matrix::{Batch, Batches, Depth, Point, batches};

/// Offsets and indices are 32-bit numbers in modules and artifacts.
fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

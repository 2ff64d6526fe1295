//! Runs at the end of memory: which functions to call, by which arguments, and what must come of it.

use serde::{Deserialize, Serialize};

/// What to call once a module is compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeRun {
    /// Size of the memory, in bytes.
    pub memory_bytes: u64,
    /// The functions.
    pub functions: Vec<EdgeFunction>,
}

/// A function and its calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeFunction {
    /// The name it is exported by.
    pub export: String,
    /// The Wasm operator that it is about.
    pub operator: String,
    /// By parameter, what it is given.
    pub arguments: Vec<Argument>,
    /// The calls.
    pub calls: Vec<EdgeCall>,
}

/// What a parameter is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Argument {
    /// The address of the call.
    Address,
    /// An address in the middle of memory, where nothing is in the way.
    Base,
    /// A value that is none of both.
    Value,
}

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeCall {
    /// The address.
    pub address: u64,
    /// What must come of it.
    pub expected: Expected,
}

/// What must come of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expected {
    /// It returns: all that it accesses is in memory, and nothing else in it can fail.
    Returns,
    /// It traps: something that it accesses is not in memory.
    Traps,
    /// What comes of it elsewhere: something else in it may fail.
    AsElsewhere,
}

/// Where [`Argument::Base`] lies.
pub const EDGE_BASE: u64 = 16;

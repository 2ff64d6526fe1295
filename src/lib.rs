//! brink: a stress fuzzer that lives at the implementation limits of WebAssembly.
//!
//! Dependencies point one way, in this order:
//!
//! * [`names`]: which name was probably meant; [`proposals`]: what a module may need;
//! * [`limits`] and [`ops`]: the tables of limits and of operators;
//! * [`recipe`]: the test case, a few numbers that a module is made from;
//! * [`shapes`]: the generators of modules;
//! * [`engines`]: descriptions of what can compile a module;
//! * [`job`], [`outcome`], [`wire`]: what is run, what came of it, and how both travel;
//! * [`width`]: whether machine code accesses memory exactly as wide as it should;
//! * [`sandbox`] and, beside it, [`worker`]: running jobs in child processes;
//! * [`provision`]: the engines on this machine;
//! * [`oracles`] and [`triage`]: judging outcomes and telling findings apart;
//! * [`corpus`]: cases that once went wrong, and what is expected of each release;
//! * [`campaign`]: what to run, in which order, and what was found;
//! * [`store`]: the run directory;
//! * [`shrink`]: the least that still shows a finding;
//! * [`report`]: events in, text out;
//! * [`cli`]: the command line.

pub mod campaign;
pub mod cli;
pub mod corpus;
pub mod engines;
pub mod job;
pub mod limits;
pub mod names;
pub mod ops;
pub mod oracles;
pub mod outcome;
pub mod promises;
pub mod proposals;
pub mod provision;
pub mod recipe;
pub mod report;
pub mod sandbox;
pub mod shapes;
pub mod shrink;
pub mod store;
pub mod triage;
pub mod width;
pub mod wire;
pub mod worker;

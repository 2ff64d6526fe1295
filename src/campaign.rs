//! What to run, in which order, and what was found: the conductor between shapes, sandbox and
//! oracles.
//!
//! A campaign says everything it does as [`Event`]s; the run directory keeps them and every
//! report is made from them. Nothing here prints.

mod bisect;
mod case;
mod confirming;
mod court;
mod events;
mod hunt;
mod inquiry;
mod lab;
mod ladder;
mod limit_tests;
mod line;
mod machine;
mod regress;
mod repro;
mod seeds;
mod shortage;
mod sweep;
mod width;

pub use self::bisect::{Answer, Thoroughness, bisect, history};
pub use self::case::{CONFIRMATIONS, Case, CaseError, Subject};
pub use self::court::{Court, Finding, Judged};
pub use self::events::{Difference, Event, Expecting, Machine, Observer, Skip, Stamped};
pub use self::hunt::{Hunt, HuntEnd, HuntOptions};
pub use self::inquiry::{Asked, Inquiry, InquiryError, Obtain, Question, Release};
pub use self::lab::{Climb, Lab, Trial};
pub use self::ladder::{Evidence, LadderError, Plan, measure};
pub use self::limit_tests::{
    Aspect, LIMIT_TABLES, LimitFailure, LimitReport, LimitRun, LimitTable, LimitTest, LimitVerdict,
    Origin, SENSITIVE_TEST, Stand, limit_table, limit_tests, run_limit_tests,
};
pub use self::line::{Line, Scope, lines};
pub use self::machine::inspected;
pub use self::regress::{Check, Checked, RegressError, Seen, Tell, regress};
pub use self::repro::{Repro, ReproReport, ReproRun, judge_alone, reproduce};
pub use self::seeds::{
    FUZZED_BUDGET, FUZZED_BYTES_MAX, SEED_BYTES_MAX, accesses, dictionary, seeds,
};
pub use self::shortage::{
    ShortageCase, ShortageError, ShortageReport, run_short, shortage_recipes,
};
pub use self::sweep::{Past, Sweep, SweepEnd, SweepError, SweepOptions};
pub use self::width::{
    WidthError, WidthEvidence, WidthReport, WidthRun, Wrong, check_width, confirm_width,
};

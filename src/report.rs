//! Events in, text out.
//!
//! The core never prints; a reporter is told every event and makes something of it. To add one: a
//! file here with a type that implements [`Reporter`], and its choice in the command line.

mod atlas;
mod cost_card;
mod evidence;
mod format;
mod growth;
mod json;
mod markdown;
mod progress;
mod speech;
mod summary;
mod tally;
mod wast;

use crate::campaign::Event;

pub use self::atlas::atlas;
pub use self::cost_card::{CostCard, Worst};
pub use self::evidence::{Cost, Costs, Evidence};
pub use self::format::{bytes, clip, microseconds};
pub use self::growth::growth_table;
pub use self::json::Json;
pub use self::markdown::finding_report;
pub use self::progress::{Plain, Terminal};
pub use self::speech::{remark, say, was_unheard};
pub use self::summary::{findings_summary, hunt_summary, summary};
pub use self::tally::{Known, Tally};
pub use self::wast::wast;

/// Makes something of events.
pub trait Reporter: Send {
    /// Something happened.
    fn report(&mut self, event: &Event);

    /// Something happened in an earlier part of the run, and was told then.
    fn remember(&mut self, _: &Event) {}

    /// Nothing more will happen.
    fn finish(&mut self) {}
}

/// Says nothing.
#[derive(Debug, Default)]
pub struct Quiet;

impl Reporter for Quiet {
    fn report(&mut self, _: &Event) {}
}

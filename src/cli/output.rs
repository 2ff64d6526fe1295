//! What runs of many jobs, sweeps and hunts, show as they go and leave behind.

use crate::report::{Json, Plain, Quiet, Reporter, Tally, Terminal};
use crate::store::write_file;
use anyhow::Result;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

/// The reporter that the options ask for.
pub(super) fn reporter(json: bool, quiet: bool, time: Option<Duration>) -> Box<dyn Reporter> {
    if json {
        Box::new(Json::default())
    } else if quiet {
        Box::new(Quiet)
    } else if std::io::stderr().is_terminal() {
        Box::new(Terminal::new(time))
    } else {
        Box::new(Plain::default())
    }
}

/// Writes the cost card of a run into its directory.
pub(super) fn keep_cost_card(tally: &Tally, directory: &Path) -> Result<()> {
    let card = &tally.cost_card;
    for (name, text) in [("cost-card.md", card.page()), ("cost-card.json", card.json())] {
        write_file(&directory.join(name), &mut |file| file.write_all(text.as_bytes()))?;
    }
    Ok(())
}

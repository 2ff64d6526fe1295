//! What runs of many jobs, sweeps and hunts, show as they go and leave behind.

use crate::report::{CostCard, Json, Plain, Quiet, Reporter, Terminal};
use crate::store::write_file;
use anyhow::{Context, Result};
use std::io::{ErrorKind, IsTerminal};
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

/// The cost card for programs, in a run directory.
pub(super) const COST_CARD_FILE: &str = "cost-card.json";

/// Writes the cost card of a run into its directory.
pub(super) fn keep_cost_card(card: &CostCard, directory: &Path) -> Result<()> {
    for (name, text) in [("cost-card.md", card.page()), (COST_CARD_FILE, card.json())] {
        write_file(&directory.join(name), &mut |file| file.write_all(text.as_bytes()))?;
    }
    Ok(())
}

/// The cost card in a directory; an empty one where there is none yet.
pub(super) fn read_cost_card(directory: &Path) -> Result<CostCard> {
    let path = directory.join(COST_CARD_FILE);
    let doing = || format!("read {}", path.display());
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(CostCard::default()),
        text => text.with_context(doing)?,
    };
    serde_json::from_str(&text).with_context(doing)
}

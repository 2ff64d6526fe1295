//! Every event as a line of JSON on standard output, for other programs.
#![expect(clippy::print_stdout, reason = "printing is this room's work")]

use super::Reporter;
use crate::campaign::Event;

/// Prints events as they come.
#[derive(Debug, Default)]
pub struct Json;

impl Reporter for Json {
    fn report(&mut self, event: &Event) {
        if event.is_kept()
            && let Ok(line) = serde_json::to_string(event)
        {
            println!("{line}");
        }
    }
}

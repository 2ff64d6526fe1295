//! Every event as a line of JSON on standard output, for other programs.

use super::Reporter;
use crate::campaign::Event;
use std::io::{self, Write};

/// Prints events as they come. When their reader has gone away, the run goes on without a word:
/// what it keeps and its exit code stay true.
#[derive(Debug, Default)]
pub struct Json {
    is_silent: bool,
}

impl Reporter for Json {
    fn report(&mut self, event: &Event) {
        if self.is_silent || !event.is_kept() {
            return;
        }
        if let Ok(line) = serde_json::to_string(event) {
            self.is_silent = writeln!(io::stdout(), "{line}").is_err();
        }
    }
}

//! Every event as a line of JSON on standard output, for other programs.

use super::Reporter;
use super::speech::unheard;
use crate::campaign::Event;
use std::io::{self, Write};

/// Prints events as they come. When their reader has gone away, the run goes on without a word:
/// what it keeps and its exit code stay true. When they are lost otherwise, that is told.
#[derive(Debug, Default)]
pub struct Json {
    is_silent: bool,
}

impl Json {
    fn print(&mut self, event: &Event, sink: &mut dyn Write) {
        if self.is_silent || !event.is_kept() {
            return;
        }
        let line = serde_json::to_string(event).map_err(io::Error::other);
        let written = line.and_then(|line| writeln!(sink, "{line}").and_then(|()| sink.flush()));
        if let Err(error) = written {
            self.is_silent = true;
            unheard(&error);
        }
    }
}

impl Reporter for Json {
    fn report(&mut self, event: &Event) {
        self.print(event, &mut io::stdout().lock());
    }
}

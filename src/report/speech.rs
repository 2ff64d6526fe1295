//! What brink says to whoever started it, with no word lost in silence and none that ends it.
//!
//! `print!` and `eprintln!` panic where nobody takes the words: a full disk behind a redirection, or
//! a reader that has seen enough.

use std::borrow::Cow;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Longest line that is told, in characters: names in a module have up to 100,000 bytes, and any
/// message of brink's own is far shorter.
const LINE_CHARS_MAX: usize = 2_000;

/// Whether something could not be written to standard output.
static UNHEARD: AtomicBool = AtomicBool::new(false);

/// Writes results to standard output. A reader that has gone away, as `head` does, has seen what it
/// wanted: the command goes on in silence, so that its exit code says what it found.
pub fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    // Other programs get what there is, byte for byte.
    let cleaned = if stdout.is_terminal() { clean(text).into() } else { Cow::Borrowed(text) };
    let written = stdout.write_all(cleaned.as_bytes()).and_then(|()| stdout.flush());
    if let Err(error) = written {
        unheard(&error);
    }
}

/// Tells whoever watches, on standard error, and ends the line. Where that cannot be written, there
/// is nobody left to tell, and the exit code says what counts.
pub fn remark(text: &str) {
    let text = printable(text) + "\n";
    // In one write, so that lines of several processes do not mix.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Notes that a result could not be written to standard output, and tells it once. That its reader
/// has gone away is no error.
pub(super) fn unheard(error: &io::Error) {
    if error.kind() != ErrorKind::BrokenPipe && !UNHEARD.swap(true, Relaxed) {
        remark(&format!("brink: failed to write to standard output: {error}"));
    }
}

/// Whether a result was lost on its way to standard output.
pub fn was_unheard() -> bool {
    UNHEARD.load(Relaxed)
}

/// `text` as a terminal may have it: what a module or the command line brought along moves no cursor
/// and rings no bell.
fn clean(text: &str) -> String {
    let is_own = |c: char| !c.is_control() || c == '\t' || c == '\n';
    text.chars().map(|c| if is_own(c) { c } else { '\u{fffd}' }).collect()
}

/// The same, with lines that fill no screen.
fn printable(text: &str) -> String {
    let line = |line: &str| match line.char_indices().nth(LINE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    };
    let lines: Vec<String> = text.split('\n').map(line).collect();
    clean(&lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_cannot_flood_a_terminal_or_steer_it() {
        let name = format!("duplicate export name `\x1b[2J\x07{}`", "é".repeat(100_000));
        let told = printable(&name);
        assert!(told.starts_with("duplicate export name `\u{fffd}[2J\u{fffd}é"), "{told}");
        assert_eq!(told.chars().count(), LINE_CHARS_MAX + 1);
        assert!(told.ends_with("é…"));
    }

    #[test]
    fn lines_of_ones_own_stay_as_they_are() {
        for text in ["one line", "\ttwo\nlines — é\n", ""] {
            assert_eq!(printable(text), text);
        }
        assert_eq!(printable(&"x".repeat(LINE_CHARS_MAX)).len(), LINE_CHARS_MAX);
    }
}

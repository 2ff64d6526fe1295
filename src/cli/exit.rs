//! Exit codes, and how errors are told.
#![expect(clippy::print_stderr, reason = "printing is this room's work")]

use crate::shrink::is_guarded;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Nothing new was found.
    Nothing = 0,
    /// The command line or the environment is at fault.
    Usage = 1,
    /// Something new was found.
    Found = 2,
    /// Only known issues were found.
    Known = 3,
    /// The self-test failed.
    SelfTest = 4,
    /// The outcome of a regression or a limit test is not the one that is expected.
    Changed = 5,
    /// A bug in brink itself.
    Bug = 70,
    /// Stopped by a person.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Tells an error in one sentence. A reader that has gone away is no error.
pub(super) fn report(error: &anyhow::Error) -> ExitCode {
    let closed = error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    });
    if closed {
        return Exit::Nothing.into();
    }
    eprintln!("brink: failed to {error:#}");
    Exit::Usage.into()
}

/// Whether something could not be written to standard output.
static UNHEARD: AtomicBool = AtomicBool::new(false);

/// The exit code of a command that ended well, if what it said was heard.
pub(super) fn heard(exit: Exit) -> Exit {
    if exit == Exit::Nothing && UNHEARD.load(Relaxed) { Exit::Usage } else { exit }
}

/// Writes to standard output. A reader that has gone away, as `head` does, has seen what it wanted:
/// the command goes on in silence, so that its exit code says what it found. `print!` would panic.
pub(super) fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
        && !UNHEARD.swap(true, Relaxed)
    {
        eprintln!("brink: failed to write to standard output: {error}");
    }
}

/// Turns a panic of brink itself into one sentence and exit code 70.
pub(super) fn explain_panics() {
    std::panic::set_hook(Box::new(|info| {
        if is_guarded() {
            return;
        }
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        eprintln!("brink: a bug in brink itself, please report it: {text} ({place})");
        std::process::exit(i32::from(Exit::Bug as u8));
    }));
}

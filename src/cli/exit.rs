//! Exit codes, and how errors are told.

use crate::report::was_unheard;
use crate::shrink::is_guarded;
use std::io;
use std::process::ExitCode;

pub(super) use crate::report::{remark, say};

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
    remark(&format!("brink: failed to {}", in_one_sentence(error)));
    Exit::Usage.into()
}

/// An error and its causes in one sentence. An error that says more behind its cause quotes it, and
/// some that others wrote quote it anyway; nothing is said twice.
pub(super) fn in_one_sentence(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        let quoted = format!(": {cause}");
        if text != cause && !text.contains(&quoted) {
            text += &quoted;
        }
    }
    text
}

/// The exit code of a command that ended well, if what it said was heard.
pub(super) fn heard(exit: Exit) -> Exit {
    if exit == Exit::Nothing && was_unheard() { Exit::Usage } else { exit }
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
        remark(&format!("brink: a bug in brink itself, please report it: {text} ({place})"));
        std::process::exit(i32::from(Exit::Bug as u8));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::SeatError;
    use crate::shrink::ShrinkError;
    use crate::store::write_file;
    use anyhow::Context;
    use std::path::Path;

    #[test]
    fn every_cause_is_told_and_none_twice() {
        let cause = || io::Error::from_raw_os_error(24);
        let error = anyhow::Error::from(SeatError::Spawn(cause()));
        let wanted = "start a worker process: Too many open files (os error 24)";
        assert_eq!(in_one_sentence(&error), wanted);
        // An error of another library that quotes its cause, and has it as well.
        let error = anyhow::Error::from(SeatError::Spawn(io::Error::other(cause())));
        assert_eq!(in_one_sentence(&error), wanted);
        let error = Err::<(), _>(cause()).context("read x").unwrap_err();
        assert_eq!(in_one_sentence(&error), "read x: Too many open files (os error 24)");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named_once_and_its_temporary_name_not_at_all() {
        let error = write_file(Path::new("/proc/x.toml"), &mut |_| Ok(())).unwrap_err();
        let told = in_one_sentence(&ShrinkError::from(error).into());
        let wanted = "keep the smallest case so far: write /proc/x.toml: No such file or directory \
                      (os error 2)";
        assert_eq!(told, wanted);
    }
}

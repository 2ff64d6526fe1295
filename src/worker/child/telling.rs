//! What a child tells the worker, and the pipe through which it does.

use crate::outcome::{Measurements, Phase, ShortageFault, Termination, Validation};
use crate::wire;
use crate::worker::compiler::Ran;
use crate::worker::unix;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::sync::Mutex;

/// Exit code of a child that could not do its work.
pub(super) const FAILED_EXIT: i32 = 70;

/// What a child tells the worker.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::worker) enum Message {
    /// The job of that number has been judged by its engine.
    Completed(Box<Completed>),
    /// The job's thread panicked.
    Panicked {
        location: String,
        message: String,
        /// Addresses of the stack, innermost first.
        addresses: Vec<u64>,
    },
    /// A fault of an engine that was refused memory; the job goes on.
    Fault(ShortageFault),
    /// The child could not run the job, for a reason that is not the engine's.
    Failed(String),
}

/// A job that ended by itself. The figures travel with it, since the shared page already belongs
/// to the next job of a batch when this is read.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::worker) struct Completed {
    pub(in crate::worker) job: u64,
    pub(in crate::worker) phase: Phase,
    pub(in crate::worker) termination: Termination,
    pub(in crate::worker) validation: Validation,
    pub(in crate::worker) measurements: Measurements,
    pub(in crate::worker) ran: Ran,
}

/// The pipe to the worker; the panic hook needs it too.
pub(super) static PIPE: Mutex<Option<File>> = Mutex::new(None);

/// Sends a message to the worker; a pipe that is gone means that the worker is, and so are we.
pub(super) fn tell(message: &Message) {
    let sent = PIPE.lock().map(|mut pipe| match pipe.as_mut() {
        Some(pipe) => wire::send(pipe, message).is_ok(),
        None => false,
    });
    if !matches!(sent, Ok(true)) {
        unix::exit_now(FAILED_EXIT);
    }
}

/// Tells of a fault while the job goes on, where there is a worker to hear it.
pub(in crate::worker) fn tell_of(fault: &ShortageFault) {
    if PIPE.lock().is_ok_and(|pipe| pipe.is_some()) {
        tell(&Message::Fault(fault.clone()));
    }
}

/// Sends bytes that are no message, for the self-test; returns the exit code of success.
pub(in crate::worker) fn send_garbage() -> i32 {
    let sent = PIPE.lock().map(|mut pipe| match pipe.as_mut() {
        Some(pipe) => pipe.write_all(&[0xff; 64]).is_ok(),
        None => false,
    });
    i32::from(!matches!(sent, Ok(true)))
}

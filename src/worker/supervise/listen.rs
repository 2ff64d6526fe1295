//! Reads what a child writes, never waiting for long.

use super::{POLL_MAX, Watched};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};

/// Bytes of standard error that are kept.
const STDERR_TAIL_BYTES: usize = 64 * 1024;

/// Reads what an ended child left for at most this long.
const DRAIN_MAX: Duration = Duration::from_secs(1);

impl Watched {
    /// Waits for something to read, at most `left`, and reads it.
    pub(super) fn wait(&mut self, left: Duration) {
        let open: Vec<&File> = [&self.pipe, &self.stderr].into_iter().flatten().collect();
        if open.is_empty() {
            // Both pipes are closed, so the end itself is all that is left to wait for.
            std::thread::sleep(left.min(Duration::from_micros(50)));
            return;
        }
        let mut fds: Vec<PollFd<'_>> =
            open.iter().map(|file| PollFd::new(*file, PollFlags::IN)).collect();
        let timeout = Timespec::try_from(left.min(POLL_MAX)).ok();
        // An interrupted or failed wait is only a short one.
        if poll(&mut fds, timeout.as_ref()).is_err() {
            return;
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut ready = ready.into_iter();
        if self.pipe.is_some() && ready.next() == Some(true) {
            self.read_pipe();
        }
        if self.stderr.is_some() && ready.next() == Some(true) {
            self.read_stderr();
        }
    }

    fn read_pipe(&mut self) {
        let mut chunk = [0; 16 * 1024];
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.read(&mut chunk) {
            Ok(0) | Err(_) => self.pipe = None,
            Ok(n) => self.buffer.extend_from_slice(&chunk[..n]),
        }
    }

    fn read_stderr(&mut self) {
        let mut chunk = [0; 16 * 1024];
        let Some(stderr) = &mut self.stderr else { return };
        match stderr.read(&mut chunk) {
            Ok(0) | Err(_) => self.stderr = None,
            Ok(n) => {
                self.stderr_bytes += n as u64;
                self.stderr_tail.extend_from_slice(&chunk[..n]);
                let surplus = self.stderr_tail.len().saturating_sub(STDERR_TAIL_BYTES);
                self.stderr_tail.drain(..surplus);
            }
        }
    }

    /// Reads what a child that has ended left in its pipes. A process that it started outside of
    /// its group may hold the other ends for ever, so only what is there now is read.
    pub(super) fn drain(&mut self) {
        let until = Instant::now() + DRAIN_MAX;
        while (self.pipe.is_some() || self.stderr.is_some()) && Instant::now() < until {
            let before = (self.buffer.len(), self.stderr_bytes, self.open_pipes());
            self.wait(Duration::ZERO);
            if before == (self.buffer.len(), self.stderr_bytes, self.open_pipes()) {
                return;
            }
        }
    }

    fn open_pipes(&self) -> usize {
        usize::from(self.pipe.is_some()) + usize::from(self.stderr.is_some())
    }
}

//! The wire between the sandbox and its worker: length-prefixed postcard frames over pipes.

use crate::engines::Installed;
use crate::job::Job;
use crate::outcome::Outcome;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use thiserror::Error;

/// Longest frame: a batch of inline modules fits many times over; anything longer is garbage.
pub const FRAME_BYTES_MAX: u32 = 64 << 20;

/// Name of the hidden subcommand under which the executable is a worker.
pub const WORKER_COMMAND: &str = "worker";

/// Version of what travels; a worker of another version would misread it.
pub const WIRE_VERSION: u32 = 4;

/// What the sandbox sends first.
#[derive(Debug, Serialize, Deserialize)]
pub struct Hello {
    /// [`WIRE_VERSION`] of the sender; its place never changes.
    pub version: u32,
    /// The engine that all jobs will ask for.
    pub engine: Installed,
}

/// What the sandbox sends then: run these jobs in order, in one child as long as it lives.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// The jobs.
    pub jobs: Vec<Job>,
}

/// What the worker sends.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Sent once, when the worker is ready for requests.
    Ready,
    /// Sent instead when it cannot run that engine, and why; the worker ends.
    Cannot(String),
    /// One job of the request has ended.
    Ended(Box<Outcome>),
}

/// Why a frame did not arrive or leave.
#[derive(Debug, Error)]
pub enum WireError {
    /// The other side closed the pipe between frames.
    #[error("the pipe was closed")]
    Closed,
    /// The pipe failed.
    #[error("the pipe failed: {0}")]
    Io(#[from] io::Error),
    /// The bytes are no frame.
    #[error("bytes that are no message: {0}")]
    Malformed(String),
}

/// Sends one message.
pub fn send(pipe: &mut impl Write, message: &impl Serialize) -> Result<(), WireError> {
    pipe.write_all(&frame(message)?)?;
    pipe.flush()?;
    Ok(())
}

/// A message as a frame.
pub fn frame(message: &impl Serialize) -> Result<Vec<u8>, WireError> {
    let mut bytes = vec![0; 4];
    bytes = postcard::to_extend(message, bytes).map_err(malformed)?;
    let length = u32::try_from(bytes.len() - 4).ok().filter(|&n| n <= FRAME_BYTES_MAX);
    let length = length.ok_or_else(|| {
        WireError::Malformed(format!("{} bytes are more than a frame holds", bytes.len()))
    })?;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// Waits for one message.
pub fn receive<T: DeserializeOwned>(pipe: &mut impl Read) -> Result<T, WireError> {
    let mut length = [0; 4];
    match pipe.read(&mut length)? {
        0 => return Err(WireError::Closed),
        got => pipe.read_exact(&mut length[got..])?,
    }
    let length = u32::from_le_bytes(length);
    if length > FRAME_BYTES_MAX {
        return Err(WireError::Malformed(format!("a frame of {length} bytes")));
    }
    let mut bytes = Vec::new();
    pipe.take(u64::from(length)).read_to_end(&mut bytes)?;
    postcard::from_bytes(&bytes).map_err(malformed)
}

/// Takes one message off the front of `buffer`, if a whole one has arrived.
pub fn take<T: DeserializeOwned>(buffer: &mut Vec<u8>) -> Result<Option<T>, WireError> {
    let Some((length, rest)) = buffer.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*length);
    if length > FRAME_BYTES_MAX {
        return Err(WireError::Malformed(format!("a frame of {length} bytes")));
    }
    let length = usize::try_from(length).expect("32 bits fit");
    let Some(bytes) = rest.get(..length) else {
        return Ok(None);
    };
    let message = postcard::from_bytes(bytes).map_err(malformed)?;
    buffer.drain(..4 + length);
    Ok(Some(message))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that `map_err` wants")]
fn malformed(error: postcard::Error) -> WireError {
    WireError::Malformed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_round_trip_and_arrive_in_pieces() {
        let outcome = Outcome::infrastructure(7, "x".to_owned());
        let bytes = frame(&Reply::Ended(Box::new(outcome))).unwrap();
        let mut pipe = bytes.as_slice();
        assert!(matches!(receive(&mut pipe).unwrap(), Reply::Ended(o) if o.job == 7));
        assert!(matches!(receive::<Reply>(&mut pipe), Err(WireError::Closed)));

        let mut buffer = Vec::new();
        for byte in &bytes[..bytes.len() - 1] {
            buffer.push(*byte);
            assert!(take::<Reply>(&mut buffer).unwrap().is_none());
        }
        buffer.extend_from_slice(&bytes[bytes.len() - 1..]);
        assert!(take::<Reply>(&mut buffer).unwrap().is_some());
        assert!(buffer.is_empty());
    }

    #[test]
    fn garbage_is_no_message() {
        assert!(matches!(receive::<Reply>(&mut &[0xff; 64][..]), Err(WireError::Malformed(_))));
        assert!(receive::<Reply>(&mut &[3, 0, 0, 0, 1][..]).is_err(), "cut short");
        assert!(take::<Reply>(&mut vec![0xff; 64]).is_err());
    }
}

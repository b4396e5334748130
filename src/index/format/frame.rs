//! One commit in the log of the `files` store: all its changes under one checksum.

use std::ops::Range;

use super::Kind;
use super::bytes::{HEADER_BYTES, Reader, Writer, record_length};
use crate::error::Result;
use crate::store::{Change, Space};

/// So many bytes tell how long a frame is.
pub const FRAME_HEADER_BYTES: usize = HEADER_BYTES;

/// A change as it lies in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FramePart {
    /// A record.
    Put {
        /// Its space.
        space: Space,
        /// Its key.
        key: u64,
        /// Where in the frame its bytes are.
        bytes: Range<usize>,
    },
    /// Records removed.
    Delete {
        /// Their space.
        space: Space,
        /// Their keys.
        keys: Range<u64>,
    },
}

/// The bytes of one commit.
///
/// # Errors
///
/// `Limit` where it is longer than a record can be.
pub fn frame(changes: &[Change]) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Frame);
    for change in changes {
        match change {
            Change::Put { space, key, bytes } => {
                writer.u8(1);
                writer.u8(*space as u8);
                writer.u64(*key);
                writer.bytes(bytes)?;
            }
            Change::Delete { space, keys } => {
                writer.u8(0);
                writer.u8(*space as u8);
                writer.u64(keys.start);
                writer.u64(keys.end);
            }
        }
    }
    writer.seal()
}

/// How long the frame that begins with these bytes is, header included; `None` if none does.
pub fn frame_length(header: &[u8; FRAME_HEADER_BYTES]) -> Option<u64> {
    record_length(Kind::Frame, header)
}

/// Where in these bytes the first header of a frame lies.
pub fn find_frame(bytes: &[u8]) -> Option<usize> {
    bytes.array_windows().position(|header| frame_length(header).is_some())
}

/// The changes in a frame.
///
/// # Errors
///
/// `Corrupt`, or `Fingerprint` where a newer version has written it.
pub fn frame_parts(bytes: &[u8]) -> Result<Vec<FramePart>> {
    let mut reader = Reader::open(Kind::Frame, None, bytes)?;
    let mut parts = Vec::new();
    while !reader.is_at_end() {
        let put = reader.u8()?;
        let number = usize::from(reader.u8()?);
        let Some(&space) = Space::ALL.get(number) else {
            return Err(reader.corrupt(&format!("space {number} is unknown")));
        };
        parts.push(match put {
            0 => FramePart::Delete { space, keys: reader.u64()?..reader.u64()? },
            1 => {
                let key = reader.u64()?;
                let length = reader.bytes()?.len();
                FramePart::Put { space, key, bytes: reader.position() - length..reader.position() }
            }
            other => return Err(reader.corrupt(&format!("{other} is no kind of change"))),
        });
    }
    Ok(parts)
}

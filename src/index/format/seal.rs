//! The one record of an encrypted store that is not itself encrypted.

use super::Kind;
use super::bytes::{Reader, Writer};
use crate::error::Result;

/// The only way of encrypting so far: AES-GCM with a key of 256 bits and a nonce of 96.
const AES_256_GCM: u8 = 1;

/// The bytes of the record that tells whether a key is the right one: `check` is a known text,
/// encrypted.
///
/// # Errors
///
/// `Limit` where the check is too long for a record.
pub fn seal_to_bytes(check: &[u8]) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Seal);
    writer.u8(AES_256_GCM);
    writer.bytes(check)?;
    writer.seal()
}

/// Reads the check.
///
/// # Errors
///
/// `Corrupt`, or `Fingerprint` where a newer version has written it.
pub fn seal_from_bytes(bytes: &[u8]) -> Result<&[u8]> {
    let mut reader = Reader::open(Kind::Seal, None, bytes)?;
    let way = reader.u8()?;
    if way != AES_256_GCM {
        return Err(reader.corrupt(&format!("way {way} of encrypting is unknown")));
    }
    let check = reader.bytes()?;
    reader.finish()?;
    Ok(check)
}

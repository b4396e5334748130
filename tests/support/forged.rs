//! A record as someone would make it who means harm.

/// Replaces bytes and makes the checksums right again: what someone who means harm would do.
pub(crate) fn forged(bytes: &[u8], at: usize, with: &[u8]) -> Vec<u8> {
    let crc = |parts: &[&[u8]]| {
        let mut hasher = crc32fast::Hasher::new();
        parts.iter().for_each(|part| hasher.update(part));
        hasher.finalize()
    };
    let mut forged = bytes.to_vec();
    forged[at..at + with.len()].copy_from_slice(with);
    let check = crc(&[&forged[..6], &forged[8..12]]) as u16;
    forged[6..8].copy_from_slice(&check.to_le_bytes());
    let checksum = crc(&[&forged[..12], &forged[16..]]);
    forged[12..16].copy_from_slice(&checksum.to_le_bytes());
    forged
}

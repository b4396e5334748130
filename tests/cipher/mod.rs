//! AES-GCM for tests, where there is no browser: what WebCrypto does, natively.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses its own part"
)]

use std::cell::Cell;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use burrow::store::{Cipher, Place};

/// A cipher whose nonces count up from a place of its own, so that a test runs the same twice.
#[derive(Clone)]
pub struct TestCipher {
    cipher: Aes256Gcm,
    nonces: Cell<u64>,
}

impl TestCipher {
    /// Keys made of one byte; `writer` tells ciphers of one key apart.
    pub fn new(key: u8, writer: u32) -> Self {
        let cipher = Aes256Gcm::new(&[key; 32].into());
        TestCipher { cipher, nonces: Cell::new(u64::from(writer) << 32) }
    }
}

impl Cipher for TestCipher {
    async fn seal(&self, records: &[(Place, &[u8])]) -> burrow::Result<Vec<Vec<u8>>> {
        let seal = |(place, plain): &(Place, &[u8])| {
            let mut nonce = [0; 12];
            nonce[..8].copy_from_slice(&self.nonces.replace(self.nonces.get() + 1).to_le_bytes());
            let payload = Payload { msg: plain, aad: place };
            let sealed = self.cipher.encrypt(Nonce::from_slice(&nonce), payload).unwrap();
            [nonce.to_vec(), sealed].concat()
        };
        Ok(records.iter().map(seal).collect())
    }

    async fn open(&self, records: &[(Place, &[u8])]) -> burrow::Result<Vec<Option<Vec<u8>>>> {
        let open = |(place, sealed): &(Place, &[u8])| {
            let (nonce, rest) = sealed.split_at_checked(12)?;
            let payload = Payload { msg: rest, aad: place };
            self.cipher.decrypt(Nonce::from_slice(nonce), payload).ok()
        };
        Ok(records.iter().map(open).collect())
    }
}

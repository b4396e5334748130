//! What tells damaged bytes from whole ones: CRC-32, as zlib has it.

#[cfg(not(target_family = "wasm"))]
pub(crate) use crc32fast::Hasher;
#[cfg(target_family = "wasm")]
pub(crate) use sliced::Hasher;

/// The checksum of some bytes.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(bytes);
    hasher.finalize()
}

/// The same for the browser: `crc32fast` holds its tables in the module, and they cannot be
/// compressed: 16 KB of its 150. Here they are reckoned when they are first needed.
#[cfg(any(test, target_family = "wasm"))]
mod sliced {
    use std::sync::OnceLock;

    /// Bytes that are taken in at a step, and tables.
    const SLICES: usize = 16;

    /// The polynomial, its lowest power first.
    const POLYNOMIAL: u32 = 0xEDB8_8320;

    type Tables = [[u32; 256]; SLICES];

    pub(crate) struct Hasher {
        tables: &'static Tables,
        state: u32,
    }

    impl Hasher {
        pub(crate) fn new() -> Self {
            static TABLES: OnceLock<Box<Tables>> = OnceLock::new();
            Hasher { tables: TABLES.get_or_init(tables), state: !0 }
        }

        pub(crate) fn update(&mut self, bytes: &[u8]) {
            let (steps, rest) = bytes.as_chunks::<SLICES>();
            for step in steps {
                let [s0, s1, s2, s3] = self.state.to_le_bytes();
                let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, ba, bb, bc, bd, be, bf] = *step;
                // By hand: a loop over the tables takes twice as long.
                let [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, ta, tb, tc, td, te, tf] = self.tables;
                let of = |table: &[u32; 256], byte: u8| table[usize::from(byte)];
                self.state = of(tf, b0 ^ s0)
                    ^ of(te, b1 ^ s1)
                    ^ of(td, b2 ^ s2)
                    ^ of(tc, b3 ^ s3)
                    ^ of(tb, b4)
                    ^ of(ta, b5)
                    ^ of(t9, b6)
                    ^ of(t8, b7)
                    ^ of(t7, b8)
                    ^ of(t6, b9)
                    ^ of(t5, ba)
                    ^ of(t4, bb)
                    ^ of(t3, bc)
                    ^ of(t2, bd)
                    ^ of(t1, be)
                    ^ of(t0, bf);
            }
            for &byte in rest {
                let at = usize::from(byte ^ self.state as u8);
                self.state = self.tables[0][at] ^ self.state >> 8;
            }
        }

        pub(crate) fn finalize(self) -> u32 {
            !self.state
        }
    }

    /// What a byte does to the checksum when so many others follow it.
    fn tables() -> Box<Tables> {
        let mut tables = Box::new([[0; 256]; SLICES]);
        let divided = |value: u32| value >> 1 ^ if value & 1 == 0 { 0 } else { POLYNOMIAL };
        for byte in 0..256 {
            tables[0][byte] = (0..8).fold(byte as u32, |value, _| divided(value));
        }
        for table in 1..SLICES {
            for byte in 0..256 {
                let value = tables[table - 1][byte];
                tables[table][byte] = value >> 8 ^ tables[0][usize::from(value as u8)];
            }
        }
        tables
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_that_of_the_crate(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..4)) {
            let (mut hasher, mut twin) = (super::sliced::Hasher::new(), crc32fast::Hasher::new());
            for part in &parts {
                hasher.update(part);
                twin.update(part);
            }
            prop_assert_eq!(hasher.finalize(), twin.finalize());
        }
    }
}

//! Which sequences go through the model together.

use super::DeviceKind;

/// Tokens of one pass, padding included: enough to keep any device busy, few enough that the rows
/// of one layer stay small.
const PASS_TOKENS_MAX: usize = 4096;

/// Padding that is always worth a joint pass, in tokens: a pass has costs of its own.
const PADDING_FREE: usize = 64;

/// Sequences that are encoded in one pass; a GPU pads them to one length.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    /// Indices of the sequences, longest first.
    pub(crate) members: Vec<usize>,
    /// The length of the longest.
    pub(crate) tokens: usize,
}

/// Groups sequences. Where they are padded they are of similar length, so that at most a fifth of a
/// pass is padding.
pub(crate) fn passes(lengths: &[usize], kind: DeviceKind) -> Vec<Pass> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(lengths[index]));
    let mut passes: Vec<Pass> = Vec::new();
    let mut real = 0;
    for index in order {
        let length = lengths[index];
        match passes.last_mut() {
            Some(pass) if fits(pass, real + length, kind) => {
                pass.members.push(index);
                real += length;
            }
            _ => {
                passes.push(Pass { members: vec![index], tokens: length });
                real = length;
            }
        }
    }
    passes
}

/// Whether one more sequence, which makes `real` tokens without padding, belongs into the pass.
fn fits(pass: &Pass, real: usize, kind: DeviceKind) -> bool {
    let padded = (pass.members.len() + 1) * pass.tokens;
    match kind {
        DeviceKind::Cpu => real <= PASS_TOKENS_MAX,
        DeviceKind::WebGpu => {
            let padding = padded - real;
            padded <= PASS_TOKENS_MAX && (padding <= PADDING_FREE || padding <= padded / 5)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sequence_is_in_one_pass_and_little_is_padding() {
        let lengths: Vec<usize> = (0..500).map(|index| 1 + index * 7919 % 512).collect();
        let passes = passes(&lengths, DeviceKind::WebGpu);
        let mut members: Vec<usize> = passes.iter().flat_map(|pass| pass.members.clone()).collect();
        members.sort_unstable();
        assert_eq!(members, (0..500).collect::<Vec<_>>());
        for pass in passes {
            let real: usize = pass.members.iter().map(|&index| lengths[index]).sum();
            let padded = pass.members.len() * pass.tokens;
            assert!(padded <= PASS_TOKENS_MAX);
            assert!(padded - real <= PADDING_FREE.max(padded / 5), "{real} of {padded}");
        }
    }

    #[test]
    fn very_different_lengths_are_parted() {
        let pass = |members: &[usize], tokens| Pass { members: members.to_vec(), tokens };
        let lengths = [3, 512, 9, 500];
        let padded = [pass(&[1, 3], 512), pass(&[2, 0], 9)];
        assert_eq!(passes(&lengths, DeviceKind::WebGpu), padded);
        assert_eq!(passes(&lengths, DeviceKind::Cpu), [pass(&[1, 3, 2, 0], 512)]);
        assert_eq!(passes(&[4096, 1], DeviceKind::Cpu), [pass(&[0], 4096), pass(&[1], 1)]);
        assert_eq!(passes(&[], DeviceKind::Cpu), []);
    }
}

//! Which sequences go through the model together.

/// Tokens of one pass, padding included: enough to keep any device busy, few enough that the
/// attention scores of one layer stay small.
const PASS_TOKENS_MAX: usize = 4096;

/// Padding that is always worth a joint pass, in tokens: a pass has costs of its own.
const PADDING_FREE: usize = 64;

/// Sequences that are padded to one length and encoded in one pass.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    /// Indices of the sequences, longest first.
    pub(crate) members: Vec<usize>,
    /// The length of the longest.
    pub(crate) tokens: usize,
}

/// Groups sequences of similar length, so that at most a fifth of a pass is padding.
pub(crate) fn passes(lengths: &[usize]) -> Vec<Pass> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(lengths[index]));
    let mut passes: Vec<Pass> = Vec::new();
    let mut real = 0;
    for index in order {
        let length = lengths[index];
        match passes.last_mut() {
            Some(pass) if fits(pass, real + length) => {
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
fn fits(pass: &Pass, real: usize) -> bool {
    let padded = (pass.members.len() + 1) * pass.tokens;
    padded <= PASS_TOKENS_MAX && (padded - real <= PADDING_FREE || padded - real <= padded / 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sequence_is_in_one_pass_and_little_is_padding() {
        let lengths: Vec<usize> = (0..500).map(|index| 1 + index * 7919 % 512).collect();
        let passes = passes(&lengths);
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
        assert_eq!(passes(&[3, 512, 9, 500]), [pass(&[1, 3], 512), pass(&[2, 0], 9)]);
        assert_eq!(passes(&[]), []);
    }
}

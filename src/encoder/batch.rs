//! Which sequences go through the model together.

/// Tokens of one pass: enough to keep any device busy, few enough that the rows of one layer stay
/// small and a query need not wait long for its turn.
const PASS_TOKENS_MAX: usize = 4096;

/// Sequences that are encoded in one pass.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    /// Indices of the sequences, longest first.
    pub(crate) members: Vec<usize>,
}

/// Groups sequences, those of similar length together: neighbours share the keys that a GPU reads.
pub(crate) fn passes(lengths: &[usize]) -> Vec<Pass> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(lengths[index]));
    let mut passes: Vec<Pass> = Vec::new();
    let mut tokens = 0;
    for index in order {
        let length = lengths[index];
        match passes.last_mut() {
            Some(pass) if tokens + length <= PASS_TOKENS_MAX => {
                pass.members.push(index);
                tokens += length;
            }
            _ => {
                passes.push(Pass { members: vec![index] });
                tokens = length;
            }
        }
    }
    passes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sequence_is_in_one_pass_and_no_pass_is_too_long() {
        let lengths: Vec<usize> = (0..500).map(|index| 1 + index * 7919 % 512).collect();
        let passes = passes(&lengths);
        let mut members: Vec<usize> = passes.iter().flat_map(|pass| pass.members.clone()).collect();
        members.sort_unstable();
        assert_eq!(members, (0..500).collect::<Vec<_>>());
        let total: usize = lengths.iter().sum();
        assert!(passes.len() <= total.div_ceil(PASS_TOKENS_MAX - 512));
        for pass in passes {
            let tokens: usize = pass.members.iter().map(|&index| lengths[index]).sum();
            assert!(tokens <= PASS_TOKENS_MAX);
        }
    }

    #[test]
    fn a_pass_takes_any_lengths() {
        let pass = |members: &[usize]| Pass { members: members.to_vec() };
        assert_eq!(passes(&[3, 512, 9, 500]), [pass(&[1, 3, 2, 0])]);
        assert_eq!(passes(&[4096, 1]), [pass(&[0]), pass(&[1])]);
        assert_eq!(passes(&[]), []);
    }
}

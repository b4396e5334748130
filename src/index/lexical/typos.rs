//! How many slips of the finger lie between two words.

/// The fewest insertions, deletions, replacements and swaps of neighbours that make one word the
/// other, each place touched once; `None` where they are more than `most`.
pub(super) fn edits(one: &[char], other: &[char], most: usize) -> Option<usize> {
    if one.len().abs_diff(other.len()) > most {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, &a) in (1..).zip(one) {
        let mut next = vec![row];
        for (column, &b) in (1..).zip(other) {
            let replaced = last[column - 1] + usize::from(a != b);
            let mut best = replaced.min(last[column] + 1).min(next[column - 1] + 1);
            let swapped = row > 1 && column > 1 && a == other[column - 2] && one[row - 2] == b;
            if swapped {
                best = best.min(before[column - 2] + 1);
            }
            next.push(best);
        }
        if next.iter().min().is_none_or(|&least| least > most) {
            return None;
        }
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().filter(|&edits| edits <= most)
}

/// How many slips a word of so many letters may have: none that could make it another short word.
pub(super) fn edits_allowed(letters: usize) -> usize {
    match letters {
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::edits;

    #[test]
    fn slips_are_counted() {
        for (one, other, expected) in [
            ("light", "light", Some(0)),
            ("lihgt", "light", Some(1)),
            ("ligt", "light", Some(1)),
            ("lightt", "light", Some(1)),
            ("loght", "light", Some(1)),
            ("photosintesis", "photosynthesis", Some(2)),
            ("kitten", "sitting", None),
            ("abc", "abcdef", None),
            ("", "ab", Some(2)),
        ] {
            let chars = |word: &str| word.chars().collect::<Vec<_>>();
            assert_eq!(edits(&chars(one), &chars(other), 2), expected, "{one} {other}");
        }
    }
}

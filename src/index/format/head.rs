//! How far an index has come, and what its last commits did.

use super::Kind;
use super::bytes::{Reader, Writer};
use crate::error::Result;

/// What the last commits did is remembered for at most so many steps: enough for another tab that
/// looks again between two commits, little enough to be rewritten with each.
pub const EFFECTS_MAX: usize = 96;

/// What a commit did, for whoever has the index before it in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A page with this number came.
    Added(u32),
    /// The page with this number went.
    Removed(u32),
    /// The bits and directory records of pages with numbers from the first to the last now lie in
    /// one run.
    Merged(u32, u32),
    /// Pages came to wait, or wait no longer.
    Queue,
    /// Words lie elsewhere.
    Words,
    /// More than can be told: everything is to be read anew.
    All,
}

/// How far an index has come. Every commit rewrites it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// Commits so far.
    pub commits: u64,
    /// The number that the next page gets. A number is never given twice.
    pub next_page: u32,
    /// What the last commits did, the latest last.
    pub recent: Vec<Vec<Effect>>,
}

impl Head {
    /// The head after one more commit.
    pub fn after(&self, next_page: u32, effects: &[Effect]) -> Head {
        let too_many = effects.len() > EFFECTS_MAX / 2;
        let told = if too_many { vec![Effect::All] } else { effects.to_vec() };
        let mut recent = self.recent.clone();
        recent.push(told);
        let mut steps: usize = recent.iter().map(|effects| effects.len() + 1).sum();
        let mut forgotten = 0;
        while steps > EFFECTS_MAX {
            steps -= recent[forgotten].len() + 1;
            forgotten += 1;
        }
        recent.drain(..forgotten);
        Head { commits: self.commits.wrapping_add(1), next_page, recent }
    }

    /// What happened since `before`, or `None` where that cannot be told.
    pub fn since(&self, before: &Head) -> Option<impl Iterator<Item = Effect> + '_> {
        let commits = usize::try_from(self.commits.checked_sub(before.commits)?).ok()?;
        let first = self.recent.len().checked_sub(commits)?;
        let effects = || self.recent[first..].iter().flatten().copied();
        (!effects().any(|effect| effect == Effect::All)).then(effects)
    }
}

/// The bytes of the head.
pub fn head_to_bytes(head: &Head) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Kind::Head);
    writer.u64(head.commits);
    writer.u32(head.next_page);
    writer.count(head.recent.len())?;
    for effects in &head.recent {
        writer.count(effects.len())?;
        for effect in effects {
            let (kind, first, last) = match *effect {
                Effect::Added(page) => (0, page, page),
                Effect::Removed(page) => (1, page, page),
                Effect::Merged(first, last) => (2, first, last),
                Effect::All => (3, 0, 0),
                Effect::Queue => (4, 0, 0),
                Effect::Words => (5, 0, 0),
            };
            writer.u8(kind);
            writer.u32(first);
            writer.u32(last);
        }
    }
    writer.seal()
}

/// Reads the head.
///
/// # Errors
///
/// `Corrupt`, or `Fingerprint` where a newer version has written it. So with all readers here.
pub fn head_from_bytes(bytes: &[u8]) -> Result<Head> {
    let mut reader = Reader::open(Kind::Head, None, bytes)?;
    let mut head = Head { commits: reader.u64()?, next_page: reader.u32()?, recent: Vec::new() };
    // The first version told nothing of its commits.
    if !reader.is_at_end() {
        head.recent = reader.list(4, |reader| reader.list(9, read_effect))?;
    }
    reader.finish()?;
    Ok(head)
}

fn read_effect(reader: &mut Reader<'_>) -> Result<Effect> {
    let (kind, first, last) = (reader.u8()?, reader.u32()?, reader.u32()?);
    match kind {
        0 => Ok(Effect::Added(first)),
        1 => Ok(Effect::Removed(first)),
        2 => Ok(Effect::Merged(first, last)),
        3 => Ok(Effect::All),
        4 => Ok(Effect::Queue),
        5 => Ok(Effect::Words),
        other => Err(reader.corrupt(&format!("{other} is no effect of a commit"))),
    }
}

#[cfg(test)]
mod tests {
    use super::{EFFECTS_MAX, Effect, Head};

    #[test]
    fn tells_what_happened_as_long_as_it_is_remembered() {
        let old = Head::default();
        let one = old.after(1, &[Effect::Added(0)]);
        let two = one.after(2, &[Effect::Removed(0), Effect::Added(1)]);
        let told = |now: &Head, before: &Head| now.since(before).map(Iterator::collect::<Vec<_>>);
        assert_eq!(told(&two, &one), Some(vec![Effect::Removed(0), Effect::Added(1)]));
        assert_eq!(told(&two, &old).map(|all| all.len()), Some(3));
        assert_eq!((told(&two, &two), told(&one, &two)), (Some(vec![]), None));
        let many =
            (0..200).fold(two.clone(), |head, page| head.after(page, &[Effect::Added(page)]));
        assert_eq!(told(&many, &two), None);
        assert!(many.recent.len() * 2 <= EFFECTS_MAX);
        let all = two.after(2, &[Effect::Removed(1); EFFECTS_MAX]);
        assert_eq!(told(&all, &two), None);
        assert_eq!(told(&all.after(3, &[Effect::Added(2)]), &all), Some(vec![Effect::Added(2)]));
    }
}

//! The nearest of the rows that a scan comes by, without sorting them all.

/// Distances that are worked out before they are looked at: enough that the kernel's loop is long,
/// few enough that they stay in the fastest cache.
const ROWS: usize = 512;

/// Distances of which one comparison finds whether any is near enough.
const GROUP: usize = 16;

/// Below this it is not worth while to throw out candidates that have been overtaken.
const KEPT_MIN: usize = 256;

/// A row and how many of its bits differ from the query's. The order is by distance, then by key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Bits that differ.
    pub distance: u32,
    /// Which row; rows are scanned in the order of their keys.
    pub key: u64,
}

/// Without a way out in the middle, so that it becomes a few vector instructions.
fn is_any_below(group: &[u32; GROUP], bound: u32) -> bool {
    group.iter().fold(false, |near, &distance| near | (distance < bound))
}

/// Keeps the `count` least candidates of those it is shown; of equals those that came first.
///
/// A distance is a small whole number, so candidates are counted by distance, and the counts say
/// when the bound can be lowered: a candidate costs the same however many are kept.
#[derive(Debug)]
pub struct TopK {
    count: usize,
    /// In the order in which they came, with some that have been overtaken.
    kept: Vec<Candidate>,
    /// How many kept candidates have each distance, right up to the bound.
    tally: Vec<usize>,
    /// Only what is nearer than this is taken.
    bound: u32,
    /// How many kept candidates are nearer than the bound: never `count` or more.
    nearer: usize,
    distances: Box<[u32; ROWS]>,
}

impl TopK {
    /// For so many candidates.
    pub fn new(count: usize) -> Self {
        TopK {
            count,
            kept: Vec::new(),
            tally: Vec::new(),
            bound: 0,
            nearer: 0,
            distances: Box::new([0; ROWS]),
        }
    }

    /// Makes ready for distances up to this.
    pub(super) fn begin(&mut self, distance_max: usize) {
        let places = distance_max + 1;
        if self.count == 0 || self.tally.len() >= places {
            return;
        }
        if self.bound as usize == self.tally.len() {
            self.bound = u32::try_from(places).unwrap_or(u32::MAX);
        }
        self.tally.resize(places, 0);
    }

    /// Has `work_out` write the distances of the next rows, whose keys begin at `first_key`, and
    /// takes those that are near enough. Both say how many they were.
    pub(super) fn take(
        &mut self,
        first_key: u64,
        work_out: impl FnOnce(&mut [u32]) -> usize,
    ) -> usize {
        let rows = work_out(&mut self.distances[..]);
        let groups = rows.div_ceil(GROUP);
        // What fills the last group up is never near.
        self.distances[rows..groups * GROUP].fill(u32::MAX);
        for (number, key) in (0..groups).zip((first_key..).step_by(GROUP)) {
            let group = &self.distances.as_chunks::<GROUP>().0[number];
            if is_any_below(group, self.bound()) {
                self.take_group(number, key);
            }
        }
        rows
    }

    /// Takes those of a group that are near enough. Which they are cannot be foreseen, so they are
    /// picked out without a branch for each.
    #[inline(never)]
    fn take_group(&mut self, number: usize, first_key: u64) {
        let group = self.distances.as_chunks::<GROUP>().0[number];
        let (mut near, mut count) = ([0; GROUP], 0);
        for (at, &distance) in group.iter().enumerate() {
            near[count % GROUP] = at;
            count += usize::from(distance < self.bound);
        }
        for &at in &near[..count] {
            // The bound may have been lowered since.
            if group[at] < self.bound {
                self.push(group[at], first_key + at as u64);
            }
        }
    }

    /// What is as far as this, or farther, is not near enough.
    pub(super) fn bound(&self) -> u32 {
        self.bound
    }

    /// Takes a row that is nearer than the bound. Returns the bound from now on.
    #[inline(never)]
    pub(super) fn push(&mut self, distance: u32, key: u64) -> u32 {
        if self.kept.len() >= self.count.saturating_mul(2).max(KEPT_MIN) {
            self.drop_overtaken();
        }
        self.kept.push(Candidate { distance, key });
        self.tally[distance as usize] += 1;
        self.nearer += 1;
        while self.nearer >= self.count {
            // With `count` below it, what is at the bound or beyond can no longer get in.
            self.bound -= 1;
            self.nearer -= self.tally[self.bound as usize];
        }
        self.bound
    }

    /// Keeps `count` candidates at most: all below the bound, and the first of those that are at it.
    fn drop_overtaken(&mut self) {
        let places = self.count - self.nearer;
        let (mut left, mut end) = (places, 0);
        // Which stay cannot be foreseen either, so each is moved, and the next may overwrite it.
        for at in 0..self.kept.len() {
            let candidate = self.kept[at];
            let is_at_bound = (candidate.distance == self.bound) & (left > 0);
            left -= usize::from(is_at_bound);
            self.kept[end] = candidate;
            end += usize::from((candidate.distance < self.bound) | is_at_bound);
        }
        self.kept.truncate(end);
        if let Some(tally) = self.tally.get_mut(self.bound as usize) {
            *tally = places - left;
        }
    }

    /// The candidates, the nearest first.
    pub fn into_sorted(mut self) -> Vec<Candidate> {
        self.drop_overtaken();
        let mut next = 0;
        for tally in self.tally.iter_mut().take(self.bound as usize + 1) {
            next += std::mem::replace(tally, next);
        }
        // They are in the order of their keys, and stay so where distances are equal.
        let mut sorted = vec![Candidate { distance: 0, key: 0 }; self.kept.len()];
        for candidate in self.kept {
            let place = &mut self.tally[candidate.distance as usize];
            sorted[*place] = candidate;
            *place += 1;
        }
        sorted
    }
}

//! Threads of a browser: workers on the same memory, which wait until there is work to share.
//!
//! Not rayon, as natively: a thread that dies of a trap leaves rayon waiting for it for ever, and with
//! it the worker that asked. Here whoever waits looks up, and says that the pool is broken.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use core::time::Duration;

/// So often a thread looks for news before it sleeps: between two products of a pass there is no need
/// to wake it.
const SPINS: usize = 4000;

/// How long the leader sleeps before it looks up.
const LOOK_UP: Duration = Duration::from_millis(20);

/// How long a helper sleeps, which is woken when there is work: seldom, for the sake of the battery.
const REST: Duration = Duration::from_secs(60);

/// One piece of work for all: a function of the numbers below `count`.
#[derive(Clone, Copy)]
struct Job {
    work: *const (dyn Fn(usize) + Sync),
    count: usize,
}

/// Threads that share work. One of them leads: it brings the work, does its share, and waits.
pub(crate) struct Pool {
    /// The job at hand. Written by the leader while it is closed and nobody is in it.
    job: UnsafeCell<Option<Job>>,
    /// Odd while the job is open.
    round: AtomicUsize,
    /// The next number that nobody has taken.
    next: AtomicUsize,
    /// How many numbers are done, of all jobs: by it the leader sees that the others get on.
    done: AtomicUsize,
    /// Threads that may be at the job.
    inside: AtomicUsize,
    /// Threads beside the leader.
    helpers: AtomicUsize,
    is_led: AtomicBool,
    is_broken: AtomicBool,
    sleepers: AtomicUsize,
    bed: Mutex<()>,
    news: Condvar,
    /// See `new`.
    looks_max: usize,
}

// SAFETY: `job` is written by the leader alone, while nobody else reads it: see `each` and `help`.
unsafe impl Sync for Pool {}

impl Pool {
    /// The leader gives the others up when it has looked `looks_max` times, each [`LOOK_UP`] after the
    /// last, and found them no further.
    pub(crate) const fn new(looks_max: usize) -> Self {
        Pool {
            job: UnsafeCell::new(None),
            round: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            helpers: AtomicUsize::new(0),
            is_led: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            sleepers: AtomicUsize::new(0),
            bed: Mutex::new(()),
            news: Condvar::new(),
            looks_max,
        }
    }

    /// How many threads share the work, the leader among them.
    pub(crate) fn threads(&self) -> usize {
        self.helpers.load(SeqCst) + 1
    }

    /// Whether a thread has died in the midst of its work: what was computed since is worth nothing.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(SeqCst)
    }

    /// A thread has died. Nobody is waited for any more.
    pub(crate) fn broken(&self) {
        self.is_broken.store(true, SeqCst);
        self.wake();
    }

    /// Calls `work` for every number below `count`, and comes back when all are done, or when the pool
    /// is broken. Within work that is shared already, one thread does it alone.
    pub(crate) fn each(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        let alone = count < 2 || self.threads() == 1 || self.is_broken();
        if alone || self.is_led.swap(true, SeqCst) {
            return (0..count).for_each(work);
        }
        // SAFETY: the lifetime is taken away, for as long as the job is open or anyone is in it, which is
        // awaited below. Where the pool is broken, a thread may still be in it, in memory that is not
        // given back before the module goes: see `broken`.
        let work: *const (dyn Fn(usize) + Sync) =
            unsafe { std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), _>(work) };
        let job = Job { work, count };
        // SAFETY: the job is closed, and nobody is in it.
        unsafe { *self.job.get() = Some(job) };
        self.next.store(0, SeqCst);
        self.round.fetch_add(1, SeqCst);
        self.wake();
        self.work(job);
        self.round.fetch_add(1, SeqCst);
        self.wait();
        self.is_led.store(false, SeqCst);
    }

    /// A thread's life: shares the work that comes, until the pool is broken.
    pub(crate) fn help(&self) {
        self.helpers.fetch_add(1, SeqCst);
        let mut seen = 0;
        while let Some(round) = self.opened(seen) {
            seen = round;
            self.inside.fetch_add(1, SeqCst);
            // The leader, which closes first and looks then who is inside, sees this thread, or this
            // thread sees that it is closed.
            if self.round.load(SeqCst) == round {
                // SAFETY: open, so it was written, and is not written again while this thread is inside.
                if let Some(job) = unsafe { *self.job.get() } {
                    self.work(job);
                }
            }
            if self.inside.fetch_sub(1, SeqCst) == 1 && self.round.load(SeqCst).is_multiple_of(2) {
                self.wake();
            }
        }
        self.helpers.fetch_sub(1, SeqCst);
    }

    /// Takes number after number.
    fn work(&self, job: Job) {
        loop {
            let number = self.next.fetch_add(1, SeqCst);
            if number >= job.count || self.is_broken() {
                return;
            }
            // SAFETY: whoever brought the job holds on to it until it is closed and nobody is in it.
            unsafe { (*job.work)(number) };
            self.done.fetch_add(1, SeqCst);
        }
    }

    /// Waits until nobody is at the job any more.
    fn wait(&self) {
        let is_over = || self.inside.load(SeqCst) == 0 || self.is_broken();
        let (mut looks, mut done) = (0, self.done.load(SeqCst));
        while !self.sleep_until(is_over, LOOK_UP) {
            let now = self.done.load(SeqCst);
            looks = if now == done { looks + 1 } else { 0 };
            done = now;
            if looks > self.looks_max {
                return self.broken();
            }
        }
    }

    /// Waits for a job that is open and is not the one seen last. None where the pool is broken.
    fn opened(&self, seen: usize) -> Option<usize> {
        let mut round = seen;
        let mut is_open = || {
            round = self.round.load(SeqCst);
            self.is_broken() || (round % 2 == 1 && round != seen)
        };
        while !self.sleep_until(&mut is_open, REST) {}
        (!self.is_broken()).then_some(round)
    }

    /// Looks often, then sleeps a while. Whether it is so.
    fn sleep_until(&self, mut is_so: impl FnMut() -> bool, at_most: Duration) -> bool {
        for _ in 0..SPINS {
            if is_so() {
                return true;
            }
            std::hint::spin_loop();
        }
        let bed = self.bed();
        self.sleepers.fetch_add(1, SeqCst);
        // Whoever wakes changes what is looked at first, and looks for sleepers then.
        let is_now = is_so();
        if !is_now {
            drop(self.news.wait_timeout(bed, at_most));
        }
        self.sleepers.fetch_sub(1, SeqCst);
        is_now || is_so()
    }

    fn wake(&self) {
        if self.sleepers.load(SeqCst) > 0 {
            drop(self.bed());
            self.news.notify_all();
        }
    }

    /// Nothing lies in it that a thread could have left half done.
    fn bed(&self) -> MutexGuard<'_, ()> {
        self.bed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicU32;

    use super::*;

    /// Lets the helpers go, also where a test fails.
    struct Ending<'a>(&'a Pool);

    impl Drop for Ending<'_> {
        fn drop(&mut self) {
            self.0.broken();
        }
    }

    /// Runs something with a pool of so many threads beside this one.
    fn with_pool(helpers: usize, run: impl FnOnce(&Pool)) {
        let pool = Pool::new(5);
        std::thread::scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(|| pool.help());
            }
            while pool.threads() < helpers + 1 {
                std::thread::yield_now();
            }
            let ending = Ending(&pool);
            run(ending.0);
        });
    }

    #[test]
    fn every_number_is_done_once_however_many_threads_there_are() {
        for helpers in [0, 1, 3, 7] {
            with_pool(helpers, |pool| {
                for round in 0..2000 {
                    let count = [0, 1, 2, 5, 64, 300][round % 6];
                    let times: Vec<AtomicU32> = (0..count).map(|_| AtomicU32::new(0)).collect();
                    pool.each(count, &|number| {
                        times[number].fetch_add(1, SeqCst);
                    });
                    assert!(times.iter().all(|times| times.load(SeqCst) == 1), "round {round}");
                }
                assert!(!pool.is_broken());
            });
        }
    }

    #[test]
    fn helpers_do_their_share_and_are_waited_for() {
        with_pool(2, |pool| {
            let leader = std::thread::current().id();
            let by_others = AtomicU32::new(0);
            // Until one has taken part: a thread is woken when the machine has time for it.
            while by_others.load(SeqCst) == 0 {
                let done = AtomicU32::new(0);
                pool.each(100, &|_| {
                    std::thread::yield_now();
                    if std::thread::current().id() != leader {
                        by_others.fetch_add(1, SeqCst);
                        std::thread::sleep(Duration::from_millis(2));
                    }
                    done.fetch_add(1, SeqCst);
                });
                assert_eq!(done.load(SeqCst), 100);
            }
        });
    }

    #[test]
    fn work_within_work_is_done_by_one_thread_alone() {
        with_pool(3, |pool| {
            let sum = AtomicU32::new(0);
            pool.each(8, &|_| {
                pool.each(8, &|number| {
                    sum.fetch_add(number as u32, SeqCst);
                });
            });
            assert_eq!(sum.load(SeqCst), 8 * 28);
        });
    }

    #[test]
    fn sleepers_wake_up() {
        with_pool(2, |pool| {
            for _ in 0..5 {
                while pool.sleepers.load(SeqCst) < 2 {
                    std::thread::yield_now();
                }
                // Neither of two gets on before the other has come.
                let both = Barrier::new(2);
                pool.each(2, &|_| {
                    both.wait();
                });
            }
        });
    }

    /// As a worker does that is ended in the midst of its work: it is inside, and never comes out.
    #[test]
    fn a_thread_that_does_not_come_back_is_told_of_and_not_waited_for() {
        with_pool(1, |pool| {
            assert!(!pool.is_broken());
            pool.inside.fetch_add(1, SeqCst);
            pool.each(4, &|_| {});
            assert!(pool.is_broken());
            // One thread alone goes on, as best it can.
            let done = AtomicU32::new(0);
            pool.each(4, &|_| {
                done.fetch_add(1, SeqCst);
            });
            assert_eq!(done.load(SeqCst), 4);
        });
    }
}

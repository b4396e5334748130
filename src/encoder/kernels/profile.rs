//! Where does the time of a pass go? Kept only while somebody asks.

use std::cell::RefCell;

#[cfg(feature = "gpu")]
use super::launch::Launch;

/// What one kind of kernel did.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelTime {
    /// What it computes.
    pub kernel: String,
    /// How often it ran.
    pub runs: usize,
    /// Multiplications and additions of all runs.
    pub operations: f64,
    /// Seconds of all runs.
    pub seconds: f64,
}

/// What is kept of a pass.
pub(crate) struct Record {
    /// Seconds since whenever.
    clock: fn() -> f64,
    /// By kernel, in the order of their first run.
    pub(crate) cpu: Vec<KernelTime>,
    #[cfg(feature = "gpu")]
    pub(super) gpu: Vec<Launch>,
}

thread_local! {
    static RECORD: RefCell<Option<Record>> = const { RefCell::new(None) };
}

/// Keeps what runs until [`taken`].
pub(crate) fn keep(clock: fn() -> f64) {
    let record = Record {
        clock,
        cpu: Vec::new(),
        #[cfg(feature = "gpu")]
        gpu: Vec::new(),
    };
    RECORD.set(Some(record));
}

/// What ran since [`keep`].
pub(crate) fn taken() -> Option<Record> {
    RECORD.take()
}

/// Runs a kernel of the CPU, and keeps its time where somebody asks. `what` tells the kernel and its
/// operations by its result.
pub(super) fn timed<T>(body: impl FnOnce() -> T, what: impl FnOnce(&T) -> (String, u64)) -> T {
    let Some(clock) = RECORD.with_borrow(|record| record.as_ref().map(|record| record.clock))
    else {
        return body();
    };
    let start = clock();
    let result = body();
    let seconds = clock() - start;
    RECORD.with_borrow_mut(|record| {
        if let Some(record) = record {
            let (kernel, operations) = what(&result);
            add(&mut record.cpu, kernel, operations, seconds);
        }
    });
    result
}

/// Adds runs of a kernel to those that are there.
pub(crate) fn add(times: &mut Vec<KernelTime>, kernel: String, operations: u64, seconds: f64) {
    let operations = operations as f64;
    match times.iter_mut().find(|time| time.kernel == kernel) {
        Some(time) => {
            time.runs += 1;
            time.operations += operations;
            time.seconds += seconds;
        }
        None => times.push(KernelTime { kernel, runs: 1, operations, seconds }),
    }
}

/// Keeps a kernel of the GPU, to run it again.
#[cfg(feature = "gpu")]
pub(super) fn note(launch: Launch) {
    RECORD.with_borrow_mut(|record| {
        if let Some(record) = record {
            record.gpu.push(launch);
        }
    });
}

/// The kernel of the GPU that ran last.
#[cfg(feature = "gpu")]
pub(super) fn last() -> Option<Launch> {
    RECORD.with_borrow_mut(|record| record.as_mut().and_then(|record| record.gpu.pop()))
}

/// The time of every kind of kernel of the GPU, all of one kind run once more.
#[cfg(feature = "gpu")]
pub(crate) async fn run_again(record: &Record) -> Result<Vec<KernelTime>, String> {
    let mut times: Vec<KernelTime> = Vec::new();
    for launch in &record.gpu {
        add(&mut times, launch.program.label.clone(), launch.operations, 0.0);
    }
    for time in &mut times {
        let launches = record.gpu.iter().filter(|launch| launch.program.label == time.kernel);
        let launches: Vec<&Launch> = launches.collect();
        let Some(first) = launches.first() else { continue };
        first.client.settle().await?;
        let start = (record.clock)();
        first.client.settle().await?;
        let waiting = (record.clock)() - start;
        let start = (record.clock)();
        launches.iter().for_each(|launch| launch.run());
        first.client.settle().await?;
        time.seconds = ((record.clock)() - start - waiting).max(0.0);
    }
    Ok(times)
}

/// The time of compiling each of the GPU's kernels, and of one run of it.
#[cfg(feature = "gpu")]
pub(crate) async fn compiled(record: &Record) -> Result<Vec<KernelTime>, String> {
    let mut sources: Vec<&str> = Vec::new();
    let mut times = Vec::new();
    for launch in &record.gpu {
        if sources.contains(&&launch.program.source[..]) {
            continue;
        }
        sources.push(&launch.program.source);
        // Known by its text: with another, it is another.
        let source = format!("{}// {}\n", launch.program.source, (record.clock)());
        let anew = launch.with_source(source);
        anew.client.settle().await?;
        let start = (record.clock)();
        anew.run();
        anew.client.settle().await?;
        add(&mut times, launch.program.label.clone(), launch.operations, (record.clock)() - start);
    }
    Ok(times)
}

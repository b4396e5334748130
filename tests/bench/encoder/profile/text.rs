//! A profile as lines to read: the same natively and in Chromium.

use burrow::encoder::{KernelTime, Profile};

/// The pass as a whole, and then a line for each kind of kernel.
pub(crate) fn told(tokens: u32, profile: &Profile) -> String {
    let Profile { whole, gather, submit, readback, kernels, compile } = profile;
    let operations: f64 = kernels.iter().map(|time| time.operations).sum();
    let mut text = format!(
        "\n{tokens} tokens: {:.1} ms, {:.2} GFLOP/s; gather {:.2} ms, submit {:.2} ms, readback {:.2} ms\n",
        whole * 1e3,
        operations / whole / 1e9,
        gather * 1e3,
        submit * 1e3,
        readback * 1e3
    );
    text.extend(kernels.iter().map(|time| kernel(time, *whole)));
    if !compile.is_empty() {
        let seconds: f64 = compile.iter().map(|time| time.seconds).sum();
        let count = compile.len();
        let ms = seconds * 1e3;
        text += &format!("  compiled anew, with one run each: {count} kernels, {ms:.0} ms\n");
    }
    text
}

fn kernel(time: &KernelTime, whole: f64) -> String {
    format!(
        "  {:24} {:4} runs {:9.3} ms {:5.1} % {:8.2} GFLOP/s\n",
        time.kernel,
        time.runs,
        time.seconds * 1e3,
        100.0 * time.seconds / whole,
        time.operations / time.seconds.max(1e-9) / 1e9
    )
}

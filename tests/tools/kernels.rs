//! Every kernel's text with what it reads and what its twin on the CPU makes of it, as JSON, a run a line:
//! for the test that has Chromium compile and run the very same texts.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use burrow::encoder::{KernelCheck, check_kernels};

fn main() {
    match pollster::block_on(check_kernels()) {
        Ok(checks) => checks.iter().for_each(print),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}

fn print(check: &KernelCheck) {
    let buffers: Vec<String> =
        check.run.buffers.iter().map(|bytes| BASE64_STANDARD.encode(bytes)).collect();
    let line = serde_json::json!({
        "name": check.name, "source": check.run.source, "workgroups": check.run.workgroups,
        "buffers": buffers, "error": check.error,
    });
    println!("{line}");
}

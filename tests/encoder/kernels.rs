//! Every kernel of the GPU, in every form and share of work, gives what its twin on the CPU gives.

use burrow::encoder::{adapter, check_kernels};

/// Relative to the greatest value.
const ERROR_MAX: f32 = 1e-5;

#[test]
fn every_kernel_gives_what_its_twin_gives() {
    if let Err(error) = pollster::block_on(adapter()) {
        println!("skipped: no adapter: {error}");
        return;
    }
    let checks = pollster::block_on(check_kernels()).unwrap();
    let worst = checks.iter().max_by(|a, b| a.error.total_cmp(&b.error)).unwrap();
    println!("{} cases, worst {worst:?}", checks.len());
    let wrong: Vec<_> = checks.iter().filter(|check| check.error > ERROR_MAX).collect();
    assert!(wrong.is_empty(), "{} wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}

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
    let errors = checks.iter().map(|check| (&check.name, check.error));
    let worst = errors.clone().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    println!("{} cases, worst {worst:?}", checks.len());
    // What is not a number is wrong, too.
    let wrong: Vec<_> = errors.filter(|(_, error)| error.is_nan() || *error > ERROR_MAX).collect();
    assert!(wrong.is_empty(), "{} wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}

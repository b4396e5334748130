//! WebGPU gives what the CPU gives. Natively the adapter may be a software one: that is enough here.

use burrow::ErrorKind;
use burrow::encoder::{DeviceKind, Encoder, Sequence, adapter};

use crate::reference::{Reference, cosine, files, load, load_on, real_folder, tiny, tiny_files};

/// The least cosine to the CPU's vectors that is allowed on a GPU.
const COSINE_MIN: f64 = 0.9999;

#[test]
fn web_gpu_equals_the_cpu() {
    let adapter = match pollster::block_on(adapter()) {
        Ok(adapter) => adapter,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Device);
            println!("skipped: no adapter: {error}");
            return;
        }
    };
    println!("adapter {} (software: {})", adapter.name, adapter.software);
    let gpu = load_on(tiny_files(), DeviceKind::WebGpu).unwrap();
    assert_eq!(gpu.device(), (DeviceKind::WebGpu, &adapter.name[..]));
    compare(&gpu, &tiny(), &Reference::read("tiny-bert"), 6);
    let Some(folder) = real_folder() else { return };
    let gpu = load_on(files(&folder), DeviceKind::WebGpu).unwrap();
    let cpu = load(files(&folder)).unwrap();
    compare(&gpu, &cpu, &Reference::read("all-MiniLM-L6-v2"), 3);
}

/// A few short cases, together: the batch has padding and so a mask.
fn compare(gpu: &Encoder, cpu: &Encoder, reference: &Reference, count: usize) {
    assert_eq!(gpu.fingerprint(), cpu.fingerprint());
    let cases = reference.cases.iter().skip(2).take(count);
    let whole = |ids: &Vec<u32>| Sequence { ids: ids.clone(), spans: vec![0..ids.len(), 1..2] };
    let batch: Vec<Sequence> = cases.map(|case| whole(&case.ids)).collect();
    let encode = |encoder: &Encoder| pollster::block_on(encoder.embed(&batch)).unwrap().concat();
    let (gpu, cpu) = (encode(gpu), encode(cpu));
    let rows = gpu.chunks_exact(reference.dimension).zip(cpu.chunks_exact(reference.dimension));
    let worst = rows.map(|(gpu, cpu)| cosine(gpu, cpu)).fold(1.0, f64::min);
    println!("least cosine of WebGPU and CPU {worst:.9}");
    assert!(worst >= COSINE_MIN, "{worst}");
}

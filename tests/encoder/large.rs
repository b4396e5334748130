//! The exact shape of pplx-embed-v1-0.6b, with invented weights in q8, equals PyTorch.

use burrow::encoder::{DeviceKind, Encoder, Loader, ModelInfo};

use crate::invented::{self, Large, Values};
use crate::reference::{cosine, data, difference};

/// The encoder, loaded tensor by tensor.
fn load(large: &Large, outliers: bool, device: DeviceKind) -> Encoder {
    let tokenizer = data().join("tiny-qwen3/gqa/tokenizer.json");
    let info = ModelInfo {
        name: "random-0.6b".to_owned(),
        config: serde_json::to_vec(&large.config).unwrap(),
        tokenizer: std::fs::read(tokenizer).unwrap(),
        manifest: None,
    };
    let mut loader = pollster::block_on(Loader::start(info, device)).unwrap();
    for (name, shape) in large.tensors() {
        let file = invented::file(&name, &shape, outliers, Values::Codes);
        // What is not read again need not be hashed.
        loader.add(&name, &file, Some(String::new())).unwrap();
    }
    pollster::block_on(loader.finish()).unwrap()
}

#[test]
fn invented_weights_are_those_of_the_reference() {
    let large = Large::read();
    let tensors = large.tensors();
    for variant in &large.variants {
        for sample in &variant.weights {
            let (name, shape) = tensors.iter().find(|(name, _)| *name == sample.name).unwrap();
            // The token table is large: its rows up to the sample are not needed.
            if shape[0] > 100_000 {
                continue;
            }
            let file = invented::file(name, shape, variant.name == "outliers", Values::Exact);
            let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
            let values = tensors.tensor(name).unwrap().data().as_chunks().0;
            let found = values[sample.start..sample.start + 8].iter();
            let bits = found.map(|&value| format!("{:08x}", u32::from_le_bytes(value)));
            assert_eq!(bits.collect::<Vec<_>>(), sample.bits, "{name} {}", variant.name);
        }
    }
}

#[test]
fn the_true_shape_equals_pytorch_on_the_cpu() {
    let large = Large::read();
    // The variant whose residual grows beyond 65,504 in the third layer.
    let variant = large.variant("outliers");
    assert!(variant.peaks[2] > 65_504.0);
    let encoder = load(&large, true, DeviceKind::Cpu);
    assert_eq!((encoder.weights(), encoder.fingerprint().dimension), ("q8", 1024));
    for case in variant.cases.iter().filter(|case| case.ids.len() <= 16) {
        let vector = pollster::block_on(encoder.embed(&[encoder.whole(&case.ids)])).unwrap();
        let cosine = cosine(&vector[0], large.row(case.vector));
        println!("{}, {} tokens: cosine 1 - {:.1e}", case.language, case.ids.len(), 1.0 - cosine);
        assert!(cosine >= 0.999_999, "{cosine}");
        let Some(layers) = pollster::block_on(encoder.trace(&case.ids)).unwrap() else { continue };
        for &(layer, at, row) in &case.residuals {
            let expected = large.row(row);
            let found = &layers[layer][at * large.dimension..][..large.dimension];
            let greatest = expected.iter().fold(0f32, |greatest, value| greatest.max(value.abs()));
            let error = difference(found, expected) / greatest;
            // Inputs are rounded to 16 bits: beside values as great as these the others are coarse, and
            // which way one is rounded goes by the last bit before it. 1.5e-4 was seen.
            assert!(error <= 3e-4, "layer {layer}, position {at}: {error}");
        }
    }
}

#[cfg(feature = "gpu")]
#[test]
fn the_true_shape_equals_pytorch_on_web_gpu() {
    if let Err(error) = pollster::block_on(burrow::encoder::adapter()) {
        println!("skipped: no adapter: {error}");
        return;
    }
    let large = Large::read();
    let encoder = load(&large, true, DeviceKind::WebGpu);
    for case in large.variant("outliers").cases.iter().filter(|case| case.ids.len() == 8) {
        let start = std::time::Instant::now();
        let vector = pollster::block_on(encoder.embed(&[encoder.whole(&case.ids)])).unwrap();
        let cosine = cosine(&vector[0], large.row(case.vector));
        println!(
            "{} tokens: cosine 1 - {:.1e}, {:?}",
            case.ids.len(),
            1.0 - cosine,
            start.elapsed()
        );
        assert!(cosine >= 0.999_999, "{cosine}");
    }
}

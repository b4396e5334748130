//! The packed form: near the unpacked model, small shards, and nothing damaged gets through.

use burrow::ErrorKind;
use burrow::encoder::pack::{PackedWeights, Packer, SHARD_BYTES_MAX, Shard};
use burrow::encoder::{
    DeviceKind, Encoder, FileFacts, Golden, Loader, Manifest, ModelInfo, PACKED_VERSION,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::reference::{ModelFiles, Reference, cosine, load, qwen3_files, tiny_files};

/// The smallest shards that can be asked for, so that the tiny models have several.
const SHARD_BYTES: usize = 64 * 1024;

/// A packed model in memory.
struct Model {
    files: ModelFiles,
    shards: Vec<Shard>,
    manifest: Manifest,
}

/// Packs, with the unpacked model's vector of a few tokens as golden.
fn pack(files: ModelFiles, weights: PackedWeights) -> Model {
    let mut packer = Packer::new(&files.config, weights, SHARD_BYTES).unwrap();
    let mut shards = packer.add("model.safetensors", &files.weights).unwrap();
    let (last, facts, packed) = packer.finish().unwrap();
    shards.extend(last);
    let ModelFiles { name, config, tokenizer, weights } = files;
    let (copy, tokens) = (config.clone(), tokenizer.clone());
    let encoder = load(ModelFiles { name: name.clone(), config: copy, tokenizer: tokens, weights });
    let encoder = encoder.unwrap();
    let ids: Vec<u32> = (5..25).collect();
    let vector = pollster::block_on(encoder.embed(&[encoder.whole(&ids)])).unwrap().concat();
    let goldens = vec![Golden { ids, vector }];
    let manifest = Manifest { files: facts, packed: Some(packed), goldens };
    let files = ModelFiles { name, config, tokenizer, weights: Vec::new() };
    Model { files, shards, manifest }
}

impl Model {
    fn load(&self, device: DeviceKind) -> burrow::Result<Encoder> {
        pollster::block_on(self.loader(None, device)?.finish())
    }

    /// With all weights; `hashes` are those of the small files, where they are known.
    fn loader(&self, hashes: Option<[String; 2]>, device: DeviceKind) -> burrow::Result<Loader> {
        let info = ModelInfo {
            name: self.files.name.clone(),
            config: self.files.config.clone(),
            tokenizer: self.files.tokenizer.clone(),
            manifest: Some(serde_json::to_vec(&self.manifest).unwrap()),
        };
        let mut loader = pollster::block_on(async {
            match hashes {
                Some(hashes) => Loader::start_hashed(info, hashes, device).await,
                None => Loader::start(info, device).await,
            }
        })?;
        // In any order.
        for shard in self.shards.iter().rev() {
            loader.add(&shard.name, &shard.bytes, None)?;
        }
        Ok(loader)
    }

    /// Loads what is broken, and gives the message.
    fn refused(&self, kind: ErrorKind) -> String {
        let Err(error) = self.load(DeviceKind::Cpu) else { panic!("it was accepted") };
        assert_eq!(error.kind(), kind, "{error}");
        error.to_string()
    }
}

/// The least cosine of the reference's vectors.
fn least(encoder: &Encoder, name: &str) -> f64 {
    let reference = Reference::read(name);
    let cosines = reference.cases.iter().map(|case| {
        let vector = pollster::block_on(encoder.embed(&[encoder.whole(&case.ids)])).unwrap();
        cosine(&vector[0], reference.row(case.vector))
    });
    cosines.fold(1.0, f64::min)
}

#[test]
fn every_form_comes_near_the_unpacked_model() {
    let forms = [
        (PackedWeights::F16, "f16", 0.999_99),
        (PackedWeights::Q8, "q8", 0.995),
        (PackedWeights::Q4, "q4", 0.8),
    ];
    for (shape, reference) in
        [("gqa", "tiny-qwen3-gqa"), ("odd", "tiny-qwen3-odd"), ("", "tiny-bert")]
    {
        for (weights, name, allowed) in forms {
            let files = if shape.is_empty() { tiny_files() } else { qwen3_files(shape) };
            let mut model = pack(files, weights);
            // Four bits are too few for so small a model: its vectors are looked at all the same.
            model.manifest.goldens.clear();
            let encoder = model.load(DeviceKind::Cpu).unwrap();
            // Rows of 48 cannot be cut into groups of 32, and stay in f16.
            assert_eq!(encoder.weights(), if shape == "odd" { "f16" } else { name });
            let least = least(&encoder, reference);
            println!(
                "{reference} in {name}: {} shards, least cosine {least:.6}",
                model.shards.len()
            );
            assert!(least >= allowed, "{least}");
        }
    }
}

#[test]
fn what_is_known_of_a_model_is_not_found_out_again() {
    let mut model = pack(tiny_files(), PackedWeights::Q8);
    let found = model.load(DeviceKind::Cpu).unwrap();
    let small = [&model.files.config, &model.files.tokenizer];
    let hashes = small.map(|bytes| {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    });
    let bytes = model.files.config.len() as u64;
    let facts = FileFacts { bytes, sha256: hashes[0].clone() };
    model.manifest.files.insert("config.json".to_owned(), facts);
    let hashed = model.loader(Some(hashes.clone()), DeviceKind::Cpu).unwrap();
    let hashed = pollster::block_on(hashed.finish()).unwrap();
    assert_eq!(hashed.fingerprint(), found.fingerprint());
    // They are held against the manifest all the same.
    let [config, tokenizer] = hashes;
    let error = model.loader(Some([tokenizer, config]), DeviceKind::Cpu).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Model);
    let golden = &mut model.manifest.goldens[0].vector;
    golden.iter_mut().for_each(|value| *value = -*value);
    let proven = model.loader(None, DeviceKind::Cpu).unwrap().finish_proven().unwrap();
    let vector = |encoder: &Encoder| {
        pollster::block_on(encoder.embed(&[encoder.whole(&[7, 8, 9])])).unwrap()
    };
    assert_eq!(vector(&proven), vector(&found));
}

#[test]
fn shards_are_small_and_their_number_is_none_of_the_vectors_business() {
    let files = qwen3_files("gqa");
    let model = pack(files, PackedWeights::F16);
    assert!(model.shards.len() > 3);
    for shard in &model.shards {
        assert!(shard.bytes.len() <= SHARD_BYTES + 4096, "{}", shard.bytes.len());
        assert_eq!(model.manifest.files[&shard.name].bytes, shard.bytes.len() as u64);
    }
    let encoder = model.load(DeviceKind::Cpu).unwrap();
    let files = qwen3_files("gqa");
    let mut packer = Packer::new(&files.config, PackedWeights::F16, 8 << 20).unwrap();
    assert!(packer.add("model.safetensors", &files.weights).unwrap().is_empty());
    let (shards, facts, packed) = packer.finish().unwrap();
    assert_eq!(shards.len(), 1);
    let manifest = Manifest { files: facts, packed: Some(packed), goldens: Vec::new() };
    let one = Model { files: ModelFiles { weights: Vec::new(), ..files }, shards, manifest };
    let one = one.load(DeviceKind::Cpu).unwrap();
    let embed = |encoder: &Encoder| {
        pollster::block_on(encoder.embed(&[encoder.whole(&[7, 8, 9])])).unwrap()
    };
    assert_eq!(embed(&encoder), embed(&one));
    assert!(encoder.fingerprint().same_space(one.fingerprint()));
}

#[test]
fn a_shard_that_is_missing_cut_altered_or_another_is_refused() {
    let whole = || pack(qwen3_files("gqa"), PackedWeights::Q8);
    let mut model = whole();
    model.shards.remove(0);
    assert!(model.refused(ErrorKind::Model).contains("tensor"));
    for at in 0..whole().shards.len() {
        let mut model = whole();
        let middle = model.shards[at].bytes.len() / 2;
        model.shards[at].bytes[middle] ^= 1;
        let message = model.refused(ErrorKind::Model);
        assert!(
            message.contains(&model.shards[at].name) && message.contains("SHA-256"),
            "{message}"
        );
        let mut model = whole();
        model.shards[at].bytes.truncate(middle);
        assert!(model.refused(ErrorKind::Model).contains(&model.shards[at].name));
    }
    let mut model = whole();
    let copy = model.shards[0].bytes.clone();
    model.shards.push(Shard { name: "again.safetensors".to_owned(), bytes: copy });
    assert!(model.refused(ErrorKind::Model).contains("twice"));
}

#[test]
fn a_manifest_that_lies_is_refused() {
    let mut model = pack(qwen3_files("gqa"), PackedWeights::Q8);
    model.manifest.packed.as_mut().unwrap().version = PACKED_VERSION + 1;
    assert!(model.refused(ErrorKind::Model).contains("newer"));
    let mut model = pack(qwen3_files("gqa"), PackedWeights::Q8);
    let facts = FileFacts { bytes: 1, sha256: "0".repeat(64) };
    model.manifest.files.insert("config.json".to_owned(), facts);
    assert!(model.refused(ErrorKind::Model).contains("config.json"));
    for golden in [vec![f32::NAN; 64], vec![0.0; 64], vec![1.0; 3], vec![]] {
        let mut model = pack(qwen3_files("gqa"), PackedWeights::Q8);
        model.manifest.goldens[0].vector = golden;
        // JSON has no NaN: what is written in its place is no number.
        model.refused(ErrorKind::Model);
    }
    let mut model = pack(qwen3_files("gqa"), PackedWeights::Q8);
    model.manifest.goldens[0].vector.iter_mut().for_each(|value| *value = -*value);
    assert!(model.refused(ErrorKind::Model).contains("golden"));
    let mut model = pack(qwen3_files("gqa"), PackedWeights::Q8);
    model.manifest.goldens[0].ids = vec![1 << 20];
    model.refused(ErrorKind::Model);
    let mut model = pack(qwen3_files("gqa"), PackedWeights::Q8);
    model.manifest.goldens[0].ids.clear();
    assert!(model.load(DeviceKind::Cpu).is_err());
}

#[test]
fn what_is_packed_is_not_packed_again() {
    let model = pack(qwen3_files("gqa"), PackedWeights::Q8);
    let mut packer = Packer::new(&model.files.config, PackedWeights::Q4, SHARD_BYTES).unwrap();
    let all = model.shards.iter().map(|shard| packer.add(&shard.name, &shard.bytes));
    let error = all.filter_map(Result::err).next().unwrap();
    assert!(error.to_string().contains("already"), "{error}");
    let too_large = Packer::new(&model.files.config, PackedWeights::Q8, SHARD_BYTES_MAX + 1);
    assert_eq!(too_large.err().unwrap().kind(), ErrorKind::Limit);
}

#[cfg(feature = "gpu")]
#[test]
fn every_form_gives_the_same_on_web_gpu() {
    if let Err(error) = pollster::block_on(burrow::encoder::adapter()) {
        println!("skipped: no adapter: {error}");
        return;
    }
    let ids: Vec<u32> = (3..40).collect();
    for weights in [PackedWeights::F16, PackedWeights::Q8, PackedWeights::Q4] {
        let mut model = pack(qwen3_files("gqa"), weights);
        let encode = |model: &Model, device| {
            let encoder = model.load(device).unwrap();
            let vector = pollster::block_on(encoder.embed(&[encoder.whole(&ids)])).unwrap();
            (vector.concat(), encoder.precision())
        };
        // Without goldens the arithmetic is f32; with them f16, where the adapter knows it.
        let goldens = std::mem::take(&mut model.manifest.goldens);
        let (cpu, _) = encode(&model, DeviceKind::Cpu);
        let (full, precision) = encode(&model, DeviceKind::WebGpu);
        assert_eq!(precision, "f32");
        let exact = cosine(&full, &cpu);
        // What meets quantized weights is rounded to 16 bits on the CPU.
        let allowed = if weights == PackedWeights::F16 { 1e-9 } else { 1e-8 };
        assert!(exact >= 1.0 - allowed, "{exact}");
        if weights == PackedWeights::Q4 {
            continue;
        }
        model.manifest.goldens = goldens;
        let (half, precision) = encode(&model, DeviceKind::WebGpu);
        let near = cosine(&half, &cpu);
        println!("{}: WebGPU f32 1 - {:.1e}, {precision} {near:.7}", weights.name(), 1.0 - exact);
        assert!(near >= 0.9999, "{near}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any bytes in place of a shard, any flipped byte in one: an error, never a panic.
    #[test]
    fn broken_shards_never_panic(at in 0usize..60_000, value: u8, junk in prop::collection::vec(any::<u8>(), 0..200)) {
        thread_local! {
            static MODEL: Model = pack(qwen3_files("mha"), PackedWeights::Q8);
        }
        MODEL.with(|model| {
            let info = ModelInfo {
                name: String::new(),
                config: model.files.config.clone(),
                tokenizer: model.files.tokenizer.clone(),
                manifest: None,
            };
            let mut loader = pollster::block_on(Loader::start(info, DeviceKind::Cpu)).unwrap();
            for shard in &model.shards {
                let mut bytes = shard.bytes.clone();
                let at = at % bytes.len();
                bytes[at] ^= value;
                let _ = loader.add(&shard.name, &bytes, None);
                let _ = loader.add(&shard.name, &junk, None);
            }
            let _ = pollster::block_on(loader.finish());
        });
    }
}

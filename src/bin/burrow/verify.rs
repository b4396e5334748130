//! `burrow verify`: does a model give the vectors that were published for it?

use base64::Engine;
use burrow::encoder::{Encoder, MANIFEST, Manifest};
use burrow::{Error, ErrorKind, Result, pipeline, quantize};
use serde::Deserialize;

use crate::{ModelArgs, model};

/// Vectors that others published, each for one model's weights.
const PUBLISHED: [&str; 3] = [
    include_str!("../../../tests/data/goldens/pplx-embed-v1-0.6b.json"),
    include_str!("../../../tests/data/goldens/pplx-embed-context-v1-0.6b.json"),
    include_str!("../../../tests/data/goldens/qwen3-embedding-0.6b.json"),
];

/// What is asked of weights that were not quantized: the publishers' own tolerances.
const COSINE_MIN: f64 = 0.999;

/// See `tests/reference/README.md`.
#[derive(Deserialize)]
struct Published {
    model: String,
    documents: Vec<Document>,
}

#[derive(Deserialize)]
struct Document {
    chunks: Vec<String>,
    ids: Vec<u32>,
    /// Base64 of little-endian f32; the first components only where no more was published.
    #[serde(default)]
    pooled: Vec<String>,
    /// Base64.
    #[serde(default)]
    int8: Vec<String>,
    /// In hexadecimal.
    #[serde(default)]
    bits: Vec<String>,
}

/// Prints every golden vector beside the one that was found.
///
/// # Errors
///
/// `Model` where one differs, or there is none to compare with.
pub(crate) fn run(args: &ModelArgs) -> Result<()> {
    let encoder = model::load(args)?;
    let name = model::name_of(&args.model).to_lowercase();
    let published = PUBLISHED.iter().map(|json| read(json)).collect::<Result<Vec<_>>>()?;
    let mut table = Table::default();
    match published.iter().find(|golden| name.starts_with(&golden.model.to_lowercase())) {
        Some(golden) => golden
            .documents
            .iter()
            .try_for_each(|document| published_rows(&encoder, document, &mut table))?,
        None => println!(
            "No vectors are published for a model named {name:?}; they are for: {}.",
            published.iter().map(|golden| golden.model.as_str()).collect::<Vec<_>>().join(", ")
        ),
    }
    own_rows(&encoder, args, &mut table)?;
    table.verdict()
}

/// Counts what passed.
#[derive(Default)]
struct Table {
    rows: usize,
    failed: usize,
}

impl Table {
    fn row(&mut self, what: &str, measures: &[(&str, String)], passed: bool) {
        if self.rows == 0 {
            println!("{:<44} {:>12}  {:>9} {:>9}  result", "golden", "cosine", "int8 |Δ|", "bits");
        }
        self.rows += 1;
        self.failed += usize::from(!passed);
        let of = |name: &str| {
            let found = measures.iter().find(|(measure, _)| *measure == name);
            found.map_or("-", |(_, value)| value.as_str())
        };
        let what: String = what.chars().take(44).collect();
        let verdict = if passed { "pass" } else { "FAIL" };
        println!("{what:<44} {:>12}  {:>9} {:>9}  {verdict}", of("cosine"), of("int8"), of("bits"));
    }

    fn verdict(&self) -> Result<()> {
        if self.rows == 0 {
            let message = "there is nothing to compare this model with: name its folder as the \
                           publisher names the model, or pack it, which makes golden vectors";
            return Err(Error::new(ErrorKind::Model, message));
        }
        if self.failed > 0 {
            let message = format!(
                "{} of {} golden vectors differ: the weights are not the publisher's, or too \
                 coarse. Fetch the model again, or pack it with finer weights",
                self.failed, self.rows
            );
            return Err(Error::new(ErrorKind::Model, message));
        }
        println!("all {} golden vectors agree", self.rows);
        Ok(())
    }
}

fn published_rows(encoder: &Encoder, document: &Document, table: &mut Table) -> Result<()> {
    let texts: Vec<&str> = document.chunks.iter().map(String::as_str).collect();
    let ids = pipeline::chunk_ids(encoder, &texts)?;
    if ids != document.ids {
        table.row(&format!("tokens of {:?}", texts[0]), &[], false);
        return Ok(());
    }
    let vectors = pollster::block_on(pipeline::embed_chunks(encoder, &texts))?;
    for (at, (text, vector)) in texts.iter().zip(&vectors).enumerate() {
        let mut measures = Vec::new();
        let mut passed = true;
        if let Some(pooled) = document.pooled.get(at) {
            let expected = floats(&decode(pooled)?);
            let cosine = cosine(&vector[..expected.len().min(vector.len())], &expected);
            passed &= cosine >= COSINE_MIN || expected.is_empty();
            measures.push(("cosine", format!("{cosine:.9}")));
        }
        if let Some(codes) = document.int8.get(at) {
            let expected: Vec<i8> = decode(codes)?.into_iter().map(u8::cast_signed).collect();
            let found = quantize::int8(encoder.fingerprint().quantizer, vector);
            let apart = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
            let cosine = cosine(&widened(&found), &widened(&expected));
            passed &= cosine >= COSINE_MIN;
            measures.push(("int8", apart.to_string()));
            measures.push(("cosine", format!("{cosine:.9}")));
        }
        if let Some(bits) = document.bits.get(at) {
            let found = quantize::bits(vector);
            let same = agreement(&found, bits);
            measures.push(("bits", format!("{:.2} %", 100.0 * same)));
            passed &= same >= 0.97;
        }
        if !measures.is_empty() {
            table.row(&format!("{text:?}"), &measures, passed);
        }
    }
    Ok(())
}

/// The vectors that `burrow pack` took from the unpacked model.
fn own_rows(encoder: &Encoder, args: &ModelArgs, table: &mut Table) -> Result<()> {
    let path = args.model.join(MANIFEST);
    if !path.exists() {
        return Ok(());
    }
    for golden in Manifest::from_json(&model::read(&path)?)?.goldens {
        let vector = pollster::block_on(encoder.embed(&[encoder.whole(&golden.ids)]))?.concat();
        let quantizer = encoder.fingerprint().quantizer;
        let codes = |vector: &[f32]| quantize::int8(quantizer, vector);
        let (found, expected) = (codes(&vector), codes(&golden.vector));
        let apart = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
        let bits: String =
            quantize::bits(&golden.vector).iter().map(|byte| format!("{byte:02x}")).collect();
        let same = agreement(&quantize::bits(&vector), &bits);
        let cosine = cosine(&vector, &golden.vector);
        let measures = [
            ("cosine", format!("{cosine:.9}")),
            ("int8", apart.to_string()),
            ("bits", format!("{:.2} %", 100.0 * same)),
        ];
        let what = format!("the unpacked model, {} tokens", golden.ids.len());
        table.row(&what, &measures, cosine >= encoder.least_cosine());
    }
    Ok(())
}

/// The share of bits that are the same.
fn agreement(found: &[u8], expected: &str) -> f64 {
    let expected = (0..expected.len() / 2)
        .filter_map(|at| u8::from_str_radix(&expected[2 * at..2 * at + 2], 16).ok());
    let apart: u32 = found.iter().zip(expected).map(|(a, b)| (a ^ b).count_ones()).sum();
    1.0 - f64::from(apart) / (8 * found.len()) as f64
}

/// The cosine of two vectors.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn widened(codes: &[i8]) -> Vec<f32> {
    codes.iter().map(|&code| f32::from(code)).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect()
}

fn read(json: &str) -> Result<Published> {
    serde_json::from_str(json).map_err(|cause| {
        Error::new(ErrorKind::Corrupt, "the published vectors cannot be read").with_source(cause)
    })
}

fn decode(text: &str) -> Result<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).map_err(|cause| {
        Error::new(ErrorKind::Corrupt, "the published vectors cannot be read").with_source(cause)
    })
}

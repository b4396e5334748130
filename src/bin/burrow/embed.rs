//! `burrow embed`: texts, or documents of chunks → vectors, as JSON lines.

use std::io::{Read, Write};
use std::path::Path;

use burrow::encoder::Encoder;
use burrow::{Error, ErrorKind, Result, pipeline, quantize};
use serde::Serialize;

use crate::{ModelArgs, model};

/// What is embedded, and what is printed of it.
pub(crate) struct Options<'a> {
    /// A file, or standard input.
    pub(crate) input: Option<&'a Path>,
    /// Whether the input is a JSON array of documents, each an array of chunks.
    pub(crate) context: bool,
    /// Whether texts are queries, which some models read with an instruction.
    pub(crate) query: bool,
    /// Whether the vector itself is printed too.
    pub(crate) f32: bool,
}

/// One vector, as it is printed.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk: Option<usize>,
    text: &'a str,
    int8: Vec<i8>,
    /// In hexadecimal, the first component in the highest bit.
    bits: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    f32: Option<&'a [f32]>,
}

pub(crate) fn run(args: &ModelArgs, options: &Options<'_>) -> Result<()> {
    let input = read(options.input)?;
    let documents = documents(&input, options.context)?;
    let encoder = model::load(args)?;
    for (at, chunks) in documents.iter().enumerate() {
        let texts: Vec<&str> = chunks.iter().map(String::as_str).collect();
        let vectors = match options.query {
            true => vec![pollster::block_on(pipeline::embed_query(&encoder, texts[0]))?],
            false => pollster::block_on(pipeline::embed_chunks(&encoder, &texts))?,
        };
        for (chunk, (text, vector)) in texts.into_iter().zip(&vectors).enumerate() {
            let place = options.context.then_some((at, chunk));
            print(&encoder, place, text, vector, options.f32)?;
        }
    }
    Ok(())
}

/// Lines of text, each a document of one chunk, or documents of chunks in JSON.
fn documents(input: &str, context: bool) -> Result<Vec<Vec<String>>> {
    if !context {
        let lines = input.lines().filter(|line| !line.trim().is_empty());
        return Ok(lines.map(|line| vec![line.to_owned()]).collect());
    }
    serde_json::from_str(input).map_err(|cause| {
        let message = "with --context the input is a JSON array of documents, each an array of \
                       chunks: [[\"first chunk\", \"second\"], [\"another document\"]]";
        Error::new(ErrorKind::Input, message).with_source(cause)
    })
}

fn print(
    encoder: &Encoder,
    place: Option<(usize, usize)>,
    text: &str,
    vector: &[f32],
    f32: bool,
) -> Result<()> {
    let line = Line {
        document: place.map(|(document, _)| document),
        chunk: place.map(|(_, chunk)| chunk),
        text,
        int8: quantize::int8(encoder.fingerprint().quantizer, vector),
        bits: quantize::bits(vector).iter().map(|byte| format!("{byte:02x}")).collect(),
        f32: f32.then_some(vector),
    };
    let failed = |cause: std::io::Error| {
        Error::new(ErrorKind::Storage, "the output cannot be written").with_source(cause)
    };
    let mut output = std::io::stdout().lock();
    serde_json::to_writer(&mut output, &line).map_err(|cause| failed(cause.into()))?;
    output.write_all(b"\n").map_err(failed)
}

fn read(path: Option<&Path>) -> Result<String> {
    let mut text = String::new();
    let done = match path {
        Some(path) => std::fs::read_to_string(path).map(|read| text = read),
        None => std::io::stdin().read_to_string(&mut text).map(|_| ()),
    };
    let name = path.map_or("standard input".into(), |path| path.display().to_string());
    done.map_err(|cause| {
        Error::new(ErrorKind::Input, format!("{name} cannot be read as text")).with_source(cause)
    })?;
    Ok(text)
}

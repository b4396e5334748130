//! The command line: what the browser does, natively.

mod embed;
mod eval;
mod folder;
mod model;
mod pack;
mod pages;
mod transfer;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use burrow::encoder::pack::{PackedWeights, SHARD_BYTES};
use burrow::search::{Mode, SearchOptions, Weights};
use clap::{Args, Parser, Subcommand};

/// Search that never leaves your machine.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures retrieval on a folder with corpus.jsonl, queries.jsonl and qrels.tsv.
    Eval {
        #[command(flatten)]
        model: ModelArgs,
        /// Language of documents and queries, for the forms of words.
        #[arg(long, default_value = "en")]
        lang: String,
        /// Folder of an index of the corpus, which gets the documents that it lacks: nothing else is
        /// encoded but the queries, and what is measured is search, by meaning, by words and both.
        #[arg(long)]
        index: Option<PathBuf>,
        /// How much meaning and words weigh, as 1:0.5; several times, for a row each.
        #[arg(long, value_parser = weights, requires = "index")]
        weights: Vec<Weights>,
        /// The folder with the judged queries. Without a corpus.jsonl, the pages of the index are judged
        /// by their addresses.
        data: PathBuf,
    },
    /// Adds the HTML, Markdown and text files of a folder to an index.
    Index {
        #[command(flatten)]
        model: ModelArgs,
        /// Folder of the index; made where it is absent.
        #[arg(long)]
        index: PathBuf,
        /// The folder to read, with all folders in it.
        pages: PathBuf,
    },
    /// Prints the vectors of texts, one JSON object a line: INT8, bits, and f32 on request.
    Embed {
        #[command(flatten)]
        model: ModelArgs,
        /// The input is a JSON array of documents, each an array of chunks, which are encoded in the
        /// light of each other. Else every line is a text of its own.
        #[arg(long, conflicts_with = "query")]
        context: bool,
        /// The texts are queries: some models read these with an instruction.
        #[arg(long)]
        query: bool,
        /// Print the vectors in f32 too.
        #[arg(long)]
        f32: bool,
        /// The file to read; standard input where none is given.
        input: Option<PathBuf>,
    },
    /// Writes all pages of an index to one file: the same pages, the same bytes.
    Export {
        /// Folder of the index.
        #[arg(long)]
        index: PathBuf,
        /// The file to write.
        file: PathBuf,
    },
    /// Takes the pages of an exported file into an index that was made with the same model.
    Import {
        /// Folder of the index; made where it is absent.
        #[arg(long)]
        index: PathBuf,
        /// The file to read.
        file: PathBuf,
    },
    /// Packs a model for the browser: shards that can be streamed, checked and kept one by one.
    Pack {
        /// Folder of the publisher's files: config.json, tokenizer.json and *.safetensors.
        source: PathBuf,
        /// The folder to make.
        target: PathBuf,
        /// How weights are written.
        #[arg(long, value_enum, default_value_t = WeightsArg::Q8)]
        weights: WeightsArg,
        /// Size of a shard, in KiB; at most 32 MiB.
        #[arg(long, default_value_t = SHARD_BYTES / 1024)]
        shard_kib: usize,
    },
    /// Compares a model's vectors with those that were published for it.
    Verify {
        /// Folder of the model, named as its publisher names it: pplx-embed-v1-0.6b.
        model: PathBuf,
        /// Where to encode.
        #[arg(long, value_enum, default_value_t = DeviceArg::Cpu)]
        device: DeviceArg,
    },
    /// Searches an index.
    Search {
        #[command(flatten)]
        model: ModelArgs,
        /// Folder of the index.
        #[arg(long)]
        index: PathBuf,
        /// At most this many hits.
        #[arg(long, default_value_t = 10)]
        limit: usize,
        /// What makes a page a hit.
        #[arg(long, value_enum, default_value_t = ModeArg::Hybrid)]
        mode: ModeArg,
        /// A question, or words.
        query: String,
    },
}

/// Which model, and where it computes.
#[derive(Args)]
struct ModelArgs {
    /// Folder with config.json, tokenizer.json and *.safetensors, as published or packed.
    #[arg(long)]
    model: PathBuf,
    /// Where to encode.
    #[arg(long, value_enum, default_value_t = DeviceArg::Auto)]
    device: DeviceArg,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum DeviceArg {
    /// The GPU where there is a real one, else the CPU.
    Auto,
    /// Vulkan, Metal or DirectX 12, through wgpu; also a software adapter.
    Webgpu,
    /// SIMD and threads.
    Cpu,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum WeightsArg {
    /// Half precision: as good as the original, half its size.
    F16,
    /// One byte a weight.
    Q8,
    /// Half a byte a weight: no longer quite the same vectors.
    Q4,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ModeArg {
    /// Its meaning and its words.
    Hybrid,
    /// Its meaning.
    Semantic,
    /// Its words.
    Keyword,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Hybrid => Mode::Hybrid,
            ModeArg::Semantic => Mode::Semantic,
            ModeArg::Keyword => Mode::Keyword,
        }
    }
}

impl From<WeightsArg> for PackedWeights {
    fn from(weights: WeightsArg) -> Self {
        match weights {
            WeightsArg::F16 => PackedWeights::F16,
            WeightsArg::Q8 => PackedWeights::Q8,
            WeightsArg::Q4 => PackedWeights::Q4,
        }
    }
}

/// Reads `1:0.5`.
fn weights(text: &str) -> Result<Weights, String> {
    let numbers = text.split_once(':').map(|(a, b)| (a.parse(), b.parse()));
    match numbers {
        Some((Ok(semantic), Ok(keyword))) => Ok(Weights { semantic, keyword }),
        _ => Err("the weights are two numbers, as 1:0.5".to_owned()),
    }
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Eval { model, lang, index: None, data, .. } => eval::run(&model, &data, &lang),
        Command::Eval { model, lang, index: Some(index), mut weights, data } => {
            weights.insert(0, SearchOptions::default().weights);
            let kept = eval::Kept { data: &data, lang: &lang, index: &index, weights: &weights };
            eval::run_kept(&model, &kept)
        }
        Command::Embed { model, context, query, f32, input } => {
            let input = input.as_deref();
            embed::run(&model, &embed::Options { input, context, query, f32 })
        }
        Command::Export { index, file } => transfer::export(&index, &file),
        Command::Import { index, file } => transfer::import(&index, &file),
        Command::Pack { source, target, weights, shard_kib } => {
            pack::run(&source, &target, weights.into(), shard_kib.saturating_mul(1024))
        }
        Command::Verify { model, device } => verify::run(&ModelArgs { model, device }),
        Command::Index { model, index, pages } => pages::index(&model, &index, &pages),
        Command::Search { model, index, limit, mode, query } => {
            let options = SearchOptions { limit, mode: mode.into(), ..SearchOptions::default() };
            pages::search(&model, &index, &query, &options)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("burrow: {error}");
            ExitCode::FAILURE
        }
    }
}

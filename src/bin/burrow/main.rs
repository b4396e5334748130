//! The command line: what the browser does, natively.

mod eval;
mod folder;
mod model;
mod pages;

use std::path::PathBuf;
use std::process::ExitCode;

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
        /// The folder with the judged queries.
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
        /// A question, or words.
        query: String,
    },
}

/// Which model, and where it computes.
#[derive(Args)]
struct ModelArgs {
    /// Folder with config.json, tokenizer.json and model.safetensors.
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

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Eval { model, data } => eval::run(&model, &data),
        Command::Index { model, index, pages } => pages::index(&model, &index, &pages),
        Command::Search { model, index, limit, query } => {
            pages::search(&model, &index, &query, limit)
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

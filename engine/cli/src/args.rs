//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use contracts::{ArithmeticName, Lane};
use kernels::Dtype;

use crate::values;

/// Run, trace, diff, evaluate and inspect models.
///
/// MODEL is a Hugging Face folder: config.json, model.safetensors (or shards with their index) and, for text,
/// tokenizer.json.
#[derive(Debug, Parser)]
#[command(name = "apr", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 traces or devices differ, 2 usage, 3 unreadable input, \
                          4 nothing ran, 5 device missing, 101 internal bug, 130 interrupted";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Continue a prompt.
    Run(Run),
    /// Record every stage of one forward pass.
    Trace(Trace),
    /// Compare two traces stage by stage; exit 1 if they diverge.
    Diff(Diff),
    /// Compute loss and perplexity of a text.
    Eval(Eval),
    /// Compare every stage on a device with the reference, over several prompts; exit 1 if one is wrong.
    Parity(Parity),
    /// Find the first stage that a device computes wrongly; exit 1 if there is one.
    Bisect(Bisect),
    /// Measure how fast a device decodes and prefills, beside how fast it reads; exit 1 if work was left out.
    Bench(Bench),
    /// Show what a model folder holds.
    Inspect(Inspect),
    /// Print the script that completes apr in a shell.
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write man pages.
    Man {
        /// Folder to write apr.1, apr-run.1 and so on into; without it, apr.1 is printed.
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// Which model, where, and in what arithmetic.
#[derive(Debug, Args)]
pub(crate) struct Subject {
    /// Model folder.
    #[arg(default_value = "engine/zoo/qwen2-tiny")]
    pub model: PathBuf,
    /// Where to compute.
    #[arg(long, value_enum, default_value_t = Device::Cpu)]
    pub device: Device,
    /// What the CPU reference computes in; f32 if left out. A device computes as its kernels declare.
    #[arg(long, value_enum)]
    pub arithmetic: Option<Precision>,
    /// The longest sequence on a device; 4096 or the model's context if left out. Pages are allocated for it.
    #[arg(long, value_name = "TOKENS", value_parser = values::at_least_one, allow_negative_numbers = true)]
    pub max_kv: Option<usize>,
    /// How a device stores keys and values, in every layer; as activations if left out.
    #[arg(long, value_enum)]
    pub kv_dtype: Option<KvDtype>,
}

impl Subject {
    /// What the reference computes in.
    pub(crate) fn precision(&self) -> Precision {
        self.arithmetic.unwrap_or(Precision::F32)
    }

    /// The arithmetic in records: a device computes as its kernels declare.
    pub(crate) fn arithmetic_name(&self) -> ArithmeticName {
        match self.device {
            Device::Cpu => self.precision().name(),
            Device::Simt | Device::Cuda => ArithmeticName::Declared,
        }
    }
}

/// How keys and values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KvDtype {
    /// Binary32.
    F32,
    /// Binary16.
    F16,
    /// bfloat16.
    Bf16,
    /// OCP 8-bit floating point E4M3.
    #[value(name = "fp8_e4m3")]
    E4m3,
}

impl KvDtype {
    /// The storage format.
    pub(crate) const fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::F16 => Dtype::F16,
            Self::Bf16 => Dtype::BF16,
            Self::E4m3 => Dtype::E4M3,
        }
    }
}

/// The tokens to begin with.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Prompt {
    /// Text to begin with.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: Option<String>,
    /// Token ids to begin with, separated by commas.
    #[arg(long, value_name = "IDS", value_delimiter = ',', value_parser = values::token_id, allow_negative_numbers = true)]
    pub tokens: Option<Vec<u32>>,
}

/// `apr run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub subject: Subject,
    #[command(flatten)]
    pub prompt: Prompt,
    /// Put the prompt into the model's chat template, as the user's turn.
    #[arg(long, conflicts_with = "tokens")]
    pub chat: bool,
    /// The system's turn before it.
    #[arg(long, value_name = "TEXT", requires = "chat", allow_hyphen_values = true)]
    pub system: Option<String>,
    /// New tokens at most.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = values::at_least_one, allow_negative_numbers = true)]
    pub max_tokens: usize,
    /// Sample at this temperature; without it the most likely token is taken.
    #[arg(long, value_name = "T", value_parser = values::temperature, allow_negative_numbers = true)]
    pub temperature: Option<f32>,
    /// Sample among this many of the most likely tokens.
    #[arg(long, value_name = "K", requires = "temperature", value_parser = values::at_least_one, allow_negative_numbers = true)]
    pub top_k: Option<usize>,
    /// Sample among the most likely tokens that together have this probability.
    #[arg(long, value_name = "P", requires = "temperature", value_parser = values::top_p, allow_negative_numbers = true)]
    pub top_p: Option<f32>,
    /// Seed of the sampler; the same seed gives the same text.
    #[arg(long, requires = "temperature", default_value_t = 0, allow_negative_numbers = true)]
    pub seed: u64,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// `apr trace`.
#[derive(Debug, Args)]
pub(crate) struct Trace {
    #[command(flatten)]
    pub subject: Subject,
    #[command(flatten)]
    pub prompt: Prompt,
    /// Put the prompt into the model's chat template, as the user's turn.
    #[arg(long, conflicts_with = "tokens")]
    pub chat: bool,
    /// Only stages whose name matches this glob; may be given more than once.
    #[arg(long, value_name = "GLOB")]
    pub stages: Vec<String>,
    /// Print trace.json instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Also write the values of every stage, as payload.safetensors.
    #[arg(long, requires = "out")]
    pub payload: bool,
    /// Write the trace into this folder.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `apr diff`.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// A trace folder, taken as the truth.
    pub a: PathBuf,
    /// Another trace folder.
    pub b: PathBuf,
    /// The largest relative error of a row that is not a divergence; 0 asks for equal bits.
    #[arg(long, value_name = "ERROR", default_value_t = 0.0, value_parser = values::max_row_l2, allow_negative_numbers = true)]
    pub max_row_l2: f64,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `apr eval`.
#[derive(Debug, Args)]
pub(crate) struct Eval {
    #[command(flatten)]
    pub subject: Subject,
    /// The text.
    #[arg(long, value_name = "FILE")]
    pub text: PathBuf,
    /// Print JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// `apr parity`.
#[derive(Debug, Args)]
pub(crate) struct Parity {
    /// Model folder.
    #[arg(default_value = "engine/zoo/qwen2-tiny")]
    pub model: PathBuf,
    /// Which device.
    #[arg(long, value_enum)]
    pub device: Device,
    /// Text to compute; may be given more than once. Without it, some fixed token ids of several lengths.
    #[arg(long = "prompt", value_name = "TEXT", allow_hyphen_values = true)]
    pub prompts: Vec<String>,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `apr bisect`.
#[derive(Debug, Args)]
pub(crate) struct Bisect {
    /// Model folder.
    #[arg(default_value = "engine/zoo/qwen2-tiny")]
    pub model: PathBuf,
    /// Which device.
    #[arg(long, value_enum)]
    pub device: Device,
    #[command(flatten)]
    pub prompt: Prompt,
    /// Put the prompt into the model's chat template, as the user's turn.
    #[arg(long, conflicts_with = "tokens")]
    pub chat: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `apr bench`.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Model folder.
    #[arg(default_value = "engine/zoo/qwen2-tiny")]
    pub model: PathBuf,
    /// A real shape with random weights, in the place of a folder.
    #[arg(long, value_name = "SHAPE", conflicts_with = "model", value_parser = values::shape())]
    pub synthetic: Option<String>,
    /// Seed of the random weights.
    #[arg(long, default_value_t = 0, requires = "synthetic", allow_negative_numbers = true)]
    pub seed: u32,
    /// The first so many layers of the shape; all of them if left out.
    #[arg(long, value_name = "LAYERS", requires = "synthetic", value_parser = values::at_least_one, allow_negative_numbers = true)]
    pub layers: Option<usize>,
    /// Which device.
    #[arg(long, value_enum)]
    pub device: Device,
    /// Tokens of the prefill; 2048 or what the context has if left out.
    #[arg(long, value_name = "TOKENS", value_parser = values::at_least_one, allow_negative_numbers = true)]
    pub prompt: Option<usize>,
    /// Tokens before the first one that is decoded; 128 or what the prompt has if left out.
    #[arg(long, value_name = "TOKENS", value_parser = values::at_least_one, allow_negative_numbers = true)]
    pub depth: Option<usize>,
    /// Tokens that are decoded each time.
    #[arg(long, value_name = "TOKENS", default_value_t = 128, value_parser = values::at_least_one, allow_negative_numbers = true)]
    pub steps: usize,
    /// How often everything is measured, after one time that does not count.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = values::at_least_one, allow_negative_numbers = true)]
    pub repeats: usize,
    /// Also measure what each kernel takes of the time of a token
    #[arg(long)]
    pub kernels: bool,
    /// Also measure what statistics of every stage cost a token, and copied stages a prefill
    #[arg(long)]
    pub taps: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Also write the JSON to this file.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `apr inspect`.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Model folder.
    #[arg(default_value = "engine/zoo/qwen2-tiny")]
    pub model: PathBuf,
    /// Also say what this device is, and what a launch on it must stay within.
    #[arg(long, value_enum)]
    pub device: Option<Device>,
    /// Print JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Where to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Device {
    /// The CPU reference.
    Cpu,
    /// The virtual device.
    Simt,
    /// The GPU.
    Cuda,
}

impl Device {
    /// The lane of the same name.
    pub(crate) const fn lane(self) -> Lane {
        match self {
            Self::Cpu => Lane::Cpu,
            Self::Simt => Lane::Simt,
            Self::Cuda => Lane::Cuda,
        }
    }
}

/// What to compute in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Precision {
    /// Binary64 throughout.
    F64,
    /// Binary32 throughout.
    F32,
    /// Binary32, rounded where each op declares that a device rounds.
    Declared,
}

impl Precision {
    /// The name in records.
    pub(crate) const fn name(self) -> ArithmeticName {
        match self {
            Self::F64 => ArithmeticName::F64,
            Self::F32 => ArithmeticName::F32,
            Self::Declared => ArithmeticName::Declared,
        }
    }
}

//! `apr eval`.

use engine::eval::token_losses;
use engine::tokenizer::Tokenizer;
use evidence::{Exit, Real};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::args::Eval;
use crate::failure::Failure;
use crate::input;
use crate::output::show_lines;

/// The longest window that is evaluated at once; attention costs its square.
const LONGEST_WINDOW: usize = 2048;

#[derive(Serialize)]
struct Output {
    model: String,
    arithmetic: String,
    device: &'static str,
    tokens: usize,
    /// Tokens that were predicted: all but the first of each window.
    predicted: usize,
    window: usize,
    /// Mean negative log-likelihood, in nats.
    mean_loss: Real,
    perplexity: Real,
    /// The loss of a uniform guess, `ln(vocab_size)`.
    uniform_loss: Real,
}

/// Computes loss and perplexity of a text, in windows that do not overlap.
pub(crate) fn run(args: &Eval) -> Result<Exit, Failure> {
    let loaded = input::open(&args.subject)?;
    let tokenizer = Tokenizer::open(loaded.dir())?;
    let text = engine::file::read_text(&args.text).map_err(|source| Failure::Unreadable {
        path: args.text.clone(),
        source,
        remedy: "pass a text file in UTF-8",
    })?;
    let tokens = tokenizer.encode(&text)?;
    if tokens.len() < 2 {
        let message = format!(
            "--text {}: its number of tokens is {}, and a loss needs at least two; give a longer text",
            args.text.display(),
            tokens.len()
        );
        return Err(Failure::Nothing(message));
    }
    let model = input::forward(&loaded, &args.subject)?;
    let longest = args.subject.max_kv.unwrap_or(LONGEST_WINDOW);
    let window = loaded.config().max_position_embeddings.min(LONGEST_WINDOW).min(longest);
    let bar = ProgressBar::with_draw_target(Some(tokens.len() as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} tokens, {eta} left") {
        bar.set_style(style);
    }
    let mut losses = Vec::with_capacity(tokens.len());
    for window in tokens.chunks(window) {
        losses.extend(token_losses(&*model, window)?);
        bar.inc(window.len() as u64);
    }
    bar.finish_and_clear();
    if losses.is_empty() {
        let message = format!(
            "{}: field `max_position_embeddings` is {window}, and a loss needs a context of at least two tokens; \
             nothing was predicted",
            loaded.dir().join("config.json").display()
        );
        return Err(Failure::Nothing(message));
    }
    if let Some(at) = losses.iter().position(|loss| !loss.is_finite()) {
        let message = format!(
            "{}: the loss of prediction {at} is {}; see `apr trace` for the stage that it comes from",
            loaded.dir().display(),
            losses[at]
        );
        return Err(Failure::Input(message));
    }
    let mean = losses.iter().sum::<f64>() / losses.len() as f64;
    let output = Output {
        model: input::name(&loaded),
        arithmetic: args.subject.arithmetic_name().to_string(),
        device: args.subject.device.lane().as_str(),
        tokens: tokens.len(),
        predicted: losses.len(),
        window,
        mean_loss: mean.into(),
        perplexity: mean.exp().into(),
        uniform_loss: (loaded.config().vocab_size as f64).ln().into(),
    };
    if args.json {
        show_lines(&(serde_json::to_string_pretty(&output)? + "\n"))?;
    } else {
        show_lines(&format!(
            "{}: mean loss {:.6} nats over {} tokens in windows of {}, perplexity {:.4} (guessing costs {:.4})\n",
            output.model,
            mean,
            output.predicted,
            window,
            mean.exp(),
            output.uniform_loss.get()
        ))?;
    }
    Ok(Exit::Survived)
}

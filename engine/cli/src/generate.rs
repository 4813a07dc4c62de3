//! `apr run`.

use std::ops::ControlFlow;

use engine::generate::{Finish, Options, generate};
use engine::sampler::Sampling;
use engine::tokenizer::{Specials, Tokenizer, TokenizerError};
use evidence::Exit;
use serde::Serialize;

use crate::args::Run;
use crate::failure::Failure;
use crate::input;
use crate::output::{Reader, show};

#[derive(Serialize)]
struct Output<'o> {
    model: String,
    arithmetic: String,
    device: &'static str,
    prompt_token_ids: &'o [u32],
    token_ids: &'o [u32],
    /// Absent for a model without a tokenizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    finish_reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

/// Continues a prompt; text is shown as it is made.
pub(crate) fn run(args: &Run) -> Result<Exit, Failure> {
    let loaded = input::open(&args.subject)?;
    let prompt = input::tokens(&loaded, &args.prompt, args.chat, args.system.as_deref())?;
    let model = input::forward(&loaded, &args.subject)?;
    let sampling = args.temperature.map(|temperature| Sampling {
        temperature,
        top_k: args.top_k,
        top_p: args.top_p,
        seed: args.seed,
    });
    // With --tokens a model may do without a tokenizer; then ids are shown.
    let tokenizer = match args.prompt.tokens {
        Some(_) => match Tokenizer::open(loaded.dir()) {
            Err(TokenizerError::Missing { .. }) => None,
            present => Some(present?),
        },
        None => Some(Tokenizer::open(loaded.dir())?),
    };
    let mut stream = tokenizer.as_ref().map(|tokenizer| tokenizer.stream(Specials::Skip));
    let mut stopped: Result<Reader, Failure> = Ok(Reader::There);
    let mut first = true;
    let options = Options { max_tokens: args.max_tokens, sampling, ignore_eos: false };
    let generated = generate(&*model, &prompt, &options, &mut |token| {
        if args.json {
            return ControlFlow::Continue(());
        }
        let text = match &mut stream {
            Some(stream) => stream.push(token).map_err(Failure::from),
            None if std::mem::take(&mut first) => Ok(token.to_string()),
            None => Ok(format!(",{token}")),
        };
        stopped = text.and_then(|text| show(&text));
        match stopped {
            Ok(Reader::There) => ControlFlow::Continue(()),
            // Nobody would read the rest, or it cannot be shown.
            Ok(Reader::Gone) | Err(_) => ControlFlow::Break(()),
        }
    })?;
    if stopped? == Reader::Gone {
        return Ok(Exit::Survived);
    }
    if args.json {
        let text = match &tokenizer {
            Some(tokenizer) => Some(tokenizer.decode(&generated.tokens, Specials::Skip)?),
            None => None,
        };
        let output = Output {
            model: input::name(&loaded),
            arithmetic: args.subject.arithmetic_name().to_string(),
            device: args.subject.device.lane().as_str(),
            prompt_token_ids: &prompt,
            token_ids: &generated.tokens,
            text,
            finish_reason: match generated.finish {
                Finish::Stop => "stop",
                Finish::Length => "length",
                Finish::Context => "context",
                Finish::Cancelled => "cancelled",
            },
            seed: sampling.map(|sampling| sampling.seed),
        };
        show(&(serde_json::to_string_pretty(&output)? + "\n"))?;
    } else {
        if let Some(stream) = stream {
            show(&stream.finish()?)?;
        }
        show("\n")?;
    }
    Ok(Exit::Survived)
}

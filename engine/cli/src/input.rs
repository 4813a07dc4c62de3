//! From arguments to a model and its first tokens.

use std::sync::OnceLock;

use engine::chat::{ChatTemplate, Conversation};
use engine::device::DeviceOptions;
use engine::forward::Forward;
use engine::tokenizer::Tokenizer;
use engine::{Loaded, Reference};
use falsifiers::admit::admit;
use falsifiers::machine::Machine;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kernels::Arithmetic;

use crate::args::{Device, Precision, Prompt, Subject};
use crate::failure::Failure;

/// Opens the model. What makes no sense together is refused before anything is read.
pub(crate) fn open(subject: &Subject) -> Result<Loaded, Failure> {
    if subject.device != Device::Cpu && subject.arithmetic.is_some() {
        return Err(Failure::Usage(
            "--arithmetic says how the CPU reference computes; a device computes as its kernels declare, so leave it out"
                .to_owned(),
        ));
    }
    Ok(Loaded::open(&subject.model)?)
}

/// Makes the reference of an opened model.
pub(crate) fn reference(loaded: &Loaded, subject: &Subject) -> Result<Reference, Failure> {
    let arithmetic = match subject.precision() {
        Precision::F64 => Arithmetic::F64,
        Precision::F32 => Arithmetic::F32,
        Precision::Declared => loaded.declared(0),
    };
    Ok(loaded.reference(arithmetic)?)
}

/// The device that was asked for, and what compiles for it.
pub(crate) fn machine(device: Device, loaded: &Loaded) -> Result<Machine, Failure> {
    Ok(Machine::open(device.lane(), loaded.seam())?.with_progress(compiling))
}

/// Shows how many kernels are compiled, which takes seconds the first time.
fn compiling(done: usize, of: usize) {
    static BAR: OnceLock<ProgressBar> = OnceLock::new();
    let bar = BAR.get_or_init(|| {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} kernels") {
            bar.set_style(style);
        }
        bar
    });
    bar.set_length(of as u64);
    bar.set_position(done as u64);
    if done == of {
        bar.finish_and_clear();
    }
}

/// How the model is put on a device, as far as the command line says.
pub(crate) fn device_options(loaded: &Loaded, subject: &Subject) -> DeviceOptions {
    let config = loaded.config();
    let mut options = DeviceOptions::new(config, loaded.activation_dtype());
    if let Some(max_kv) = subject.max_kv {
        options.max_kv = max_kv;
        options.max_tokens = options.max_tokens.min(max_kv);
    }
    if let Some(dtype) = subject.kv_dtype {
        options.kv_dtypes = vec![dtype.dtype(); config.num_hidden_layers];
    }
    options
}

/// What computes: the reference, or the model on a device after it was admitted there.
pub(crate) fn forward(loaded: &Loaded, subject: &Subject) -> Result<Box<dyn Forward>, Failure> {
    if subject.device == Device::Cpu {
        return Ok(Box::new(reference(loaded, subject)?));
    }
    let machine = machine(subject.device, loaded)?;
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("admission: {msg}") {
        bar.set_style(style);
    }
    let options = device_options(loaded, subject);
    let admitted =
        admit(loaded, machine.device, &machine.jit, options, &mut |step| bar.set_message(step.to_owned()));
    bar.finish_and_clear();
    Ok(Box::new(admitted?))
}

/// The tokens of a text, at least one.
pub(crate) fn encode(loaded: &Loaded, text: &str) -> Result<Vec<u32>, Failure> {
    let tokens = Tokenizer::open(loaded.dir())?.encode(text)?;
    if tokens.is_empty() {
        let message =
            format!("--prompt \"{text}\" has no tokens; give a text that is not empty, or --tokens");
        return Err(Failure::Usage(message));
    }
    Ok(tokens)
}

/// The tokens that a prompt stands for.
pub(crate) fn tokens(
    loaded: &Loaded,
    prompt: &Prompt,
    chat: bool,
    system: Option<&str>,
) -> Result<Vec<u32>, Failure> {
    if let Some(tokens) = &prompt.tokens {
        return Ok(tokens.clone());
    }
    let text = prompt.prompt.as_deref().unwrap_or_default();
    if !chat {
        return encode(loaded, text);
    }
    let tokenizer = Tokenizer::open(loaded.dir())?;
    let turns = system.map(|system| ("system", system)).into_iter().chain([("user", text)]);
    let template = ChatTemplate::open(loaded.dir())?;
    let tokens = tokenizer.encode_rendered(&template.render(&Conversation::new(turns))?)?;
    if tokens.is_empty() {
        let file = template.file().display();
        return Err(Failure::Input(format!(
            "{file}: the chat template writes nothing; mend it, or prompt without --chat"
        )));
    }
    Ok(tokens)
}

/// The name of a model: the last part of its folder.
pub(crate) fn name(loaded: &Loaded) -> String {
    let folder = loaded.dir().canonicalize().unwrap_or_else(|_| loaded.dir().to_owned());
    folder
        .file_name()
        .map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned())
}

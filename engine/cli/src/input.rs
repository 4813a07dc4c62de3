//! From arguments to a model and its first tokens.

use engine::chat::{ChatTemplate, Conversation};
use engine::tokenizer::Tokenizer;
use engine::{Loaded, Reference};
use kernels::Arithmetic;

use crate::args::{Device, Precision, Prompt, Subject};
use crate::failure::Failure;

/// Opens the model.
pub(crate) fn open(subject: &Subject) -> Result<Loaded, Failure> {
    if subject.device != Device::Cpu {
        return Err(Failure::Device(subject.device.lane()));
    }
    Ok(Loaded::open(&subject.model)?)
}

/// Makes the reference of an opened model.
pub(crate) fn reference(loaded: &Loaded, subject: &Subject) -> Result<Reference, Failure> {
    let arithmetic = match subject.arithmetic {
        Precision::F64 => Arithmetic::F64,
        Precision::F32 => Arithmetic::F32,
        Precision::Declared => loaded.declared(0),
    };
    Ok(loaded.reference(arithmetic)?)
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
    let tokenizer = Tokenizer::open(loaded.dir())?;
    if !chat {
        let tokens = tokenizer.encode(text)?;
        if tokens.is_empty() {
            let message =
                format!("--prompt \"{text}\" has no tokens; give a text that is not empty, or --tokens");
            return Err(Failure::Usage(message));
        }
        return Ok(tokens);
    }
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

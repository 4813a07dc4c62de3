//! Text to token ids and back, by the `tokenizers` crate from a model's `tokenizer.json`.

use std::io;
use std::path::{Path, PathBuf};

/// The file that a model folder keeps its tokenizer in.
pub const TOKENIZER_FILE: &str = "tokenizer.json";

/// What decoding puts in place of bytes that are no character (yet).
const REPLACEMENT: char = '\u{fffd}';

/// Why text could not be encoded, or ids not decoded.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The folder has no tokenizer.
    #[error(
        "{path} does not exist; add the model's {TOKENIZER_FILE}, or give token ids directly with --tokens"
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file could not be read.
    #[error("cannot read {path}: {source}; check its permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not a tokenizer.
    #[error("{path} is not a valid tokenizer: {message}; fetch it again, or remove it to work with --tokens")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        message: String,
    },
    /// The tokenizer refused a text.
    #[error("cannot encode the text: {message}")]
    Encode {
        /// What it said.
        message: String,
    },
    /// The tokenizer refused ids.
    #[error("cannot decode the token ids: {message}")]
    Decode {
        /// What it said.
        message: String,
    },
    /// An id that the tokenizer has no token for. Other decoders leave such ids out without a word.
    #[error(
        "token id {id} is not in the vocabulary of {vocab_size} tokens; give ids of this model's tokenizer"
    )]
    UnknownId {
        /// The id.
        id: u32,
        /// Tokens in the vocabulary, with added ones.
        vocab_size: usize,
    },
}

/// What becomes of special tokens (`<|im_end|>`) in decoded text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Specials {
    /// They are written out.
    Keep,
    /// They are left out.
    Skip,
}

/// A model's tokenizer.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Reads `tokenizer.json` of a model folder.
    pub fn open(dir: &Path) -> Result<Self, TokenizerError> {
        let path = dir.join(TOKENIZER_FILE);
        match crate::file::read(&path) {
            Ok(bytes) => Self::from_bytes(&path, &bytes),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Err(TokenizerError::Missing { path }),
            Err(source) => Err(TokenizerError::Read { path, source }),
        }
    }

    fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, TokenizerError> {
        let invalid = |error: tokenizers::Error| TokenizerError::Invalid {
            path: path.to_owned(),
            message: one_line(&error),
        };
        // Looked at first: the reader of tokenizers panics where a decoder is not well-formed JSON.
        serde_json::from_slice::<serde_json::Value>(bytes).map_err(|error| invalid(error.into()))?;
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(invalid)?;
        // A file may ask for texts to be cut or filled up; transformers does neither unless its caller asks.
        inner.with_padding(None);
        inner.with_truncation(None).map_err(invalid)?;
        Ok(Self { inner })
    }

    /// The ids of a text, with the special tokens that the file's post-processor adds around it, as transformers
    /// does by default. Special tokens that are spelled out in the text are recognised.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.encode_with(text, true)
    }

    /// The ids of a text that already has all its special tokens, such as a rendered chat template.
    pub fn encode_rendered(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        self.encode_with(text, false)
    }

    fn encode_with(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>, TokenizerError> {
        let encoding = self
            .inner
            .encode_fast(text, add_special_tokens)
            .map_err(|error| TokenizerError::Encode { message: one_line(&error) })?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of ids.
    pub fn decode(&self, ids: &[u32], specials: Specials) -> Result<String, TokenizerError> {
        for id in ids {
            self.known(*id)?;
        }
        self.decode_known(ids, specials)
    }

    /// Decodes ids as they come, one after the other.
    pub fn stream(&self, specials: Specials) -> StreamDecoder<'_> {
        StreamDecoder { tokenizer: self, specials, ids: Vec::new(), context: String::new(), read: 0 }
    }

    /// Tokens in the vocabulary, with added ones. A model may have more rows than that, as padding.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The id of a token, spelled as in the vocabulary.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The token of an id, spelled as in the vocabulary: bytes may be stood for by other characters.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// True for an added token that carries structure rather than text.
    pub fn is_special(&self, id: u32) -> bool {
        self.token(id).is_some_and(|token| self.inner.get_added_vocabulary().is_special_token(&token))
    }

    fn known(&self, id: u32) -> Result<(), TokenizerError> {
        match self.inner.id_to_token(id) {
            Some(_) => Ok(()),
            None => Err(TokenizerError::UnknownId { id, vocab_size: self.vocab_size() }),
        }
    }

    fn decode_known(&self, ids: &[u32], specials: Specials) -> Result<String, TokenizerError> {
        self.inner
            .decode(ids, specials == Specials::Skip)
            .map_err(|error| TokenizerError::Decode { message: one_line(&error) })
    }
}

/// Decodes ids into pieces of text that are never half a character: what may still change with the next id is held
/// back. All pieces and the rest, put together, are the text that decoding all ids at once gives.
#[derive(Clone, Debug)]
pub struct StreamDecoder<'tokenizer> {
    tokenizer: &'tokenizer Tokenizer,
    specials: Specials,
    /// The ids of the piece given out last, as context (the first token of a text can lose its space), and those
    /// that came since.
    ids: Vec<u32>,
    /// How many of them are context, and their text.
    read: usize,
    context: String,
}

impl StreamDecoder<'_> {
    /// Takes the next id, and returns the text that is now certain, which may be empty.
    pub fn push(&mut self, id: u32) -> Result<String, TokenizerError> {
        self.tokenizer.known(id)?;
        self.ids.push(id);
        let text = self.tokenizer.decode_known(&self.ids, self.specials)?;
        let piece = match text.strip_prefix(&self.context) {
            // A character whose last bytes are still to come looks like this, at its end.
            Some(piece) if !piece.ends_with(REPLACEMENT) && !piece.is_empty() => piece.to_owned(),
            _ => return Ok(String::new()),
        };
        self.ids.drain(..self.read);
        self.read = self.ids.len();
        self.context = self.tokenizer.decode_known(&self.ids, self.specials)?;
        Ok(piece)
    }

    /// The text held back: bytes that never became a character are replaced, as decoding all at once does.
    pub fn finish(self) -> Result<String, TokenizerError> {
        let text = self.tokenizer.decode_known(&self.ids, self.specials)?;
        let common = text.char_indices().zip(self.context.chars()).take_while(|((_, a), b)| a == b);
        let start = common.last().map_or(0, |((start, last), _)| start + last.len_utf8());
        Ok(text[start..].to_owned())
    }
}

fn one_line(error: &tokenizers::Error) -> String {
    error.to_string().replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::formats::safetensors::SafetensorsFile;

    const MODELS: [&str; 2] = ["qwen2-tiny", "llama-tiny"];

    fn zoo(model: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("zoo").join(model)
    }

    fn tiny() -> Tokenizer {
        Tokenizer::open(&zoo("qwen2-tiny")).unwrap()
    }

    fn goldens(model: &str) -> Value {
        serde_json::from_slice(&std::fs::read(zoo(model).join("goldens.json")).unwrap()).unwrap()
    }

    /// A tokenizer of bytes spelled `<0xE4>`, as sentencepiece models have.
    fn byte_fallback() -> Tokenizer {
        let mut vocab = serde_json::Map::new();
        for byte in 0..=255 {
            vocab.insert(format!("<0x{byte:02X}>"), json!(byte));
        }
        for token in ["▁", "a", "▁a"] {
            vocab.insert(token.into(), json!(vocab.len()));
        }
        let strip = json!({"type": "Strip", "content": " ", "start": 1, "stop": 0});
        let replace = json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "});
        let decoders = json!([replace, {"type": "ByteFallback"}, {"type": "Fuse"}, strip]);
        let model = json!({"type": "BPE", "vocab": vocab, "merges": [], "byte_fallback": true});
        let file = json!({"version": "1.0", "added_tokens": [], "model": model,
            "decoder": {"type": "Sequence", "decoders": decoders}});
        Tokenizer::from_bytes(Path::new("bytes"), file.to_string().as_bytes()).unwrap()
    }

    fn streamed(tokenizer: &Tokenizer, ids: &[u32], specials: Specials) -> String {
        let mut stream = tokenizer.stream(specials);
        let mut text: String = ids.iter().map(|id| stream.push(*id).unwrap()).collect();
        text.push_str(&stream.finish().unwrap());
        text
    }

    #[test]
    fn texts_become_the_ids_of_the_oracle_and_back() {
        for model in MODELS {
            let tokenizer = Tokenizer::open(&zoo(model)).unwrap();
            let goldens = goldens(model);
            let vectors = goldens["tokenization"].as_array().unwrap();
            assert!(vectors.len() >= 8, "{model} has too few vectors");
            for vector in vectors {
                let text = vector["text"].as_str().unwrap();
                let ids: Vec<u32> = serde_json::from_value(vector["ids"].clone()).unwrap();
                assert_eq!(tokenizer.encode(text).unwrap(), ids, "{model}: {text:?}");
                assert_eq!(tokenizer.decode(&ids, Specials::Keep).unwrap(), text, "{model}");
                assert_eq!(streamed(&tokenizer, &ids, Specials::Keep), text, "{model}");
            }
        }
    }

    #[test]
    fn generated_ids_become_the_text_of_the_oracle() {
        for model in MODELS {
            let tokenizer = Tokenizer::open(&zoo(model)).unwrap();
            let file = SafetensorsFile::open(&zoo(model).join("goldens.safetensors")).unwrap();
            let goldens = goldens(model);
            let texts = goldens["greedy_text"].as_object().unwrap();
            assert_eq!(texts.len(), 4, "{model}");
            for (prompt, text) in texts {
                let ids = file.tensor(&format!("{prompt}.greedy")).unwrap().integers().unwrap();
                let ids: Vec<u32> = ids.into_iter().map(|id| id as u32).collect();
                assert_eq!(tokenizer.decode(&ids, Specials::Keep).unwrap(), *text, "{model}: {prompt}");
            }
        }
    }

    #[test]
    fn special_tokens_are_known_and_can_be_left_out() {
        let tokenizer = tiny();
        assert_eq!(tokenizer.vocab_size(), 1024);
        let id = tokenizer.id("<|im_end|>").unwrap();
        assert_eq!((id, tokenizer.token(id).as_deref()), (2, Some("<|im_end|>")));
        assert!(tokenizer.is_special(id) && !tokenizer.is_special(100) && !tokenizer.is_special(9999));
        let ids = tokenizer.encode("hi<|im_end|>").unwrap();
        assert_eq!(tokenizer.decode(&ids, Specials::Skip).unwrap(), "hi");
        assert_eq!(streamed(&tokenizer, &ids, Specials::Skip), "hi");
    }

    #[test]
    fn a_post_processor_adds_its_tokens_only_to_plain_text() {
        let mut file: Value =
            serde_json::from_slice(&std::fs::read(zoo("qwen2-tiny").join(TOKENIZER_FILE)).unwrap()).unwrap();
        file["post_processor"] = json!({"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}}});
        file["truncation"] =
            json!({"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0});
        file["padding"] = json!({"strategy": {"Fixed": 32}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 7, "pad_type_id": 0, "pad_token": "<|pad|>"});
        let path = Path::new("changed.json");
        let tokenizer = Tokenizer::from_bytes(path, file.to_string().as_bytes()).unwrap();
        let plain = tiny().encode("def fib(n):").unwrap();
        assert_eq!(tokenizer.encode_rendered("def fib(n):").unwrap(), plain);
        assert_eq!(tokenizer.encode("def fib(n):").unwrap(), [&[0], plain.as_slice()].concat());
    }

    #[test]
    fn missing_and_broken_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Tokenizer::open(folder.path()).unwrap_err();
        assert!(matches!(error, TokenizerError::Missing { .. }));
        let message = error.to_string();
        assert!(
            message.contains("tokenizer.json does not exist") && message.contains("--tokens"),
            "{message}"
        );
        for broken in ["", "{}", "[1,\n2]", "{\"model\":{\"type\":\"BPE\"}}"] {
            std::fs::write(folder.path().join(TOKENIZER_FILE), broken).unwrap();
            let error = Tokenizer::open(folder.path()).unwrap_err();
            assert!(matches!(error, TokenizerError::Invalid { .. }), "{broken}: {error}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }

    #[test]
    fn ids_out_of_the_vocabulary_are_refused() {
        let tokenizer = tiny();
        for ids in [vec![1024], vec![300, u32::MAX]] {
            let error = tokenizer.decode(&ids, Specials::Keep).unwrap_err();
            assert!(matches!(error, TokenizerError::UnknownId { vocab_size: 1024, .. }), "{error}");
        }
        assert!(tokenizer.stream(Specials::Keep).push(1024).is_err());
    }

    #[test]
    fn streaming_waits_for_the_whole_character() {
        for (tokenizer, ids) in [(tiny(), tiny().encode("🚀é").unwrap()), {
            let ids = "🚀é".bytes().map(u32::from).collect();
            (byte_fallback(), ids)
        }] {
            let mut stream = tokenizer.stream(Specials::Keep);
            let pieces: Vec<String> = ids.iter().map(|id| stream.push(*id).unwrap()).collect();
            let said: Vec<&str> =
                pieces.iter().map(String::as_str).filter(|piece| !piece.is_empty()).collect();
            assert_eq!(said, ["🚀", "é"]);
            assert_eq!(stream.finish().unwrap(), "");
        }
    }

    #[test]
    fn streaming_keeps_spaces_and_gives_up_on_half_a_character() {
        let tokenizer = byte_fallback();
        let ids = [258, 258, 0xf0, 0x9f];
        assert_eq!(tokenizer.decode(&ids, Specials::Keep).unwrap(), "a a\u{fffd}\u{fffd}");
        assert_eq!(streamed(&tokenizer, &ids, Specials::Keep), "a a\u{fffd}\u{fffd}");
        // The bytes of one character stay apart from those of the next.
        let ids: Vec<u32> = "你你".bytes().map(u32::from).collect();
        assert_eq!(streamed(&tokenizer, &ids, Specials::Keep), "你你");
    }

    proptest! {
        #[test]
        fn any_text_survives_the_round_trip(text in "\\PC{0,40}") {
            let tokenizer = tiny();
            let ids = tokenizer.encode(&text)?;
            prop_assert_eq!(tokenizer.decode(&ids, Specials::Keep)?, text.clone());
            prop_assert_eq!(streamed(&tokenizer, &ids, Specials::Keep), text);
        }

        #[test]
        fn streaming_any_ids_is_decoding_them(ids in prop::collection::vec(0_u32..1024, 0..60)) {
            let tokenizer = tiny();
            for specials in [Specials::Keep, Specials::Skip] {
                prop_assert_eq!(streamed(&tokenizer, &ids, specials), tokenizer.decode(&ids, specials)?);
            }
        }
    }
}

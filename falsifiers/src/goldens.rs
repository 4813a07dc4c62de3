//! Goldens: what an implementation that we did not write computed, read from `goldens.safetensors`.
//!
//! They are read with the `safetensors` crate directly and not through the engine, so that a mistake in the
//! engine's own reader cannot agree with itself. `falsifiers/oracle/README.md` lists the names.

use std::path::Path;

use contracts::ArithmeticName;
use engine::trace::Tensor;
use evidence::Need;
use kernels::real::Values;
use safetensors::{Dtype, SafeTensors};

use crate::stop::Stop;

/// The largest file of goldens that is read.
const LARGEST: u64 = 4 << 30;

/// The goldens of one model.
pub struct Goldens {
    model: String,
    bytes: Vec<u8>,
    digest: String,
}

/// What the oracle says about a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldenStage {
    /// Canonical name of the stage.
    pub stage: String,
    /// Its value, for the last rows of the sequence at least.
    pub tensor: Tensor,
}

impl Goldens {
    /// Reads the goldens in the folder of a model.
    pub fn open(dir: &Path, model: &str) -> Result<Self, Stop> {
        let file = dir.join("goldens.safetensors");
        let bytes = engine::file::read_at_most(&file, LARGEST).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Stop::Blocked(Need::Golden {
                model: model.to_owned(),
                name: "goldens.safetensors".to_owned(),
            }),
            _ => Stop::Errored(format!("cannot read {}: {error}", file.display())),
        })?;
        SafeTensors::deserialize(&bytes)
            .map_err(|error| Stop::Errored(format!("{}: {error}; make it again", file.display())))?;
        let digest = crate::digest(&bytes);
        Ok(Self { model: model.to_owned(), bytes, digest })
    }

    /// Digest of the file.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    fn file(&self) -> Result<SafeTensors<'_>, Stop> {
        SafeTensors::deserialize(&self.bytes).map_err(|error| Stop::Errored(error.to_string()))
    }

    fn missing(&self, name: &str) -> Stop {
        Stop::Blocked(Need::Golden { model: self.model.clone(), name: name.to_owned() })
    }

    /// Token ids.
    pub fn tokens(&self, name: &str) -> Result<Vec<u32>, Stop> {
        let file = self.file()?;
        let view = file.tensor(name).map_err(|_| self.missing(name))?;
        let signed: Vec<i64> = match view.dtype() {
            Dtype::I32 => {
                view.data().as_chunks::<4>().0.iter().map(|raw| i64::from(i32::from_le_bytes(*raw))).collect()
            }
            Dtype::I64 => view.data().as_chunks::<8>().0.iter().map(|raw| i64::from_le_bytes(*raw)).collect(),
            _ => return Err(Stop::Errored(format!("golden `{name}` of {} holds no integers", self.model))),
        };
        let ids: Result<Vec<u32>, _> = signed.into_iter().map(u32::try_from).collect();
        ids.map_err(|_| Stop::Errored(format!("golden `{name}` of {} holds no token ids", self.model)))
    }

    /// A tensor of numbers.
    pub fn tensor(&self, name: &str) -> Result<Tensor, Stop> {
        self.tensor_if_present(name)?.ok_or_else(|| self.missing(name))
    }

    /// A tensor of numbers, where there is one.
    pub fn tensor_if_present(&self, name: &str) -> Result<Option<Tensor>, Stop> {
        let file = self.file()?;
        let Ok(view) = file.tensor(name) else { return Ok(None) };
        let values = match view.dtype() {
            Dtype::F32 => {
                Values::F32(view.data().as_chunks().0.iter().map(|raw| f32::from_le_bytes(*raw)).collect())
            }
            Dtype::F64 => {
                Values::F64(view.data().as_chunks().0.iter().map(|raw| f64::from_le_bytes(*raw)).collect())
            }
            _ => return Err(Stop::Errored(format!("golden `{name}` of {} holds no numbers", self.model))),
        };
        Ok(Some(Tensor { shape: view.shape().to_vec(), values }))
    }

    /// Everything that the oracle says about the stages of a prompt, in an arithmetic or, where it has none of
    /// that, in f64.
    ///
    /// Hidden state `I` of transformers is the embedding for 0, the output of layer `I - 1` in between, and the
    /// final norm at the end: the last layer's own output is not among them.
    pub fn stages(
        &self,
        prompt: &str,
        arithmetic: ArithmeticName,
        num_hidden_layers: usize,
    ) -> Result<Vec<GoldenStage>, Stop> {
        let mut stages = Vec::new();
        let mut push = |stage: String, tensor: Option<Tensor>| {
            if let Some(tensor) = tensor
                && !stages.iter().any(|known: &GoldenStage| known.stage == stage)
            {
                stages.push(GoldenStage { stage, tensor });
            }
        };
        for precision in [arithmetic.as_str(), "f64"] {
            for name in ["logits", "last_logits"] {
                let tensor = self.tensor_if_present(&format!("{prompt}.{precision}.{name}"))?;
                push("lm_head".to_owned(), tensor);
            }
        }
        for precision in [arithmetic.as_str(), "f64"] {
            let prefix = format!("{prompt}.{precision}.stage.");
            let names: Vec<String> = self
                .file()?
                .names()
                .iter()
                .filter_map(|name| Some(name.strip_prefix(&prefix)?.to_owned()))
                .collect();
            for stage in names {
                let tensor = self.tensor_if_present(&format!("{prefix}{stage}"))?;
                push(stage, tensor);
            }
        }
        for hidden in 0..=num_hidden_layers {
            let stage = match hidden {
                0 => "model.embed_tokens".to_owned(),
                last if last == num_hidden_layers => "model.norm".to_owned(),
                layer => format!("model.layers.{}", layer - 1),
            };
            for name in ["hidden", "last_hidden"] {
                let tensor = self.tensor_if_present(&format!("{prompt}.{name}.{hidden}"))?;
                push(stage.clone(), tensor);
            }
        }
        if stages.is_empty() {
            return Err(self.missing(&format!("{prompt}.{arithmetic}.logits")));
        }
        Ok(stages)
    }
}

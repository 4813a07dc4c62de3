//! The models of the zoo, and options for them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use engine::Loaded;
use engine::device::{Chunk, DeviceModel, DeviceOptions, SequenceId, Session, Unwatched, Watch};
use engine::models::Logits;
use engine::plan::Phase;
use engine::stage::StageName;
use engine::trace::Tensor;
use kernels::Dtype;
use kernels::real::Values;

use crate::double::{Double, jit};

/// The folders of all models.
pub(crate) fn models() -> Vec<PathBuf> {
    let zoo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("zoo");
    let folders = [zoo.clone(), zoo.join("micro")];
    let mut models: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("config.json").is_file())
        .collect();
    models.sort();
    assert!(models.len() >= 16, "{models:?}");
    models
}

/// Those whose kernels the double plays. Mixtures of experts and latent attention run on the virtual device alone.
pub(crate) fn played() -> Vec<PathBuf> {
    let mut models = models();
    models.retain(|path| {
        let loaded = Loaded::open(path).unwrap();
        loaded.config().mixture.is_none() && loaded.config().latent.is_none()
    });
    assert!(models.len() >= 16, "{models:?}");
    models
}

/// The folder of a model of the zoo.
pub(crate) fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("zoo").join(name)
}

/// A model of the zoo.
pub(crate) fn open(name: &str) -> Loaded {
    Loaded::open(&folder(name)).unwrap()
}

/// Small sizes, so that a run of the double is quick.
pub(crate) fn options(loaded: &Loaded) -> DeviceOptions {
    let options = DeviceOptions::new(loaded.config(), loaded.activation_dtype());
    DeviceOptions { max_tokens: 24, max_batch: 4, max_kv: 48, page_size: 4, ..options }
}

/// A model on a fresh double.
pub(crate) fn load(loaded: &Loaded, options: DeviceOptions) -> DeviceModel {
    DeviceModel::load(loaded, Double::new(1 << 30), &jit(Arc::clone(loaded.seam())), options).unwrap()
}

/// The bits of a tensor of a device.
pub(crate) fn bits(tensor: &Tensor) -> Vec<u32> {
    match &tensor.values {
        Values::F32(values) => {
            assert!(values.iter().all(|x| x.is_finite()), "not finite");
            values.iter().map(|x| x.to_bits()).collect()
        }
        Values::F64(_) => panic!("a device gives f32"),
    }
}

/// The bits of the logits of one run over one sequence.
pub(crate) fn extend(
    session: &mut Session<'_>,
    phase: Phase,
    sequence: SequenceId,
    tokens: &[u32],
) -> Vec<u32> {
    let chunk = Chunk { sequence, tokens };
    bits(&session.run(phase, &[chunk], Logits::All, &mut Unwatched).unwrap())
}

/// Tokens without a pattern, below `vocab_size`.
pub(crate) fn prompt(vocab_size: usize, len: usize, seed: u32) -> Vec<u32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % u32::try_from(vocab_size).unwrap()
    };
    (0..len).map(|_| next()).collect()
}

/// Records every stage, and imposes some.
#[derive(Default)]
pub(crate) struct Everything {
    pub(crate) order: Vec<(StageName, Dtype, Tensor)>,
    pub(crate) imposed: BTreeMap<StageName, Tensor>,
}

pub(crate) fn watch_all() -> Everything {
    Everything::default()
}

impl Everything {
    /// What was recorded, by name.
    pub(crate) fn stages(self) -> BTreeMap<String, Tensor> {
        self.order.into_iter().map(|(name, _, tensor)| (name.to_string(), tensor)).collect()
    }
}

impl Watch for Everything {
    fn wants(&self, _: StageName) -> bool {
        true
    }

    fn record(&mut self, stage: StageName, stored: Dtype, tensor: Tensor) {
        self.order.push((stage, stored, tensor));
    }

    fn imposes(&self) -> bool {
        !self.imposed.is_empty()
    }

    fn impose(&mut self, stage: StageName) -> Option<Tensor> {
        self.imposed.get(&stage).cloned()
    }
}

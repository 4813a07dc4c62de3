//! The truth of a run, and how far honest runs land from it.
//!
//! The truth is the f64 reference. The honest runs are the reference in `declared` arithmetic, once for each of
//! [`SUMMATION_ORDERS`] orders of summation. Fed with given values, a run computes each stage from those, and the value
//! that it computed is looked at before the given one takes its place: that is how a step is judged by itself.
//!
//! Everything here opens the model anew, without the rewrites of the engine under test: a mutant must not move what it
//! is held to.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use engine::device::DeviceModel;
use engine::kv_cache::CachePoint;
use engine::models::Logits;
use engine::plan::Phase;
use engine::routing::Routing;
use engine::stage::StageName;
use engine::trace::{StagePoint, StageValue, Tap, Tensor};
use engine::{EngineError, Loaded};
use kernels::arithmetic::SUMMATION_ORDERS;
use kernels::real::{Values, ValuesMut};
use kernels::seam::Seam;
use kernels::{Arithmetic, Dtype};
use rayon::prelude::*;

use super::pages::Pages;
use super::{ParityError, Run, stacked};
use crate::compare::{first_non_finite, row_l2};

/// Where the truth about a model comes from.
#[derive(Debug, Clone)]
pub struct Source {
    dir: PathBuf,
    cache: Vec<Dtype>,
    routing: Routing,
}

/// The values that a piece of a run is fed with, by stage.
pub type Forced = BTreeMap<StageName, Tensor>;

/// The truth about a run.
#[derive(Debug)]
pub struct Honest {
    /// Every stage that the reference announces, in the order of execution.
    pub announced: Vec<StageName>,
    /// The stages that were asked for, with what is true there.
    pub stages: Vec<HonestStage>,
    /// What the first honest run computed, for each piece of the run: what others can be fed with.
    pub forced: Vec<Forced>,
    /// What is added to the scores of experts for their choice alone, for each layer that has such.
    pub biases: BTreeMap<usize, Vec<f64>>,
}

/// The truth about one stage.
#[derive(Debug)]
pub struct HonestStage {
    /// Which.
    pub name: StageName,
    /// Its value in f64, for the tokens that are judged.
    pub truth: Tensor,
    /// The largest error of a row over all honest runs: `norm(honest - truth) / norm(truth)`.
    pub spread: f64,
    /// How far the truth lies from what it would be if pages rounded nothing; 0 where they do not.
    pub rounding: f64,
}

/// Which stages are looked at, in a prefill and in a decode step.
#[derive(Debug, Clone)]
pub struct Wanted {
    prefill: BTreeSet<StageName>,
    decode: BTreeSet<StageName>,
}

impl Wanted {
    /// Those that the plans of a model store.
    #[must_use]
    pub fn of(model: &DeviceModel) -> Self {
        let stored = |phase| model.plan(phase).measured().collect();
        Self { prefill: stored(Phase::Prefill), decode: stored(Phase::Decode) }
    }

    /// The logits only.
    #[must_use]
    pub fn logits() -> Self {
        let logits = BTreeSet::from([StageName::model("lm_head")]);
        Self { prefill: logits.clone(), decode: logits }
    }

    /// The logits, and what experts are chosen by, where a plan of a model stores it.
    #[must_use]
    pub fn choices(model: &DeviceModel) -> Self {
        let chosen_by = |stage: &StageName| ["lm_head", "mlp.gate", "mlp.topk"].contains(&stage.local());
        let stored = |phase| model.plan(phase).measured().filter(chosen_by).collect();
        Self { prefill: stored(Phase::Prefill), decode: stored(Phase::Decode) }
    }

    const fn stages(&self, phase: Phase) -> &BTreeSet<StageName> {
        match phase {
            Phase::Prefill => &self.prefill,
            Phase::Decode => &self.decode,
        }
    }
}

impl Source {
    /// The model in a folder.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), cache: Vec::new(), routing: Routing::default() }
    }

    /// With the experts of each token given, wherever `routing` names some.
    #[must_use]
    pub fn with_routing(self, routing: Routing) -> Self {
        Self { routing, ..self }
    }

    /// With keys and values rounded to these dtypes, one for each layer, where they are narrower than activations; in E4M3
    /// after they were divided by the scales that the checkpoint has. What a layer attends to is then what its pages can
    /// hold: keys and values, or latents and turned keys.
    #[must_use]
    pub fn with_cache(mut self, dtypes: &[Dtype], activation: Dtype) -> Self {
        let narrower = |dtype: &Dtype| dtype.fraction_bits() < activation.fraction_bits();
        self.cache = match dtypes.iter().any(narrower) {
            true => dtypes.iter().map(|d| if narrower(d) { *d } else { Dtype::F64 }).collect(),
            false => Vec::new(),
        };
        self
    }

    /// Opens the model with a seam that looks at stages, and feeds them.
    fn open(&self, shared: &Arc<Mutex<Feeding>>) -> Result<Loaded, EngineError> {
        let feeding = Arc::clone(shared);
        // Known once the model is open, and not used before.
        let pages: Arc<OnceLock<Vec<Pages>>> = Arc::default();
        let of_layer = |pages: &OnceLock<Vec<Pages>>, layer: usize| pages.get()?.get(layer).copied();
        let held = Arc::clone(&pages);
        let mut seam = Seam::empty().with::<StagePoint>(move |stage| {
            let mut feeding = feeding.lock().unwrap_or_else(PoisonError::into_inner);
            let fed = feed(&mut feeding, stage);
            // What was seen is what is compared, and what goes on is what the pages give back of it.
            let pages = stage.name.layer_index().and_then(|layer| of_layer(&held, layer));
            match pages.filter(|pages| pages.holds(stage.name)) {
                Some(pages) => stage.values.map(|_, x| pages.key(x)) || fed,
                None => fed,
            }
        });
        if !self.cache.is_empty() {
            let held = Arc::clone(&pages);
            seam = seam.with::<CachePoint>(move |cache| {
                let pages = of_layer(&held, cache.layer).filter(|pages| !pages.latent);
                let Some(pages) = pages else { return false };
                let keys = cache.keys.map(|_, x| pages.key(x));
                cache.values.map(|_, x| pages.value(x)) || keys
            });
        }
        let loaded = Loaded::open_with(&self.dir, Arc::new(seam))?;
        // Opened once, so that nothing was there before.
        let _ = pages.set(Pages::of(&loaded, &self.cache)?);
        Ok(loaded)
    }

    /// Whether nine copies of the weights, widened, fit side by side.
    fn is_small(&self) -> bool {
        let files = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let bytes: u64 = files.filter_map(|file| Some(file.metadata().ok()?.len())).sum();
        bytes <= 256 << 20
    }
}

/// What passes between a run and the seam that it goes through.
#[derive(Debug, Default)]
struct Feeding {
    wanted: BTreeSet<StageName>,
    forced: Forced,
    seen: BTreeMap<StageName, Tensor>,
}

/// Notes the value of a stage that is wanted, and gives it another where one is forced.
fn feed(feeding: &mut Feeding, stage: &mut StageValue<'_>) -> bool {
    if !feeding.wanted.contains(&stage.name) {
        return false;
    }
    let values = match &stage.values {
        ValuesMut::F32(values) => Values::F32(values.to_vec()),
        ValuesMut::F64(values) => Values::F64(values.to_vec()),
    };
    feeding.seen.insert(stage.name, Tensor { shape: stage.shape.to_vec(), values });
    match feeding.forced.get(&stage.name).filter(|forced| forced.shape == stage.shape) {
        None => false,
        Some(forced) => {
            let forced = forced.values.wide(0..forced.values.len());
            stage.values.map(|at, value| forced.get(at).copied().unwrap_or(value))
        }
    }
}

/// One pass of the reference.
struct Pass {
    announced: Vec<StageName>,
    /// What each piece computed.
    seen: Vec<Forced>,
}

fn pass(
    source: &Source,
    arithmetic: impl Fn(&Loaded) -> Arithmetic,
    run: &Run,
    wanted: &Wanted,
    forced: Option<&[Forced]>,
) -> Result<Pass, EngineError> {
    let shared = Arc::new(Mutex::new(Feeding::default()));
    let loaded = source.open(&shared)?;
    let reference = loaded.reference(arithmetic(&loaded))?;
    let mut sequence = reference.sequence();
    let mut announced = Announced::default();
    let mut seen = Vec::new();
    let feeding = || shared.lock().unwrap_or_else(PoisonError::into_inner);
    for (at, (phase, tokens, _)) in run.pieces().into_iter().enumerate() {
        *feeding() = Feeding {
            wanted: wanted.stages(phase).clone(),
            forced: forced.and_then(|forced| forced.get(at)).cloned().unwrap_or_default(),
            seen: BTreeMap::new(),
        };
        sequence.extend_routed(tokens, Logits::All, &source.routing, &mut announced)?;
        seen.push(std::mem::take(&mut feeding().seen));
    }
    Ok(Pass { announced: announced.names.into_inner(), seen })
}

/// Notes the names of all stages, and records none.
#[derive(Default)]
struct Announced {
    names: RefCell<Vec<StageName>>,
}

impl Tap for Announced {
    fn wants(&self, stage: StageName) -> bool {
        let mut names = self.names.borrow_mut();
        if !names.contains(&stage) {
            names.push(stage);
        }
        false
    }

    fn record(&mut self, _: StageName, _: Dtype, _: Tensor) {}
}

/// Computes the truth and the honest runs of `run`. With `forced`, one for each piece, every stage is computed from
/// those values instead of from what the run itself computed before.
pub fn honest(
    source: &Source,
    run: &Run,
    wanted: &Wanted,
    forced: Option<&[Forced]>,
) -> Result<Honest, ParityError> {
    let failed = |error: EngineError| ParityError::Honest(format!("the reference: {error}"));
    let of = |order: Option<u32>| {
        let arithmetic = |loaded: &Loaded| order.map_or(Arithmetic::F64, |order| loaded.declared(order));
        pass(source, arithmetic, run, wanted, forced).map_err(failed)
    };
    let orders: Vec<Option<u32>> = std::iter::once(None).chain((0..SUMMATION_ORDERS).map(Some)).collect();
    let passes: Vec<Pass> = match source.is_small() {
        true => orders.into_par_iter().map(of).collect::<Result<_, _>>()?,
        false => orders.into_iter().map(of).collect::<Result<_, _>>()?,
    };
    // Where pages round, a key that lies between two values of their format may honestly become either, and eight runs
    // need not show both. What the rounding costs the truth itself is what such a flip can cost.
    let plain = match source.cache.is_empty() {
        true => None,
        false => {
            let plain = Source::new(&source.dir).with_routing(source.routing.clone());
            Some(pass(&plain, |_| Arithmetic::F64, run, wanted, forced).map_err(failed)?)
        }
    };
    let mut passes = passes.into_iter();
    let truth = passes.next().ok_or_else(|| ParityError::Honest("no run was made".to_owned()))?;
    let declared: Vec<Pass> = passes.collect();

    let mut stages = Vec::new();
    for &name in &truth.announced {
        if !wanted.stages(run.phase()).contains(&name) {
            continue;
        }
        // A stage that the seam never saw is only observed: nothing is computed from it.
        let Some(value) = judged(&truth, run, name) else { continue };
        if let Some((index, value)) = first_non_finite(&value) {
            return Err(ParityError::Honest(format!("the truth is {value} at {name} {index:?}")));
        }
        let mut spread = 0.0f64;
        for honest in &declared {
            let error = judged(honest, run, name).map_or(f64::INFINITY, |honest| row_l2(&value, &honest));
            if !error.is_finite() {
                return Err(ParityError::Honest(format!(
                    "an honest run is {error} away from the truth at {name}; nothing can be derived"
                )));
            }
            spread = spread.max(error);
        }
        let rounding = plain.as_ref().and_then(|plain| judged(plain, run, name));
        let rounding = rounding.map_or(0.0, |plain| row_l2(&value, &plain));
        stages.push(HonestStage { name, truth: value, spread, rounding });
    }
    let forced = declared.into_iter().next().map(|first| first.seen).unwrap_or_default();
    let biases = biases(source).map_err(failed)?;
    Ok(Honest { announced: truth.announced, stages, forced, biases })
}

/// The correction biases of a model, as its checkpoint has them.
fn biases(source: &Source) -> Result<BTreeMap<usize, Vec<f64>>, EngineError> {
    let loaded = source.open(&Arc::default())?;
    let reader = loaded.weights().reader(loaded.seam());
    let mut biases = BTreeMap::new();
    for layer in 0..loaded.config().num_hidden_layers {
        let Some(mixture) = loaded.config().mixture_of(layer).filter(|mixture| mixture.correction_bias)
        else {
            continue;
        };
        let name = format!("{}.e_score_correction_bias", StageName::layer(layer, "mlp.gate"));
        let bias = reader.vector::<f64>(&name, mixture.routing.num_experts)?;
        biases.insert(layer, bias.to_vec());
    }
    Ok(biases)
}

/// The value of a stage over all pieces that are judged.
fn judged(pass: &Pass, run: &Run, name: StageName) -> Option<Tensor> {
    let pieces = run.pieces();
    let parts = pass.seen.iter().zip(&pieces).filter(|(_, (_, _, judged))| *judged);
    let parts: Option<Vec<&Tensor>> = parts.map(|(seen, _)| seen.get(&name)).collect();
    stacked(parts?)
}

/// The logits of a run in f64, for the tokens that are judged.
pub fn truth_of_logits(source: &Source, run: &Run) -> Result<Tensor, ParityError> {
    let name = StageName::model("lm_head");
    let truth = pass(source, |_| Arithmetic::F64, run, &Wanted::logits(), None)
        .map_err(|error| ParityError::Honest(format!("the reference: {error}")))?;
    judged(&truth, run, name)
        .ok_or_else(|| ParityError::Honest("the reference announces no logits".to_owned()))
}

/// Every stage that the reference of the model in a folder announces, in the order of execution.
pub fn announced(dir: &Path) -> Result<Vec<StageName>, ParityError> {
    let run = Run::prefill(vec![0]);
    let pass = pass(&Source::new(dir), |_| Arithmetic::F32, &run, &Wanted::logits(), None)
        .map_err(|error| ParityError::Honest(format!("the reference: {error}")))?;
    Ok(pass.announced)
}

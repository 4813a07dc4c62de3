//! A device against the truth, stage by stage: what the kinds, admission, `apr parity` and `apr bisect` share.
//!
//! | file | what |
//! |---|---|
//! | [`run`](Run) | which tokens are computed together, and which of them are judged |
//! | [`honest`](mod@honest) | the truth of a run, and how far honest runs land from it |
//! | [`watched`](device_values) | the same run on a device, stage by stage |
//! | `flips` | experts that a device chose and the truth does not |
//! | `routed` | how far the weights of experts may lie |
//! | `parity.rs` | the verdicts |
//!
//! A stage gets two verdicts. *Cumulative*: everything upstream ran on the device too. *Isolated*: device, truth and
//! honest runs are all fed the values of one honest run at every stage that the device stores, so that each step answers
//! for itself. A stage that is good fed with good values and bad by itself is the culprit; a stage that is only
//! cumulatively bad passes on what went wrong before it.

use engine::EngineError;
use engine::Loaded;
use engine::config::Config;
use engine::device::{DeviceModel, DeviceOptions};
use engine::plan::{Phase, Plan, Role, Step};
use engine::stage::StageName;
use engine::trace::{Recorded, Tensor};
use evidence::Real;
use kernels::Dtype;
use serde::Serialize;

use crate::compare::{Difference, Limit, Measured, compare};
use crate::stop::Stop;
use crate::subject::engine_stop;

mod flips;
pub mod honest;
mod pages;
mod routed;
mod run;
mod watched;

pub(crate) use flips::flip;
pub use honest::{Forced, Honest, HonestStage, Source, honest};
pub use run::Run;
pub use watched::{device_run, device_values};

/// Why nothing could be judged.
#[derive(Debug, thiserror::Error)]
pub enum ParityError {
    /// The engine under test refused or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The truth, or an honest run, could not be had; this says nothing about the device.
    #[error("{0}")]
    Honest(String),
}

impl ParityError {
    /// What it says about a claim in a lane.
    #[must_use]
    pub fn stop(self, lane: contracts::Lane) -> Stop {
        match self {
            Self::Engine(error) => engine_stop(error, lane),
            Self::Honest(message) => Stop::Errored(message),
        }
    }
}

/// Which verdicts are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdicts {
    /// Everything upstream ran on the device too.
    pub cumulative: bool,
    /// Fed the values of an honest run.
    pub isolated: bool,
}

impl Verdicts {
    /// Both.
    pub const BOTH: Self = Self { cumulative: true, isolated: true };
}

/// One comparison of a stage with its truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// Whether it is within its limit.
    pub ok: bool,
    /// The error of the worst row: `norm(found - truth) / norm(truth)`; infinite where shapes differ.
    pub error: Real,
    /// What it was held to.
    pub limit: Real,
    /// The token of the worst element, counted from the start of the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<u64>,
    /// The head of the worst element, where features are heads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<u64>,
    /// What is wrong, where something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The comparison itself.
    #[serde(skip)]
    pub result: Result<Measured, Difference>,
}

/// How a stage of the reference is accounted for on the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// It is stored, and was compared.
    Measured,
    /// It is computed inside this step and never stored, so it was not compared.
    Fused(String),
    /// The plan does not say where it is computed: a defect.
    Missing,
    /// The plan stores it, and the reference has no such stage: a defect.
    Unknown,
}

/// What is said about one stage of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageVerdict {
    /// Canonical name.
    pub stage: String,
    /// Its layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// Whether it was compared.
    pub coverage: Coverage,
    /// The kernel that computes it, with its axes; empty where the plan does not say.
    pub kernel: String,
    /// Everything upstream ran on the device too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cumulative: Option<Judged>,
    /// Fed the values of an honest run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolated: Option<Judged>,
}

impl StageVerdict {
    /// Whether nothing is wrong with it.
    #[must_use]
    pub fn ok(&self) -> bool {
        let covered = matches!(self.coverage, Coverage::Measured | Coverage::Fused(_));
        covered && [&self.cumulative, &self.isolated].into_iter().flatten().all(|judged| judged.ok)
    }

    /// Whether it is wrong although it was fed with good values, or is not accounted for at all.
    #[must_use]
    pub fn culprit(&self) -> bool {
        let covered = matches!(self.coverage, Coverage::Measured | Coverage::Fused(_));
        !covered || self.isolated.as_ref().is_some_and(|judged| !judged.ok)
    }

    /// What is wrong, in one sentence; `None` where nothing is.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let of = |judged: &Option<Judged>, how: &str| {
            let judged = judged.as_ref().filter(|judged| !judged.ok)?;
            let token = judged.token.map(|token| format!(" at token {token}")).unwrap_or_default();
            let head = judged.head.map(|head| format!(", head {head}")).unwrap_or_default();
            let why = judged.problem.as_deref().unwrap_or("it differs");
            Some(format!("{} is wrong {how}{token}{head}: {why}; computed by {}", self.stage, self.kernel))
        };
        match &self.coverage {
            Coverage::Missing => {
                Some(format!("{} is neither stored nor named as fused by any step of the plan", self.stage))
            }
            Coverage::Unknown => {
                Some(format!("{} is stored by the plan, and the reference has no such stage", self.stage))
            }
            _ => of(&self.isolated, "fed with good values")
                .or_else(|| of(&self.cumulative, "after everything before it")),
        }
    }
}

/// What is said about one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunVerdict {
    /// The plan that was judged.
    #[serde(serialize_with = "shown")]
    pub phase: Phase,
    /// Tokens of the run.
    pub tokens: usize,
    /// Those of them that were judged.
    pub judged: usize,
    /// Every stage, in the order in which the reference computes them.
    pub stages: Vec<StageVerdict>,
}

fn shown<S: serde::Serializer>(phase: &Phase, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(phase)
}

impl RunVerdict {
    /// Whether something was compared, and nothing is wrong.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.elements() > 0 && self.stages.iter().all(StageVerdict::ok)
    }

    /// Elements that were compared and held.
    #[must_use]
    pub fn elements(&self) -> u64 {
        let judged = self.stages.iter().flat_map(|stage| [&stage.cumulative, &stage.isolated]).flatten();
        judged.filter_map(|judged| judged.result.as_ref().ok()).map(|measured| measured.elements).sum()
    }

    /// The first stage that is good in and bad out; where there is none, the first that is bad at all.
    #[must_use]
    pub fn culprit(&self) -> Option<&StageVerdict> {
        let first = self.stages.iter().find(|stage| stage.culprit());
        first.or_else(|| self.stages.iter().find(|stage| !stage.ok()))
    }
}

/// Options for runs of at most `longest` tokens, all at once, of `batch` sequences. Without a library: many claims ask for
/// equal bits, which only our own kernels give, and what is claimed of a kernel is to be computed by it.
#[must_use]
pub fn options(loaded: &Loaded, longest: usize, batch: usize) -> DeviceOptions {
    let options = DeviceOptions::new(loaded.config(), loaded.activation_dtype());
    let longest = longest.max(1);
    DeviceOptions {
        max_tokens: longest * batch,
        max_batch: batch,
        max_kv: longest,
        library: false,
        ..options
    }
}

/// Judges one run of a model on a device. A stage is held to `factor` times the spread of honest runs, and never to
/// less than one unit in the last place of how it is stored.
pub fn judge(
    model: &DeviceModel,
    source: &Source,
    run: &Run,
    factor: f64,
    verdicts: Verdicts,
) -> Result<RunVerdict, ParityError> {
    let wanted = honest::Wanted::of(model);
    let plan = model.plan(run.phase());
    let found = match verdicts.cumulative {
        true => Some(device_run(model, run, None)?),
        false => None,
    };
    // What follows a choice of experts is held to a truth that was given the same choice; the choice is judged by itself.
    let routing = found.as_ref().map(|(_, routing)| routing.clone()).unwrap_or_default();
    let cumulative = honest(&source.clone().with_routing(routing), run, &wanted, None)?;
    let mut stages = skeleton(plan, &cumulative.announced);
    if let Some((found, _)) = &found {
        fill(&mut stages, model, run, &cumulative, found, factor, |stage| &mut stage.cumulative);
    }
    if verdicts.isolated {
        // A choice cannot be put in a device's place: what follows it is of what the device chose from the logits it was fed.
        let mut forced = cumulative.forced;
        forced.iter_mut().for_each(|piece| piece.retain(|stage, _| stage.local() != watched::CHOICE));
        let (found, routing) = device_run(model, run, Some(&forced))?;
        let isolated = honest(&source.clone().with_routing(routing), run, &wanted, Some(&forced))?;
        fill(&mut stages, model, run, &isolated, &found, factor, |stage| &mut stage.isolated);
    }
    Ok(RunVerdict { phase: run.phase(), tokens: run.tokens().len(), judged: run.judged(), stages })
}

/// Every stage that reference or plan knows of, not judged yet.
fn skeleton(plan: &Plan, announced: &[StageName]) -> Vec<StageVerdict> {
    let (measured, fused): (Vec<StageName>, _) = (plan.measured().collect(), plan.fused());
    let verdict = |stage: StageName, coverage| StageVerdict {
        stage: stage.to_string(),
        layer: stage.layer_index(),
        coverage,
        kernel: kernel_of(plan, stage),
        cumulative: None,
        isolated: None,
    };
    let known = announced.iter().map(|&stage| {
        let coverage = match fused.iter().find(|(name, _)| *name == stage) {
            _ if measured.contains(&stage) => Coverage::Measured,
            Some((_, step)) => Coverage::Fused(step.clone()),
            None => Coverage::Missing,
        };
        verdict(stage, coverage)
    });
    let unknown = measured.iter().filter(|stage| !announced.contains(stage));
    known.chain(unknown.map(|&stage| verdict(stage, Coverage::Unknown))).collect()
}

/// What computes the step that stores a stage, or that it is fused into.
fn kernel_of(plan: &Plan, stage: StageName) -> String {
    let stores = |step: &&Step| {
        step.writes().filter_map(|id| plan.buffer(id)).any(|buffer| buffer.role == Role::Stage(stage))
    };
    let step = plan.steps.iter().find(stores);
    let step = step.or_else(|| plan.steps.iter().find(|step| step.covers.contains(&stage)));
    step.map(Step::computed_by).unwrap_or_default()
}

fn fill(
    stages: &mut [StageVerdict],
    model: &DeviceModel,
    run: &Run,
    honest: &Honest,
    found: &[Recorded],
    factor: f64,
    slot: fn(&mut StageVerdict) -> &mut Option<Judged>,
) {
    for verdict in stages.iter_mut().filter(|verdict| verdict.coverage == Coverage::Measured) {
        let truth = honest.stages.iter().find(|stage| stage.name.to_string() == verdict.stage);
        let found = found.iter().find(|stage| stage.name.to_string() == verdict.stage);
        let judged = match (truth, found) {
            (Some(truth), Some(found)) => {
                let by_logits = routed::allowed(model.config(), &honest.stages, truth, factor);
                let limit = Limit::RowL2 { max: limit(truth, found.stored, factor).bound().max(by_logits) };
                let compared = compare(&truth.truth, &found.tensor, limit);
                let flip = flips::flip(model.config(), &honest.stages, &honest.biases, found, factor);
                of(flip.map_or(compared, Err), limit, model.config(), truth.name, run)
            }
            // The plan stores it, and no value came: nothing was compared, which is never a pass.
            _ => of(
                Err(Difference::Empty),
                Limit::RowL2 { max: found.map_or(0.0, |found| found.stored.epsilon()) },
                model.config(),
                StageName::model(""),
                run,
            ),
        };
        *slot(verdict) = Some(judged);
    }
}

/// What a stage is held to that is stored in this dtype: `factor` times the spread of honest runs, what the rounding of
/// pages costs, and one unit in the last place, whichever is most.
#[must_use]
pub fn limit(stage: &HonestStage, stored: Dtype, factor: f64) -> Limit {
    Limit::RowL2 { max: (factor * stage.spread).max(stage.rounding).max(stored.epsilon()) }
}

fn of(
    result: Result<Measured, Difference>,
    limit: Limit,
    config: &Config,
    stage: StageName,
    run: &Run,
) -> Judged {
    let (error, place) = match &result {
        Ok(measured) => (measured.value, None),
        Err(Difference::Empty) => (f64::NAN, None),
        Err(Difference::Shape { .. } | Difference::Dtype { .. }) => (f64::INFINITY, None),
        Err(Difference::NonFinite { index, .. }) => (f64::NAN, Some(index)),
        Err(Difference::Beyond { index, value, .. }) => (*value, Some(index)),
    };
    let token = place.and_then(|index| index.first()).map(|row| (run.first_judged() + row) as u64);
    let feature = place.and_then(|index| index.get(1)).copied();
    let heads = ["q_matmul", "q_proj", "q_norm", "q_rope", "k_matmul", "k_proj", "k_norm", "k_rope"];
    let heads = heads.into_iter().chain(["v_matmul", "v_proj", "context"]);
    let local = stage.local().strip_prefix("self_attn.");
    let has_heads = local.is_some_and(|local| heads.into_iter().any(|name| name == local));
    let head = feature.filter(|_| has_heads).and_then(|feature| feature.checked_div(config.head_dim));
    Judged {
        ok: result.is_ok(),
        error: error.into(),
        limit: limit.bound().into(),
        token,
        head: head.map(|head| head as u64),
        problem: result.as_ref().err().map(ToString::to_string),
        result,
    }
}

/// Rows of several tensors of one width, one after the other.
pub(crate) fn stacked<'t>(parts: impl IntoIterator<Item = &'t Tensor>) -> Option<Tensor> {
    use kernels::real::Values;

    let mut all: Option<Tensor> = None;
    for part in parts {
        match &mut all {
            None => all = Some(part.clone()),
            Some(all) => {
                let (Some(rows), Some(more)) = (all.shape.first_mut(), part.shape.first()) else {
                    return None;
                };
                *rows += more;
                match (&mut all.values, &part.values) {
                    (Values::F32(all), Values::F32(part)) => all.extend_from_slice(part),
                    (Values::F64(all), Values::F64(part)) => all.extend_from_slice(part),
                    _ => return None,
                }
            }
        }
    }
    all
}

//! A run on a device, stage by stage.

use std::collections::BTreeMap;

use engine::EngineError;
use engine::device::{Chunk, DeviceModel, Watch};
use engine::models::Logits;
use engine::routing::Routing;
use engine::stage::StageName;
use engine::trace::{Recorded, Tensor};
use kernels::Dtype;

use super::{Forced, Run, stacked};

/// Runs on a device, and returns every stage that its plan stores, for the tokens that are judged. Where `forced` has a
/// value for a stage of a piece, it is put in the stage's place once that was recorded.
pub fn device_values(
    model: &DeviceModel,
    run: &Run,
    forced: Option<&[Forced]>,
) -> Result<Vec<Recorded>, EngineError> {
    Ok(device_run(model, run, forced)?.0)
}

/// The same, with the experts of all tokens.
pub fn device_run(
    model: &DeviceModel,
    run: &Run,
    forced: Option<&[Forced]>,
) -> Result<(Vec<Recorded>, Routing), EngineError> {
    let mut choices: Vec<Recorded> = Vec::new();
    let mut session = model.session()?;
    let sequence = session.add();
    let mut parts: Vec<Vec<Recorded>> = Vec::new();
    for (at, (phase, tokens, judged)) in run.pieces().into_iter().enumerate() {
        let forced = forced.and_then(|forced| forced.get(at));
        let mut watching = Watching { record: judged, forced, stages: Vec::new() };
        session.run(phase, &[Chunk { sequence, tokens }], Logits::All, &mut watching)?;
        let is_choice = |stage: &&Recorded| stage.name.local() == CHOICE;
        choices.extend(watching.stages.iter().filter(is_choice).cloned());
        if judged {
            parts.push(watching.stages);
        }
    }
    let mut by_name: BTreeMap<StageName, Vec<&Recorded>> = BTreeMap::new();
    for recorded in parts.iter().flatten() {
        by_name.entry(recorded.name).or_default().push(recorded);
    }
    let joined = by_name.into_iter().filter_map(|(name, recorded)| {
        let stored = recorded.first()?.stored;
        Some(Recorded { name, stored, tensor: stacked(recorded.into_iter().map(|part| &part.tensor))? })
    });
    Ok((joined.collect(), Routing::of(&choices)))
}

/// The stage that shows which experts a token is sent to: what the truth is given of every token.
pub(super) const CHOICE: &str = "mlp.topk";

/// Records and imposes.
struct Watching<'f> {
    record: bool,
    forced: Option<&'f Forced>,
    stages: Vec<Recorded>,
}

impl Watch for Watching<'_> {
    fn wants(&self, stage: StageName) -> bool {
        self.record || stage.local() == CHOICE
    }

    fn record(&mut self, name: StageName, stored: Dtype, tensor: Tensor) {
        self.stages.push(Recorded { name, stored, tensor });
    }

    fn imposes(&self) -> bool {
        self.forced.is_some()
    }

    fn impose(&mut self, stage: StageName) -> Option<Tensor> {
        self.forced?.get(&stage).cloned()
    }
}

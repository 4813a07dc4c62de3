//! The same run twice from the same state, as launches and as a replay, with every buffer compared bit by bit.

use std::collections::BTreeMap;

use kernels::device::Buffer;

use super::memory::Place;
use super::{Chunk, DeviceModel, Session, Unwatched};
use crate::error::EngineError;
use crate::models::Logits;
use crate::plan::{Phase, Role};
use crate::stage::StageName;

/// A buffer after both runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// Its name: a stage, an input, or the pages of a layer. A slot that several stages share has the names of all.
    pub name: String,
    /// The stage, for a buffer that has one value only.
    pub stage: Option<StageName>,
    /// How many bytes it has.
    pub bytes: u64,
    /// How many of them differ.
    pub differing: u64,
    /// The first that differs.
    pub first: Option<u64>,
}

/// What every place that a run writes holds.
type Contents = BTreeMap<Place, Vec<u8>>;

impl Session<'_> {
    /// Decodes the tokens of `chunks` three times from the same state: launched one by one, as a replay, and as another
    /// replay. Everything that the plan reads and writes, weights excepted, is put back in between; keys and values are
    /// state, so that a second run over what the first left would be another run. The last two are compared with the
    /// first. `None` where there is no graph to replay.
    ///
    /// Sequences are one token longer then, as after one run. Buffers come in the order in which the plan writes them;
    /// with [`keep_stages`](super::DeviceOptions::keep_stages) each stage is one of its own.
    pub fn ab_scan(&mut self, chunks: &[Chunk<'_>]) -> Result<Option<Vec<Scanned>>, EngineError> {
        let model = self.model();
        let plan = model.plan(Phase::Decode);
        let before = model.contents()?;
        self.run_eagerly(chunks)?;
        let eager = model.contents()?;
        let mut scanned: Option<Vec<Scanned>> = None;
        for _ in 0..2 {
            model.put_back(&before)?;
            // The inputs of the run are what the first run left: no kernel writes them.
            for buffer in plan.buffers.iter().filter(|buffer| matches!(buffer.role, Role::Input(_))) {
                if let Some((place, bytes)) = Place::of(buffer).and_then(|place| eager.get_key_value(&place))
                {
                    model.put(place, bytes)?;
                }
            }
            if !model.replay_again(chunks.len() as u64)? {
                return Ok(None);
            }
            let found = compared(model, &eager, &model.contents()?);
            match &mut scanned {
                None => scanned = Some(found),
                Some(all) => {
                    for (all, found) in all.iter_mut().zip(found) {
                        if all.first.is_none() {
                            *all = found;
                        }
                    }
                }
            }
        }
        Ok(scanned)
    }

    fn run_eagerly(&mut self, chunks: &[Chunk<'_>]) -> Result<(), EngineError> {
        self.run_as(Phase::Decode, chunks, Logits::Last, &mut Unwatched, super::run::How::Eager).map(drop)
    }
}

impl DeviceModel {
    /// What everything but weights holds.
    fn contents(&self) -> Result<Contents, EngineError> {
        let mut contents = Contents::new();
        for (place, buffer) in self.memory().written() {
            let mut bytes = vec![0; usize::try_from(buffer.bytes()).unwrap_or(usize::MAX)];
            self.device().read(buffer, 0, &mut bytes)?;
            contents.insert(place.clone(), bytes);
        }
        Ok(contents)
    }

    fn put_back(&self, contents: &Contents) -> Result<(), EngineError> {
        contents.iter().try_for_each(|(place, bytes)| self.put(place, bytes))
    }

    fn put(&self, place: &Place, bytes: &[u8]) -> Result<(), EngineError> {
        let buffer: Option<&Buffer> = self.memory().at(place);
        match buffer {
            Some(buffer) => Ok(self.device().write(buffer, 0, bytes)?),
            None => Ok(()),
        }
    }
}

/// Every buffer of the decode plan, in the order in which its steps write them, then what no step writes.
fn compared(model: &DeviceModel, eager: &Contents, replayed: &Contents) -> Vec<Scanned> {
    let plan = model.plan(Phase::Decode);
    let mut names: Vec<(Place, Vec<String>, Option<StageName>)> = Vec::new();
    let written = plan.steps.iter().flat_map(|step| step.writes()).filter_map(|id| plan.buffer(id));
    for buffer in written.chain(&plan.buffers) {
        let Some(place) = Place::of(buffer).filter(|place| eager.contains_key(place)) else { continue };
        let stage = match buffer.role {
            Role::Stage(stage) => Some(stage),
            _ => None,
        };
        match names.iter_mut().find(|(known, ..)| *known == place) {
            None => names.push((place, vec![buffer.name.clone()], stage)),
            Some((_, names, stage)) if !names.contains(&buffer.name) => {
                names.push(buffer.name.clone());
                *stage = None;
            }
            Some(_) => {}
        }
    }
    names
        .into_iter()
        .filter_map(|(place, names, stage)| {
            let (a, b) = (eager.get(&place)?, replayed.get(&place)?);
            let differs = |at: &usize| a.get(*at) != b.get(*at);
            let length = a.len().max(b.len());
            Some(Scanned {
                name: names.join(", "),
                stage,
                bytes: length as u64,
                differing: (0..length).filter(differs).count() as u64,
                first: (0..length).find(differs).map(|at| at as u64),
            })
        })
        .collect()
}

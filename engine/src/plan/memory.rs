//! Where the values between steps are: those that are never needed at the same time share memory.

use std::collections::BTreeMap;

use super::{BufferId, Plan};

/// The first and the last step that need a buffer, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    /// The step that writes it.
    pub(crate) first: usize,
    /// The last that reads it, or the end of the plan for what nobody reads: the result.
    pub(crate) last: usize,
}

/// When each stage that is stored, and each scratch, is needed.
pub(crate) fn lives(plan: &Plan) -> BTreeMap<BufferId, Life> {
    let mut lives: BTreeMap<BufferId, Life> = BTreeMap::new();
    let mut read = std::collections::BTreeSet::new();
    for (index, step) in plan.steps.iter().enumerate() {
        read.extend(step.reads());
        for id in step.reads().chain(step.writes()) {
            let stored = plan.buffer(id).is_some_and(|buffer| buffer.role.is_between_steps());
            if stored {
                lives.entry(id).or_insert(Life { first: index, last: index }).last = index;
            }
        }
    }
    for (id, life) in &mut lives {
        if !read.contains(id) {
            life.last = plan.steps.len();
        }
    }
    lives
}

/// Gives every stage that is stored a slot of its own.
pub(crate) fn keep(plan: &mut Plan) {
    for (slot, id) in lives(plan).into_keys().enumerate() {
        if let Some(buffer) = plan.buffers.get_mut(id.0) {
            buffer.slot = Some(slot);
        }
    }
}

/// Gives every stage that is stored, and each scratch, a slot: the smallest free one that is large enough, else the
/// largest free one,
/// else a new one. A slot is free after the last reader of what was in it, never in the same step.
pub(crate) fn assign(plan: &mut Plan) {
    let mut slots: Vec<(Option<usize>, usize)> = Vec::new();
    let mut order: Vec<(BufferId, Life)> = lives(plan).into_iter().collect();
    order.sort_by_key(|(id, life)| (life.first, *id));
    for (id, life) in order {
        let Some(buffer) = plan.buffers.get_mut(id.0) else { continue };
        let size = buffer.width * buffer.element.size();
        let free = slots.iter().enumerate().filter(|(_, (until, _))| until.is_none_or(|u| u < life.first));
        let best = free.min_by_key(|&(_, &(_, held))| match held >= size {
            true => (0, held),
            false => (1, usize::MAX - held),
        });
        let slot = best.map_or(slots.len(), |(index, _)| index);
        match slots.get_mut(slot) {
            Some((until, held)) => (*until, *held) = (Some(life.last), size.max(*held)),
            None => slots.push((Some(life.last), size)),
        }
        buffer.slot = Some(slot);
    }
}

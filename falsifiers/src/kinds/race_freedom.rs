//! `race_freedom`: no two threads touch the same memory without an order between them.

use contracts::kinds::RaceFreedom;

use super::{Case, of_op};
use crate::faults::{RACES, watched};

pub(super) fn cases(parameters: &RaceFreedom) -> Vec<Case<'_>> {
    let RaceFreedom { op, kernels, cases } = parameters;
    of_op("race_freedom", op, kernels, move |subject, group| watched(subject, group, *cases, &RACES))
}

//! `sync_safety`: threads meet where they say that they meet, and come to an end.

use contracts::kinds::SyncSafety;

use super::{Case, of_op};
use crate::faults::{SYNCHRONISATION, watched};

pub(super) fn cases(parameters: &SyncSafety) -> Vec<Case<'_>> {
    let SyncSafety { op, kernels, cases } = parameters;
    of_op("sync_safety", op, kernels, move |subject, group| watched(subject, group, *cases, &SYNCHRONISATION))
}

//! A pool that falls back to FP8 pages, as one did for an empty list of dtypes.

use engine::device::{PoolPoint, PoolValue};
use kernels::Dtype;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "kv_cache@fp8-fallback",
    defect: "pages are stored as E4M3, whatever was asked for",
    point: "pool",
    kinds: &["kv_dtype", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<PoolPoint>(|value| match value {
        PoolValue::Layout(layout) => {
            let changed = layout.dtypes.iter().any(|dtype| *dtype != Dtype::E4M3);
            layout.dtypes.fill(Dtype::E4M3);
            changed
        }
        PoolValue::Adopt { .. } => false,
    })
}

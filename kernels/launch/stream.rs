//! How the kernels of `stream.cuh` lie on a GPU: everything about them that is to be tuned, in one place.
//!
//! None of it changes a bit of what is computed: that depends on [`matvec::splits`] alone, which the plain kernel has too.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::matmul::Axes;
use super::{Expr, LaunchShape, matvec};

/// Blocks that are resident at once, one on each of the multiprocessors of an H200, and warps of each at most, so that a
/// thread can have 128 registers.
const RESIDENT: Residents = Residents { blocks: 132, warps: 16 };
/// The same for matrices of fewer than [`SMALL`] elements: those are read in so little time that it counts more how soon a
/// block can start beside one of the kernel before.
const RESIDENT_SMALL: Residents = Residents { blocks: 264, warps: 8 };
/// The same for small ones of which a multiprocessor has no more rows than this has warps for.
const RESIDENT_TINY: Residents = Residents { blocks: 132, warps: 10 };
/// Elements below which a matrix is small.
const SMALL: usize = 13_000_000;
/// Warps of a block at least where it takes a norm: `rmsnorm` adds squares in eight warps.
const NORM_WARPS: usize = 8;
/// Loads of 16 bytes in one of a lane's two batches at most: for one row at once, and for two.
const MOST_LOADS: [usize; 2] = [8, 4];
/// Shared memory that a block may declare itself, less what the norm and the sums of segments take.
const SHARED_BYTES: usize = 48 * 1024 - 1024;

/// What runs at once.
#[derive(Debug, Clone, Copy)]
struct Residents {
    blocks: usize,
    warps: usize,
}

/// How the rows of a product are dealt out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Blocks for each token.
    pub blocks: usize,
    /// Warps of a block: a multiple of `splits`.
    pub warps: usize,
    /// Warps of a row, as [`matvec::splits`] says.
    pub splits: usize,
    /// Chunks of 256 elements that a warp asks for at once.
    pub batch: usize,
}

impl Geometry {
    /// For `rows` rows in `splits` segments, of which a warp multiplies `matrices` (1 or 2) at once; of a kernel that takes
    /// a norm first, or not. Rows are dealt out so that every block has the same number, or one less round.
    #[must_use]
    pub fn of(rows: usize, axes: &Axes, splits: usize, matrices: usize, norm: bool) -> Self {
        let splits = splits.max(1);
        let chunks = axes.in_features.div_ceil(256).div_ceil(splits);
        let most = if matrices > 1 { MOST_LOADS[1] } else { MOST_LOADS[0] };
        let most = (most * 2 / axes.weight.size().max(2)).max(1);
        let batch = chunks.div_ceil(chunks.div_ceil(most).max(1)).max(1);
        let small = rows.saturating_mul(axes.in_features).saturating_mul(matrices) < SMALL;
        let tiny = rows.div_ceil(RESIDENT_TINY.blocks) * splits <= RESIDENT_TINY.warps;
        let resident = match (small, tiny) {
            (false, _) => RESIDENT,
            (true, false) => RESIDENT_SMALL,
            (true, true) => RESIDENT_TINY,
        };
        let each = rows.div_ceil(resident.blocks).max(1);
        let rounds = each.div_ceil((resident.warps / splits).max(1));
        let least = if norm || (small && tiny) { NORM_WARPS.div_ceil(splits) } else { 1 };
        let at_once = each.div_ceil(rounds).max(least);
        let blocks = rows.div_ceil(at_once * rounds).max(1);
        Self { blocks, warps: at_once * splits, splits, batch }
    }

    /// That of a spec; `None` where it has none.
    #[must_use]
    pub fn from_spec(spec: &KernelSpec) -> Option<Self> {
        let int = |axis| spec.int(axis).and_then(|value| usize::try_from(value).ok());
        let (blocks, warps, splits, batch) = (int("BLOCKS")?, int("WARPS")?, int("SPLITS")?, int("BATCH")?);
        Some(Self { blocks, warps, splits, batch })
    }

    /// The axes of it.
    pub(super) fn on(self, spec: KernelSpec) -> KernelSpec {
        let spec = spec.with("BLOCKS", self.blocks).with("WARPS", self.warps);
        spec.with("SPLITS", self.splits).with("BATCH", self.batch)
    }

    /// Its blocks along x, and tokens along y, of which a grid has 65,535 at most.
    #[must_use]
    pub fn shape(self, tokens: Expr) -> LaunchShape {
        let threads = u32::try_from(32 * self.warps).unwrap_or(u32::MAX);
        LaunchShape { grid: [self.blocks.into(), tokens, 1.into()], block: [threads, 1, 1], shared: 0 }
    }
}

/// What is normed before a product.
#[derive(Debug, Clone, Copy)]
pub struct Norm {
    /// What is added under the root.
    pub eps: f64,
    /// How its weight is stored.
    pub weight: Dtype,
}

impl Norm {
    /// The axes of it.
    pub(super) fn on(self, spec: KernelSpec) -> KernelSpec {
        spec.with("EPS", self.eps).with("NORM_DTYPE", self.weight)
    }

    /// Why a row of so many features cannot be normed in a block, if it cannot.
    pub(super) fn unfit(self, axes: &Axes) -> Option<String> {
        let bytes = axes.in_features * (axes.activation.size() + self.weight.size());
        (bytes > SHARED_BYTES).then(|| {
            format!("a row and its norm take {bytes} bytes of shared memory, and a block has {SHARED_BYTES}")
        })
    }
}

/// Why these axes need [`matvec`], if they do.
#[must_use]
pub fn unfit(axes: &Axes) -> Option<String> {
    let Axes { in_features, weight, activation, .. } = axes;
    if !in_features.is_multiple_of(8) || *in_features == 0 {
        return Some(format!("rows of {in_features} weights are no whole eights"));
    }
    let known = matches!(activation, Dtype::F32 | Dtype::F16 | Dtype::BF16)
        && matches!(weight, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::E4M3);
    (!known).then(|| format!("weights of {weight} and activations of {activation} are not streamed"))
}

/// The segments of a row, as the plain kernel has them.
pub(super) fn splits(axes: &Axes) -> usize {
    matvec::splits(axes.out_features, axes.in_features)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: usize, in_features: usize, matrices: usize, norm: bool) -> Geometry {
        let axes = Axes { out_features: rows, in_features, weight: Dtype::BF16, activation: Dtype::BF16 };
        Geometry::of(rows, &axes, splits(&axes), matrices, norm)
    }

    #[test]
    fn rows_of_real_models_are_dealt_out_evenly() {
        // qwen2.5-0.5b: o_proj, down_proj, gate and up; 7b: o_proj and down_proj.
        assert_eq!(of(896, 896, 1, false), Geometry { blocks: 112, warps: 8, splits: 1, batch: 4 });
        assert_eq!(of(896, 4864, 1, false), Geometry { blocks: 224, warps: 8, splits: 2, batch: 5 });
        assert_eq!(of(4864, 896, 2, true), Geometry { blocks: 203, warps: 8, splits: 1, batch: 4 });
        assert_eq!(of(3584, 3584, 1, false), Geometry { blocks: 256, warps: 7, splits: 1, batch: 7 });
        assert_eq!(of(3584, 18944, 1, false), Geometry { blocks: 128, warps: 14, splits: 1, batch: 8 });
    }

    #[test]
    fn every_row_has_its_place_and_every_warp_its_segment() {
        for rows in (1..3000).step_by(37) {
            for in_features in [8, 264, 4864, 18944] {
                for (matrices, norm) in [(1, false), (1, true), (2, true)] {
                    let Geometry { blocks, warps, splits, batch } = of(rows, in_features, matrices, norm);
                    assert!(warps % splits == 0 && batch > 0 && warps * splits > 0);
                    assert!(!norm || warps >= NORM_WARPS);
                    assert!(warps <= RESIDENT.warps && blocks <= RESIDENT_SMALL.blocks && blocks <= rows);
                }
            }
        }
    }
}

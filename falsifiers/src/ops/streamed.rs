//! What the cases of the products with something before or after them share: shapes, and how they are dealt out.

use kernels::launch::matmul::Axes;
use kernels::launch::stream::Geometry;
use kernels::{Arithmetic, Dtype};

use super::{Draw, Group, OpCase, OpRun};

/// Storage of activations, each with the storage of weights that it is tried with.
const DTYPES: [(Dtype, [Dtype; 2]); 3] = [
    (Dtype::F32, [Dtype::F32, Dtype::BF16]),
    (Dtype::F16, [Dtype::F16, Dtype::E4M3]),
    (Dtype::BF16, [Dtype::BF16, Dtype::F32]),
];

/// Tokens, features of the result, and features that are summed over: less than a chunk, chunks that are not full, several
/// batches, and rows so long that their sums are taken in segments.
const SHAPES: [(usize, usize, usize); 6] =
    [(1, 8, 8), (3, 72, 40), (2, 65, 264), (1, 40, 1000), (2, 24, 3336), (2, 9, 4872)];

/// The same, with blocks that take several rounds, of which the last is not full; in the last case so many that a lane
/// keeps what it multiplies by.
const DEALT: [((usize, usize, usize), Geometry); 4] = [
    ((2, 131, 520), Geometry { blocks: 3, warps: 8, splits: 1, batch: 1 }),
    ((1, 70, 2056), Geometry { blocks: 2, warps: 8, splits: 1, batch: 2 }),
    ((2, 45, 1544), Geometry { blocks: 3, warps: 9, splits: 3, batch: 1 }),
    ((2, 131, 520), Geometry { blocks: 2, warps: 8, splits: 1, batch: 3 }),
];

/// One case: its axes, its tokens, and how its rows are dealt out where that is not left to the kernel.
#[derive(Clone, Copy)]
pub(super) struct Streamed {
    pub(super) axes: Axes,
    pub(super) tokens: usize,
    pub(super) geometry: Option<Geometry>,
}

/// The groups of a kernel: one for each storage of activations.
pub(super) fn groups_of(kernel: &'static str, run: fn(&mut Draw, Streamed) -> OpRun) -> Vec<Group> {
    let dealt = DEALT.map(|(shape, geometry)| (shape, Some(geometry)));
    let shapes: Vec<_> = SHAPES.map(|shape| (shape, None)).into_iter().chain(dealt).collect();
    let group = |(activation, weights): (Dtype, [Dtype; 2])| {
        let each = weights.into_iter().flat_map(|weight| shapes.iter().map(move |shape| (weight, *shape)));
        let cases = each.map(|(weight, ((tokens, out_features, in_features), geometry))| {
            let axes = Axes { out_features, in_features, weight, activation };
            let dealt = geometry.map_or_else(String::new, |g| {
                format!(",blocks={},warps={},splits={},batch={}", g.blocks, g.warps, g.splits, g.batch)
            });
            let name = format!(
                "tokens={tokens},out_features={out_features},in_features={in_features},weight={weight}{dealt}"
            );
            let case = Streamed { axes, tokens, geometry };
            OpCase::new(name, move |draw: &mut Draw| run(draw, case))
        });
        Group { kernel, activation, cases: cases.collect() }
    };
    DTYPES.into_iter().map(group).collect()
}

impl Streamed {
    /// A matrix of so many rows, so that products have about the size of what they are of.
    pub(super) fn matrix(&self, draw: &mut Draw, rows: usize) -> Vec<f64> {
        let Axes { in_features, weight, .. } = self.axes;
        draw.values(rows * in_features, (in_features as f64).powf(-0.5), weight)
    }

    /// A value for each token and feature.
    pub(super) fn rows(&self, draw: &mut Draw, features: usize) -> Vec<f64> {
        draw.values(self.tokens * features, 1.0, self.axes.activation)
    }
}

/// Whether a reference computes in binary64.
pub(super) fn is_truth(arithmetic: Arithmetic) -> bool {
    arithmetic == Arithmetic::F64
}

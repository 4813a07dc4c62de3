//! The norm, and the products of queries, keys and values.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::stream::{self, Geometry, Norm};
use super::{Expr, KernelInfo, LaunchShape, matmul, matvec, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "norm_qkv_matvec",
    op: "norm_qkv",
    summary: "rmsnorm and three of matvec in one; bit by bit what the four give",
    source: include_str!("../norm_qkv_matvec.cu"),
    parameters: &[
        write("q_out"),
        write("k_out"),
        write("v_out"),
        read("x"),
        read("norm_weight"),
        read("q_weight"),
        read("k_weight"),
        read("v_weight"),
        number("tokens"),
    ],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Features of the queries.
    pub q_features: usize,
    /// Features of the keys, and of the values.
    pub kv_features: usize,
    /// Features that are summed over.
    pub in_features: usize,
    /// How the three weights are stored.
    pub weight: Dtype,
    /// How activations are stored.
    pub activation: Dtype,
    /// The norm before.
    pub norm: Norm,
}

impl Axes {
    /// The three products as one.
    fn product(&self) -> matmul::Axes {
        let Self { q_features, kv_features, in_features, weight, activation, .. } = *self;
        matmul::Axes { out_features: q_features + 2 * kv_features, in_features, weight, activation }
    }

    /// How they are dealt out.
    #[must_use]
    pub fn geometry(&self) -> Geometry {
        let product = self.product();
        let splits = matvec::splits(self.q_features, self.in_features);
        Geometry::of(product.out_features, &product, splits, 1, true)
    }

    /// The spec of a kernel with these axes.
    pub(super) fn of(&self, kernel: &str, geometry: Geometry) -> KernelSpec {
        let spec = KernelSpec::new(kernel)
            .with("Q_FEATURES", self.q_features)
            .with("KV_FEATURES", self.kv_features)
            .with("IN_FEATURES", self.in_features)
            .with("WEIGHT_DTYPE", self.weight)
            .with("ACT_DTYPE", self.activation);
        geometry.on(self.norm.on(spec))
    }
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    laid(axes, axes.geometry())
}

/// The spec of these axes with another geometry; its `splits` are those of the plain kernel where bits are to agree.
#[must_use]
pub fn laid(axes: &Axes, geometry: Geometry) -> KernelSpec {
    axes.of(KERNEL.name, geometry)
}

/// `out = norm(x [tokens, in_features]) * weight^T` for each of the three weights, `[q_features, in_features]` and twice
/// `[kv_features, in_features]`, which begin at multiples of 16 bytes.
#[must_use]
pub fn shape(geometry: Geometry, tokens: Expr) -> LaunchShape {
    geometry.shape(tokens)
}

/// Why these axes need the steps one by one, if they do.
#[must_use]
pub fn unfit(axes: &Axes) -> Option<String> {
    let splits = [axes.q_features, axes.kv_features].map(|rows| matvec::splits(rows, axes.in_features));
    let uneven = (splits[0] != splits[1])
        .then(|| format!("queries are summed in {} segments, and keys in {}", splits[0], splits[1]));
    stream::unfit(&axes.product()).or_else(|| axes.norm.unfit(&axes.product())).or(uneven)
}

/// Axes that CI compiles for.
pub(super) fn each() -> impl Iterator<Item = Axes> {
    let shapes = [
        (56, 8, 896, Dtype::BF16, Dtype::BF16),
        (168, 24, 3584, Dtype::BF16, Dtype::BF16),
        (40, 8, 40, Dtype::F32, Dtype::F32),
        (72, 24, 1048, Dtype::E4M3, Dtype::F16),
    ];
    shapes.into_iter().map(|(q_features, kv_features, in_features, weight, activation)| {
        let norm = Norm { eps: 1e-6, weight: activation };
        Axes { q_features, kv_features, in_features, weight, activation, norm }
    })
}

fn variants() -> Vec<KernelSpec> {
    each().map(|axes| spec(&axes)).collect()
}

//! What the passes look for, and how several steps become one.

use kernels::jit::Axis;
use kernels::launch::stream::Norm;
use kernels::launch::{Expr, bias, matmul, matvec, rmsnorm};

use crate::plan::{BufferId, Operand, Plan, Step};

/// A step that multiplies a vector by a matrix.
pub(super) struct Product {
    pub(super) axes: matmul::Axes,
    pub(super) out: BufferId,
    pub(super) weight: BufferId,
    pub(super) x: BufferId,
    pub(super) tokens: Expr,
}

impl Product {
    /// The product that a step is, if it is one of `matvec`.
    pub(super) fn of(step: &Step) -> Option<Self> {
        let [Operand::Buffer(out), Operand::Buffer(weight), Operand::Buffer(x), Operand::Number(tokens)] =
            step.arguments.as_slice()
        else {
            return None;
        };
        if step.spec.kernel != matvec::KERNEL.name {
            return None;
        }
        let int = |axis| step.spec.int(axis).and_then(|value| usize::try_from(value).ok());
        let axes = matmul::Axes {
            out_features: int("OUT_FEATURES")?,
            in_features: int("IN_FEATURES")?,
            weight: step.spec.dtype("WEIGHT_DTYPE")?,
            activation: step.spec.dtype("ACT_DTYPE")?,
        };
        Some(Self { axes, out: *out, weight: *weight, x: *x, tokens: tokens.clone() })
    }
}

/// A step that takes the norm of whole tokens.
pub(super) struct Normed {
    pub(super) norm: Norm,
    pub(super) out: BufferId,
    pub(super) x: BufferId,
    pub(super) weight: BufferId,
}

impl Normed {
    /// Whether a step is a norm at all.
    pub(super) fn is(step: &Step) -> bool {
        step.spec.kernel == rmsnorm::KERNEL.name
    }

    /// The norm that a step is, if it is one of rows of so many features, one a token.
    pub(super) fn of(step: &Step, product: &Product) -> Option<Self> {
        let [Operand::Buffer(out), Operand::Buffer(x), Operand::Buffer(weight), Operand::Number(rows)] =
            step.arguments.as_slice()
        else {
            return None;
        };
        let Some(&Axis::Float(eps)) = step.spec.axes.get("EPS") else { return None };
        let whole = step.spec.int("FEATURES") == Some(product.axes.in_features as u64)
            && *rows == product.tokens
            && step.spec.dtype("ACT_DTYPE") == Some(product.axes.activation);
        let norm = Norm { eps, weight: step.spec.dtype("WEIGHT_DTYPE")? };
        let ours = Self::is(step) && whole && *out == product.x;
        ours.then_some(Self { norm, out: *out, x: *x, weight: *weight })
    }
}

/// The step that adds a bias to a product, and nobody else reads the product.
pub(super) struct Biased {
    pub(super) at: usize,
    pub(super) out: BufferId,
    pub(super) bias: BufferId,
    pub(super) dtype: kernels::Dtype,
}

impl Biased {
    pub(super) fn of(plan: &Plan, product: &Product) -> Option<Self> {
        let &[at] = readers(plan, product.out).as_slice() else { return None };
        let step = plan.steps.get(at)?;
        let [Operand::Buffer(out), Operand::Buffer(x), Operand::Buffer(bias), Operand::Number(tokens)] =
            step.arguments.as_slice()
        else {
            return None;
        };
        let whole = step.spec.int("FEATURES") == Some(product.axes.out_features as u64)
            && *tokens == product.tokens
            && step.spec.dtype("ACT_DTYPE") == Some(product.axes.activation);
        let ours = step.spec.kernel == bias::KERNEL.name && whole && *x == product.out;
        let dtype = step.spec.dtype("BIAS_DTYPE")?;
        ours.then_some(Self { at, out: *out, bias: *bias, dtype })
    }
}

/// Where the steps are that read a buffer.
pub(super) fn readers(plan: &Plan, id: BufferId) -> Vec<usize> {
    let steps = plan.steps.iter().enumerate();
    steps.filter(|(_, step)| step.reads().any(|read| read == id)).map(|(at, _)| at).collect()
}

/// Puts one step in the place of several: where the one at `at` was, which is one of them. It covers what they cover, in
/// their order, and is passed `buffers` and the number of tokens.
pub(super) fn join(
    plan: &mut Plan,
    parts: &[usize],
    at: usize,
    joined: Joined,
    buffers: &[BufferId],
    tokens: Expr,
) {
    let mut parts = parts.to_vec();
    parts.sort_unstable();
    let covers =
        parts.iter().filter_map(|&part| plan.steps.get(part)).flat_map(|step| step.covers.clone()).collect();
    let mut arguments: Vec<Operand> = buffers.iter().map(|&id| Operand::Buffer(id)).collect();
    arguments.push(Operand::Number(tokens));
    let Joined { spec, shape } = joined;
    let mut one = Some(Step { covers, spec, shape, arguments, library: None });
    let steps = std::mem::take(&mut plan.steps).into_iter().enumerate();
    let kept = steps.filter_map(|(index, step)| match index == at {
        true => one.take(),
        false => (!parts.contains(&index)).then_some(step),
    });
    plan.steps = kept.collect();
}

/// What is launched in the place of several steps.
pub(super) struct Joined {
    pub(super) spec: kernels::jit::KernelSpec,
    pub(super) shape: kernels::launch::LaunchShape,
}

/// Says once why steps stay apart.
pub(super) fn note(plan: &mut Plan, note: String) {
    if !plan.notes.contains(&note) {
        plan.notes.push(note);
    }
}

/// Joins what `found` finds at each step, from the first to the last.
pub(super) fn each(plan: &mut Plan, found: fn(&mut Plan, usize) -> bool) -> usize {
    let (mut at, mut times) = (0, 0);
    while at < plan.steps.len() {
        if found(plan, at) {
            times += 1;
        }
        at += 1;
    }
    times
}

//! The choice of experts, by their scores alone.

use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "moe_route",
    op: "moe_route",
    summary: "one warp a token, which takes the best of all lanes again and again",
    source: include_str!("../moe_route.cu"),
    parameters: &[write("routing"), write("experts"), write("weights"), read("logits"), number("tokens")],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Experts of a layer.
    pub experts: usize,
    /// Experts of a token.
    pub top_k: usize,
    /// Whether each expert is scored by a sigmoid, and not all by a softmax.
    pub sigmoid: bool,
    /// Groups of consecutive experts.
    pub groups: usize,
    /// Groups that a token may choose from.
    pub groups_kept: usize,
    /// Whether the weights of a token are divided by their sum.
    pub renormalise: bool,
    /// What is added to that sum.
    pub eps: f64,
    /// What the weights are multiplied by in the end.
    pub scaling: f64,
}

impl Axes {
    /// The spec of a kernel with these axes.
    pub(super) fn of(&self, kernel: &str) -> KernelSpec {
        KernelSpec::new(kernel)
            .with("EXPERTS", self.experts)
            .with("TOP_K", self.top_k)
            .with("SCORING", usize::from(self.sigmoid))
            .with("GROUPS", self.groups)
            .with("GROUPS_KEPT", self.groups_kept)
            .with("RENORMALISE", usize::from(self.renormalise))
            .with("RENORMALISE_EPS", self.eps)
            .with("SCALING", self.scaling)
    }
}

/// Tokens of a block: one a warp.
const TOKENS_PER_BLOCK: usize = 4;
/// Experts that the registers of a warp hold, and groups that its lanes rank.
const MOST: [usize; 2] = [1024, 32];

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name)
}

/// `routing [tokens, experts]`, `experts` and `weights [tokens, top_k]`, of `logits [tokens, experts]` in f32.
#[must_use]
pub fn shape(tokens: Expr) -> LaunchShape {
    LaunchShape::line(tokens.ceil_div(TOKENS_PER_BLOCK), 32 * TOKENS_PER_BLOCK as u32)
}

/// Why no kernel chooses so, if none does.
#[must_use]
pub fn unfit(axes: &Axes) -> Option<String> {
    let Axes { experts, top_k, groups, groups_kept, .. } = *axes;
    let [most_experts, most_groups] = MOST;
    if experts > most_experts || groups > most_groups {
        return Some(format!(
            "{experts} experts in {groups} groups are more than {most_experts} in {most_groups}"
        ));
    }
    let whole = groups > 0 && experts.is_multiple_of(groups) && groups_kept <= groups;
    let enough = whole && top_k > 0 && top_k <= groups_kept * (experts / groups);
    (!enough)
        .then(|| format!("{groups_kept} of {groups} groups of {experts} experts have no {top_k} to choose"))
}

/// Axes that CI compiles for: those of models, and odd ones.
pub(super) fn each() -> Vec<Axes> {
    let of = |experts, top_k, sigmoid, (groups, groups_kept), renormalise, scaling| Axes {
        experts,
        top_k,
        sigmoid,
        groups,
        groups_kept,
        renormalise,
        eps: 1e-20,
        scaling,
    };
    vec![
        of(128, 8, false, (1, 1), true, 1.0),
        of(7, 3, false, (1, 1), false, 1.0),
        of(256, 8, true, (8, 4), true, 2.5),
        of(512, 40, true, (1, 1), false, 1.0),
    ]
}

fn variants() -> Vec<KernelSpec> {
    each().iter().map(spec).collect()
}

//! Decode steps that stream every matrix twice: right in every bit, and half as fast.

use engine::plan::{Phase, Role, Step};
use kernels::launch::Expr;
use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_plan;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "bench@work-doubled",
    defect: "every matrix product of a decode step is computed twice",
    point: "plan",
    kinds: &["throughput_floor"],
    seam,
};

fn seam() -> Seam {
    in_plan(|plan| {
        if plan.phase != Phase::Decode {
            return false;
        }
        let matrix = |role, rows: &Expr| role == Role::Weight && !matches!(rows, Expr::Const(1));
        let matrices: Vec<_> = plan.buffers.iter().map(|buffer| matrix(buffer.role, &buffer.rows)).collect();
        let mut changed = false;
        // What looks one row up is no product, and the control of the bench is no part of a step.
        let product =
            |step: &&mut Step| !["embedding", "read_bandwidth"].contains(&step.spec.kernel.as_str());
        for step in plan.steps.iter_mut().filter(product) {
            let streams = step.reads().any(|id| matrices.get(id.0).copied().unwrap_or(false));
            // No kernel of a decode step looks at z: a second layer of blocks does the same once more.
            let [_, _, z] = &mut step.shape.grid;
            if streams && *z == Expr::Const(1) {
                *z = Expr::Const(2);
                changed = true;
            }
        }
        changed
    })
}

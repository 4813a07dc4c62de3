//! Cases of `empty`: no more than the blocks, all of them, and one.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::Dtype;
use kernels::empty::reference;
use kernels::launch::empty;
use kernels::real::Values;

use super::arrays::{count, tokens};
use super::{Group, OpArgument, OpCase, OpRun};

/// Blocks of every launch.
const BLOCKS: usize = 132;

/// All of them; nothing is stored that could be stored in several ways.
pub(super) fn groups() -> Vec<Group> {
    let case = |num: usize| OpCase::new(format!("count={num}"), move |_| run(num));
    let cases = [1, 7, 64, BLOCKS - 1, BLOCKS].map(case).into_iter().collect();
    vec![Group { kernel: empty::KERNEL.name, activation: Dtype::F32, cases }]
}

fn run(num: usize) -> OpRun {
    let elements = u32::try_from(num).unwrap_or(u32::MAX);
    OpRun {
        spec: empty::spec(),
        shape: empty::shape(BLOCKS.into()),
        extent: tokens(num),
        arguments: vec![OpArgument::Output { shape: vec![num], element: Element::I32 }, count(num)],
        reference: Box::new(move |_| {
            let values = reference(elements).into_iter().map(|number| number as f32).collect();
            vec![Tensor { shape: vec![num], values: Values::F32(values) }]
        }),
    }
}

//! Cases of `moe_align`: any choices, experts without slots, and all slots of one; segments of warps that are full and not.

use kernels::Dtype;
use kernels::launch::moe_align::{KERNEL, shape, spec};
use kernels::moe_align::reference;

use super::arrays::{count, tokens};
use super::experts::{Choices, passed, tensor, written};
use super::{Draw, Group, OpCase, OpRun};

/// Experts, chosen ones of each token, tokens, and how they choose.
const SHAPES: [(usize, usize, usize, Choices); 14] = [
    (1, 1, 1, Choices::Any),
    (1, 1, 2100, Choices::Any),
    (7, 3, 5, Choices::Any),
    (7, 3, 900, Choices::Any),
    (5, 2, 300, Choices::Any),
    (5, 2, 1500, Choices::Same),
    (128, 8, 65, Choices::Any),
    (128, 8, 320, Choices::Last),
    (16, 4, 33, Choices::Any),
    (16, 4, 1000, Choices::Any),
    (512, 40, 11, Choices::Any),
    (512, 40, 60, Choices::Any),
    (3, 1, 70, Choices::Any),
    (3, 1, 4099, Choices::Any),
];

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    let case = |(experts, top_k, num, choices): (usize, usize, usize, Choices)| {
        let name = format!("experts={experts},top_k={top_k},tokens={num},choices={}", choices.name());
        OpCase::new(name, move |draw| run(draw, [experts, top_k, num], choices))
    };
    vec![Group { kernel: KERNEL.name, activation: Dtype::F32, cases: SHAPES.into_iter().map(case).collect() }]
}

fn run(draw: &mut Draw, [experts, top_k, num]: [usize; 3], choices: Choices) -> OpRun {
    let chosen = choices.draw(draw, num, experts, top_k);
    OpRun {
        spec: spec(experts),
        shape: shape(experts),
        extent: tokens(num),
        arguments: vec![
            written(vec![experts + 1]),
            written(vec![chosen.len()]),
            passed(&chosen),
            count(chosen.len()),
        ],
        reference: Box::new(move |_| {
            let (offsets, slots) = reference(&chosen, experts);
            [offsets, slots].map(|values| tensor(vec![values.len()], &values)).into()
        }),
    }
}

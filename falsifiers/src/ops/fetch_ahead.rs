//! Cases of `fetch_ahead`: tensors that end within a piece, none at all, several rounds, and fewer pieces than there are.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::Dtype;
use kernels::fetch_ahead::reference;
use kernels::launch::fetch_ahead::{Axes, KERNEL, TENSORS, shape, spec};
use kernels::real::Values;

use super::arrays::{count, each_activation, tokens};
use super::{Draw, Group, OpArgument, OpCase, OpRun};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(KERNEL.name, cases)
}

fn cases(x: Dtype) -> Vec<OpCase> {
    let of = |elements, blocks, threads, piece| Axes { x, elements, blocks, threads, piece };
    let whole = [
        of([100, 33, 7, 5000], 3, 64, 32),
        of([1, 0, 0, 0], 2, 32, 32),
        of([64, 64, 64, 64], 4, 96, 128),
        of([0, 4099, 0, 1], 1, 64, 64),
    ];
    let all = whole.map(|axes| (axes, axes.pieces().iter().sum()));
    all.into_iter()
        .chain([(of([100, 33, 7, 5000], 3, 64, 32), 9)])
        .map(|(axes, pieces)| {
            let Axes { elements: [first, second, third, fourth], blocks, threads, piece, .. } = axes;
            let name = format!(
                "elements={first}+{second}+{third}+{fourth},blocks={blocks},threads={threads},piece={piece},count={pieces}"
            );
            OpCase::new(name, move |draw| run(draw, axes, pieces))
        })
        .collect()
}

fn run(draw: &mut Draw, axes: Axes, pieces: usize) -> OpRun {
    let blocks = axes.blocks;
    let bytes = axes.elements.map(|elements| elements * axes.x.size());
    // A tensor that nothing is asked of is still a buffer.
    let mut tensor =
        |bytes: usize| OpArgument::Input((0..bytes.max(4)).map(|_| (draw.bits() >> 56) as u8).collect());
    let tensors: [OpArgument; TENSORS] = bytes.map(&mut tensor);
    let out = OpArgument::Output { shape: vec![blocks], element: Element::I32 };
    OpRun {
        spec: spec(&axes),
        shape: shape(&axes),
        extent: tokens(pieces),
        arguments: [out].into_iter().chain(tensors).chain([count(pieces)]).collect(),
        reference: Box::new(move |_| {
            let found = reference(&bytes, axes.piece, pieces, (axes.threads, blocks));
            let values = found.into_iter().map(|asked| asked as f32).collect();
            vec![Tensor { shape: vec![blocks], values: Values::F32(values) }]
        }),
    }
}

//! Cases of `read_bandwidth`: less than one load, several rounds of them, and parts of a round and of a load.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::Dtype;
use kernels::launch::read_bandwidth;
use kernels::read_bandwidth::reference;
use kernels::real::Values;

use super::arrays::{count, each_activation, tokens};
use super::{Draw, Group, OpArgument, OpCase, OpRun};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(read_bandwidth::KERNEL.name, cases)
}

fn cases(x: Dtype) -> Vec<OpCase> {
    // Few kernels, and each over what runs all of it.
    let few = [1, 7, 8, 1000, 4099].map(|num| (num, 3, 64, 2));
    let many = [5, 20_003, 24_576].map(|num| (num, 2, 96, 4));
    few.into_iter()
        .chain(many)
        .map(|(num, blocks, threads, loads)| {
            let name = format!("count={num},blocks={blocks},threads={threads},loads={loads}");
            let axes = read_bandwidth::Axes { x, blocks, threads, loads };
            OpCase::new(name, move |draw| run(draw, axes, num))
        })
        .collect()
}

fn run(draw: &mut Draw, axes: read_bandwidth::Axes, num: usize) -> OpRun {
    let (size, blocks) = (axes.x.size(), axes.blocks);
    // The upper byte of each word is zero, so that results are exact where they are compared as f32.
    let bytes: Vec<u8> =
        (0..num * size).map(|at| if at % 4 == 3 { 0 } else { (draw.bits() >> 56) as u8 }).collect();
    OpRun {
        spec: read_bandwidth::spec(&axes),
        shape: read_bandwidth::shape(&axes),
        extent: tokens(num),
        arguments: vec![
            OpArgument::Output { shape: vec![blocks], element: Element::I32 },
            OpArgument::Input(bytes.clone()),
            count(num),
        ],
        reference: Box::new(move |_| {
            let found = reference(&bytes, size, (axes.threads as usize, blocks));
            let values = found.into_iter().map(|word| word as f32).collect();
            vec![Tensor { shape: vec![blocks], values: Values::F32(values) }]
        }),
    }
}

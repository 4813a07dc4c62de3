//! Random calls of the kernels that follow a decode step.

use kernels::Dtype;
use kernels::jit::KernelSpec;
use kernels::launch::{self, Expr, LaunchShape};

use super::calls::{Argument, Call, dtype, extent, int};
use super::draw::{Draw, indices};

/// A random call of a kernel with these axes.
pub(super) fn call(spec: &KernelSpec, draw: &mut Draw) -> Call {
    match spec.kernel.as_str() {
        "argmax_split" => split(spec, draw),
        "sample" => sample(spec, draw),
        _ => advance(spec, draw),
    }
}

/// A few rows of numbers.
fn logits(spec: &KernelSpec, rows: usize, draw: &mut Draw) -> Argument {
    Argument::Input(draw.values(rows * int(spec, "FEATURES"), dtype(spec, "ACT_DTYPE")))
}

fn split(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let (rows, splits) = (draw.within(1, 4), int(spec, "SPLITS"));
    let [values, found] = [0; 2].map(|_| Argument::Output(4 * rows * splits));
    Call {
        name: format!("rows={rows}"),
        shape: LaunchShape::line(Expr::Tokens * splits, int(spec, "THREADS") as u32),
        extent: extent(rows),
        arguments: vec![values, found, logits(spec, rows, draw), Argument::Number(rows)],
        written: 8 * rows * splits,
    }
}

/// Rows of any parameters.
fn sample(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let rows = draw.within(1, 4);
    let logits = logits(spec, rows, draw);
    let mut sampling = Vec::new();
    for _ in 0..rows {
        let mut words = [0u32; launch::sample::WORDS];
        words[..8].iter_mut().for_each(|word| *word = draw.within(0, u32::MAX as usize) as u32);
        words[8] = [0.0f32, 0.1, 1.0][draw.within(0, 2)].to_bits();
        words[9] = [0, 1, 40][draw.within(0, 2)];
        words[10] = [0.3f32, 0.95, 1.0][draw.within(0, 2)].to_bits();
        sampling.extend(words.into_iter().flat_map(u32::to_le_bytes));
    }
    let positions: Vec<usize> = (0..rows).map(|_| draw.within(0, 131_071)).collect();
    let (sampling, positions) = (Argument::Input(sampling), Argument::Input(indices(&positions)));
    Call {
        name: format!("rows={rows}"),
        shape: launch::sample::shape(Expr::Tokens),
        extent: extent(rows),
        arguments: vec![Argument::Output(4 * rows), logits, sampling, positions, Argument::Number(rows)],
        written: 4 * rows,
    }
}

/// Sequences of any length, some of them at the end of their last page.
fn advance(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let (page_size, history) = (int(spec, "PAGE_SIZE"), int(spec, "HISTORY"));
    let batch = draw.within(1, 300);
    let steps = draw.within(0, history + 1);
    let (mut lengths, mut pages) = (Vec::new(), vec![0]);
    for _ in 0..batch {
        let own = draw.within(1, 4);
        lengths.push(draw.within(1, own * page_size));
        pages.push(pages.last().unwrap() + own);
    }
    let all = *pages.last().unwrap();
    let positions: Vec<usize> = lengths.iter().map(|length| length - 1).collect();
    let known = |values: &[usize]| Argument::Pieces(4 * values.len(), vec![(0, indices(values))]);
    let tokens: Vec<usize> = (0..batch).map(|_| draw.within(0, 9999)).collect();
    let slots = vec![0; batch];
    let (shape, chosen) = match spec.int("SPLITS") {
        None => (launch::decode_advance::shape(), vec![Argument::Input(indices(&tokens))]),
        Some(splits) => {
            let splits = splits as usize;
            let found: Vec<usize> = (0..batch * splits).map(|_| draw.within(0, 9999)).collect();
            let values = Argument::Input(draw.values(batch * splits, Dtype::F32));
            (launch::argmax_advance::shape(), vec![values, Argument::Input(indices(&found))])
        }
    };
    let known_state = vec![
        known(&tokens),
        known(&positions),
        known(&slots),
        known(&lengths),
        Argument::Pieces(4 * history * batch, Vec::new()),
        known(&[steps]),
    ];
    let after = [
        Argument::Input(indices(&pages)),
        Argument::Input(indices(&draw.order(all))),
        Argument::Number(batch),
    ];
    Call {
        name: format!("batch={batch},steps={steps}"),
        shape,
        extent: extent(batch),
        arguments: known_state.into_iter().chain(chosen).chain(after).collect(),
        written: 4 * (4 * batch + 1 + if steps < history { batch } else { 0 }),
    }
}

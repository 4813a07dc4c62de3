//! Random calls of the kernels of mixtures of experts. Only the matrices of chosen experts are written; whoever looks at
//! another reads what nobody wrote.

use kernels::Dtype;
use kernels::jit::KernelSpec;
use kernels::launch::stream::Geometry;
use kernels::launch::{self, Expr};

use super::calls::{Argument, Call, dtype, int, of_tokens, output};
use super::draw::{Draw, indices};

/// The highest expert of a call is below this: the matrices up to it lie in memory.
const REACH: usize = 12;

/// A random call of a kernel of mixtures of experts.
pub(super) fn call(spec: &KernelSpec, draw: &mut Draw) -> Call {
    match spec.kernel.as_str() {
        "moe_gate" | "moe_norm_gate" => gate(spec, draw),
        "moe_route" | "moe_route_bias" => route(spec, draw),
        "moe_align" => align(spec, draw),
        "moe_grouped_matmul" | "moe_grouped_matmul_simt" => grouped(spec, draw),
        "moe_gate_up_matvec" => gate_up(spec, draw),
        "moe_down_matvec" => down(spec, draw),
        "moe_combine" => combine(spec, draw),
        other => panic!("{other} is a kernel of mixtures of experts without random calls; add it here"),
    }
}

fn gate(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let (experts, in_features) = (int(spec, "EXPERTS"), int(spec, "IN_FEATURES"));
    let (weight, activation) = (dtype(spec, "WEIGHT_DTYPE"), dtype(spec, "ACT_DTYPE"));
    let most = [3, 20][draw.within(0, 1)];
    let tokens = draw.within(1, most);
    let axes = launch::moe_gate::Axes { experts, in_features, weight, activation };
    let x = Argument::Input(draw.values(tokens * in_features, activation));
    let rows = Argument::Input(draw.values(experts * in_features, weight));
    let logits = output(tokens * experts, Dtype::F32);
    let count = Argument::Number(tokens);
    if spec.kernel == "moe_gate" {
        let shape = launch::moe_gate::shape(&axes, Expr::Tokens);
        return of_tokens(tokens, shape, vec![logits, rows, x, count]);
    }
    let shape = launch::moe_norm_gate::shape(&axes, Expr::Tokens);
    let norm = Argument::Input(draw.values(in_features, dtype(spec, "NORM_DTYPE")));
    let normed = output(tokens * in_features, activation);
    of_tokens(tokens, shape, vec![normed, logits, x, norm, rows, count])
}

fn route(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let (experts, top_k) = (int(spec, "EXPERTS"), int(spec, "TOP_K"));
    let most = [3, 20, 150][draw.within(0, 2)];
    let tokens = draw.within(1, most);
    let mut arguments = vec![
        output(tokens * experts, Dtype::F32),
        Argument::Output(4 * tokens * top_k),
        output(tokens * top_k, Dtype::F32),
        Argument::Input(draw.values(tokens * experts, Dtype::F32)),
    ];
    if let Some(bias) = spec.dtype("BIAS_DTYPE") {
        arguments.push(Argument::Input(draw.values(experts, bias)));
    }
    arguments.push(Argument::Number(tokens));
    of_tokens(tokens, launch::moe_route::shape(Expr::Tokens), arguments)
}

/// Any experts of any number of slots: of some, of one, and of all of the layer.
fn align(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let experts = int(spec, "EXPERTS");
    // Often fewer than the block has threads, sometimes several rounds of each.
    let most = [100, 3000][draw.within(0, 1)];
    let count = draw.within(1, most);
    let last = draw.within(0, experts - 1);
    let chosen: Vec<usize> = (0..count).map(|_| draw.within(0, last)).collect();
    let arguments = vec![
        Argument::Output(4 * (experts + 1)),
        Argument::Output(4 * count),
        Argument::Input(indices(&chosen)),
        Argument::Number(count),
    ];
    of_tokens(count, launch::moe_align::shape(experts), arguments)
}

/// The experts of so many slots: of a few of the layer.
fn chosen(spec: &KernelSpec, slots: usize, draw: &mut Draw) -> Vec<usize> {
    let few = draw.within(1, 4);
    let few: Vec<usize> = draw.order(int(spec, "EXPERTS").min(REACH)).into_iter().take(few).collect();
    (0..slots).map(|_| few[draw.within(0, few.len() - 1)]).collect()
}

/// Matrices up to the last chosen expert, of which those of the chosen ones are written.
fn matrices(spec: &KernelSpec, chosen: &[usize], draw: &mut Draw) -> Argument {
    let weight = dtype(spec, "WEIGHT_DTYPE");
    let elements = int(spec, "OUT_FEATURES") * int(spec, "IN_FEATURES");
    let all = 1 + chosen.iter().max().unwrap();
    let pieces = (0..all)
        .filter(|expert| chosen.contains(expert))
        .map(|expert| (expert * elements * weight.size(), draw.values(elements, weight)))
        .collect();
    Argument::Pieces(all * elements * weight.size(), pieces)
}

/// Often a few slots of an expert, sometimes more than one tile of them.
fn grouped(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let (experts, slots_per_row) = (int(spec, "EXPERTS"), int(spec, "SLOTS_PER_ROW"));
    let (out_features, in_features) = (int(spec, "OUT_FEATURES"), int(spec, "IN_FEATURES"));
    let (weight, activation) = (dtype(spec, "WEIGHT_DTYPE"), dtype(spec, "ACT_DTYPE"));
    let most = [20, 250][draw.within(0, 1)];
    let tokens = draw.within(1, most).div_ceil(slots_per_row);
    let count = tokens * slots_per_row;
    let chosen = chosen(spec, count, draw);
    let (mut offsets, mut slots) = (vec![0], Vec::new());
    for expert in 0..experts {
        slots.extend((0..count).filter(|slot| chosen[*slot] == expert));
        offsets.push(slots.len());
    }
    let axes = launch::moe_grouped_matmul::Axes {
        experts,
        out_features,
        in_features,
        slots_per_row,
        weight,
        activation,
    };
    let all = Expr::Tokens * slots_per_row;
    let shape = if spec.kernel == "moe_grouped_matmul" {
        launch::moe_grouped_matmul::shape(&axes, all)
    } else {
        launch::moe_grouped_matmul_simt::shape(&axes, all)
    };
    let arguments = vec![
        output(count * out_features, activation),
        matrices(spec, &chosen, draw),
        Argument::Input(draw.values(tokens * in_features, activation)),
        Argument::Input(indices(&offsets)),
        Argument::Input(indices(&slots)),
        Argument::Number(count),
    ];
    of_tokens(tokens, shape, arguments)
}

/// Tokens of a decode step: one where a token has many slots of large matrices.
fn step(spec: &KernelSpec, draw: &mut Draw) -> usize {
    let large = int(spec, "TOP_K") * int(spec, "OUT_FEATURES") * int(spec, "IN_FEATURES") > 1_000_000;
    if large { 1 } else { draw.within(1, 4) }
}

fn gate_up(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let (top_k, tokens) = (int(spec, "TOP_K"), step(spec, draw));
    let activation = dtype(spec, "ACT_DTYPE");
    let chosen = chosen(spec, tokens * top_k, draw);
    let arguments = vec![
        output(tokens * top_k * int(spec, "OUT_FEATURES"), activation),
        Argument::Input(draw.values(tokens * int(spec, "IN_FEATURES"), activation)),
        Argument::Input(indices(&chosen)),
        matrices(spec, &chosen, draw),
        matrices(spec, &chosen, draw),
        Argument::Number(tokens * top_k),
    ];
    let geometry = Geometry::from_spec(spec).unwrap();
    of_tokens(tokens, launch::moe_gate_up_matvec::shape(geometry, Expr::Tokens * top_k), arguments)
}

fn down(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let (top_k, tokens) = (int(spec, "TOP_K"), step(spec, draw));
    let (out_features, activation) = (int(spec, "OUT_FEATURES"), dtype(spec, "ACT_DTYPE"));
    let chosen = chosen(spec, tokens * top_k, draw);
    let arguments = vec![
        output(tokens * out_features, activation),
        Argument::Input(draw.values(tokens * top_k * int(spec, "IN_FEATURES"), activation)),
        Argument::Input(indices(&chosen)),
        Argument::Input(draw.values(tokens * top_k, Dtype::F32)),
        matrices(spec, &chosen, draw),
        Argument::Input(draw.values(tokens * out_features, activation)),
        Argument::Number(tokens),
    ];
    let geometry = Geometry {
        blocks: int(spec, "BLOCKS"),
        warps: int(spec, "WARPS"),
        splits: 1,
        batch: int(spec, "BATCH"),
    };
    of_tokens(tokens, launch::moe_down_matvec::shape(geometry, Expr::Tokens), arguments)
}

fn combine(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let (features, top_k, activation) = (int(spec, "FEATURES"), int(spec, "TOP_K"), dtype(spec, "ACT_DTYPE"));
    let most = [3, 20, 150][draw.within(0, 2)];
    let tokens = draw.within(1, most);
    let arguments = vec![
        output(tokens * features, activation),
        Argument::Input(draw.values(tokens * top_k * features, activation)),
        Argument::Input(draw.values(tokens * top_k, Dtype::F32)),
        Argument::Number(tokens),
    ];
    of_tokens(tokens, launch::moe_combine::shape(Expr::Tokens), arguments)
}

//! Cases are held to the kernels that they launch, and to what a comparison can say of them, without any device.

use std::collections::BTreeSet;

use kernels::arithmetic::SUMMATION_ORDERS;
use kernels::jit::source::{SourcePoint, SourceValue, expanded};
use kernels::launch::{Access, find};
use kernels::{Arithmetic, Dtype};

use super::*;
use crate::compare::{Limit, compare};
use crate::derive::row_limit;
use crate::mutants::MUTANTS;

/// Ops whose cases take minutes to draw and to refer to on a CPU; what is said of them is only what they are named.
const LARGE: [&str; 2] = ["attention", "linear"];

/// Every case of the other ops, with the name that its inputs follow from.
fn each(mut hold: impl FnMut(&Group, &str, &OpRun)) {
    let mut cases = 0;
    for (op, groups) in CASES.iter().filter(|(op, _)| !LARGE.contains(op)) {
        for group in groups() {
            assert_eq!(find(group.kernel).unwrap().op, *op, "{}", group.kernel);
            for case in &group.cases {
                let name = format!("{}({})", group.kernel, case.name);
                hold(&group, &name, &(case.make)(&mut Draw::new(&name)));
                cases += 1;
            }
        }
    }
    assert!(cases > 0, "there are no cases");
}

#[test]
fn every_kernel_of_an_op_with_cases_has_some_and_their_names_differ() {
    for (op, groups) in CASES {
        let groups = groups();
        let kernels: BTreeSet<&str> = groups.iter().map(|group| group.kernel).collect();
        let registered: BTreeSet<&str> =
            kernels::launch::KERNELS.iter().filter(|kernel| kernel.op == *op).map(|k| k.name).collect();
        assert_eq!(kernels, registered);
        for group in groups {
            let names: BTreeSet<&str> = group.cases.iter().map(|case| case.name.as_str()).collect();
            assert_eq!((names.len(), names.is_empty()), (group.cases.len(), false), "{}", group.kernel);
        }
    }
}

#[test]
fn what_is_passed_is_what_the_kernel_takes() {
    each(|group, name, run| {
        let kernel = find(group.kernel).unwrap();
        assert_eq!(run.spec.kernel, group.kernel);
        assert_eq!(run.arguments.len(), kernel.parameters.len(), "{name}");
        for (argument, parameter) in run.arguments.iter().zip(kernel.parameters) {
            let fits = match (argument, parameter.access) {
                (OpArgument::Input(bytes), Access::Read) => !bytes.is_empty(),
                (OpArgument::Output { .. }, Access::Write)
                | (OpArgument::Number(_), Access::U32)
                | (OpArgument::Scale(_), Access::F32) => true,
                (OpArgument::Update { bytes, shape, element }, Access::Update) => {
                    bytes.len() == shape.iter().product::<usize>() * element.size()
                }
                _ => false,
            };
            assert!(fits, "{name}: `{}`", parameter.name);
        }
        for axis in run.shape.grid.iter() {
            assert!(axis.at(run.extent).is_some_and(|blocks| blocks > 0), "{name}");
        }
        // Variants are compiled for every target; a case must not ask for an axis that they do not have.
        let axes: BTreeSet<String> =
            (kernel.variants)().iter().flat_map(|spec| spec.axes.keys().cloned()).collect();
        assert!(run.spec.axes.keys().all(|axis| axes.contains(axis)), "{name}: {}", run.spec);
    });
}

#[test]
fn references_give_what_is_compared_and_honest_runs_hold() {
    each(|group, name, run| {
        let shapes: Vec<(&Vec<usize>, Dtype)> = run
            .arguments
            .iter()
            .filter_map(|argument| match argument {
                OpArgument::Output { shape, element } | OpArgument::Update { shape, element, .. } => {
                    Some((shape, if let Element::Float(dtype) = element { *dtype } else { Dtype::F32 }))
                }
                _ => None,
            })
            .collect();
        let truth = (run.reference)(Arithmetic::F64);
        let honest: Vec<Vec<Tensor>> = (0..SUMMATION_ORDERS)
            .map(|order| (run.reference)(Arithmetic::Declared { activation: group.activation, order }))
            .collect();
        assert_eq!((truth.len(), honest[0].len()), (shapes.len(), shapes.len()), "{name}");
        for (at, (shape, stored)) in shapes.into_iter().enumerate() {
            assert_eq!((&truth[at].shape, &honest[0][at].shape), (shape, shape), "{name}");
            // What a device stores can be equal bit by bit to what `bitwise` compares it with.
            let bits = compare(&honest[0][at], &honest[0][at], Limit::Bitwise).unwrap();
            assert!(bits.elements > 0, "{name}");
            if !EXACT.contains(&group.kernel) {
                let limit = row_limit(&truth[at], honest.iter().map(|run| &run[at]), stored, 4.0).unwrap();
                let Limit::RowL2 { max } = limit else { panic!("{name}: {limit:?}") };
                // What a sum is made of may be rounded more than what is stored: weights that are multiplied by values.
                let op =
                    find(group.kernel).and_then(|kernel| kernels::OPS.iter().find(|op| op.name == kernel.op));
                let between = (op.unwrap().declares)(group.activation).intermediate;
                let coarse = stored.epsilon().max(between.epsilon());
                let enough = match stored {
                    Dtype::F64 => 1e-12,
                    // A sum of 8,192 squares one after the other is 9 units in the last place away, and one of 256
                    // products in the exponent of a softmax 20; one of 3,336 products with a norm 35.
                    Dtype::F32 if coarse == stored.epsilon() => 256.0 * coarse,
                    // The norm is rounded, and what follows it; silu makes more of it.
                    _ if group.kernel.starts_with("norm_") => 8.0 * coarse,
                    // Keys and values are rounded before they are used, and peaked scores make more of a key's error.
                    _ if group.kernel == "mla_unabsorbed" => 8.0 * coarse,
                    // A row of five logits is small beside the normed values that it is summed from.
                    _ if group.kernel == "moe_norm_gate" => 16.0 * coarse,
                    _ => 4.0 * coarse,
                };
                assert!(max <= enough, "{name}: {max:e} holds nothing");
                for run in &honest {
                    compare(&truth[at], &run[at], limit).unwrap();
                }
            }
        }
    });
}

#[test]
fn mutants_of_sources_find_what_they_replace_in_kernels_of_one_op_only() {
    let mut held = 0;
    for mutant in MUTANTS.iter().filter(|mutant| mutant.point == "source" && mutant.kinds == ["op_parity"]) {
        let seam = (mutant.seam)();
        let changed: Vec<&str> = kernels::launch::KERNELS
            .iter()
            .filter(|kernel| {
                let (before, mut text) = (expanded(kernel), expanded(kernel));
                seam.apply::<SourcePoint>(&mut SourceValue { kernel: kernel.name, text: &mut text });
                text != before
            })
            .map(|kernel| kernel.name)
            .collect();
        // One kernel, or all of an op's that say the same thing.
        let named = mutant.name.split('@').next().unwrap();
        let of_it = |kernel: &&str| *kernel == named || find(kernel).unwrap().op == named;
        assert!(!changed.is_empty() && changed.iter().all(of_it), "{}: {changed:?}", mutant.name);
        assert_eq!(seam.applied(), changed.len() as u64, "{}", mutant.name);
        held += 1;
    }
    assert!(held >= 10, "{held}");
}

/// Kernels that are compared bit by bit; some of their cases overflow on purpose.
const EXACT: [&str; 10] = [
    "argmax",
    "argmax_split",
    "bias",
    "embedding",
    "empty",
    "kv_write",
    "mla_write",
    "random_fill",
    "read_bandwidth",
    "residual_add",
];

//! Every variant of every kernel, for every target.

use kernels::device::{Target, parameter_sizes};
use kernels::jit::{Artifact, Compiler, KernelSpec};
use kernels::launch::{KERNELS, KernelInfo, tiles};
use kernels::seam::Seam;
use rayon::prelude::*;

/// Bytes that a thread of a kernel may spill. `attention_flash` is faster with the 12 of sm_90 than with a tile that spills
/// nothing (see its tiles for heads of 128 features); with those of other targets it was not measured.
const SPILLS: &[(&str, u32)] = &[("attention_flash", 68)];

/// What is wrong with a compiled kernel.
fn problems(
    kernel: &KernelInfo,
    spec: &KernelSpec,
    ptx: &str,
    resources: kernels::jit::Resources,
) -> Vec<String> {
    let mut problems = Vec::new();
    let allowed = SPILLS.iter().find(|(name, _)| *name == kernel.name).map_or(0, |(_, bytes)| *bytes);
    if resources.spill_stores > allowed || resources.spill_loads > allowed {
        problems.push(format!("spills: {resources:?}"));
    }
    let declared: Vec<u32> = kernel
        .parameters
        .iter()
        .map(|parameter| match tiles::of(spec, parameter.name) {
            Some(_) => tiles::PARAMETER_BYTES,
            None if parameter.access.is_pointer() => 8,
            None => 4,
        })
        .collect();
    match parameter_sizes(ptx, kernel.name) {
        None => problems.push("its entry point is not found".to_owned()),
        Some(found) if found != declared => {
            problems.push(format!("its parameters have sizes {found:?}, and the registry says {declared:?}"));
        }
        Some(_) => (),
    }
    problems
}

#[test]
fn every_variant_of_every_kernel_compiles_for_every_target() {
    let all: Vec<(&KernelInfo, KernelSpec)> = KERNELS
        .iter()
        .flat_map(|kernel| (kernel.variants)().into_iter().map(|spec| (*kernel, spec)))
        .collect();
    for kernel in KERNELS {
        assert!(all.iter().any(|(found, _)| found.name == kernel.name), "{} has no variants", kernel.name);
    }
    let mut found: Vec<String> = Target::ALL
        .iter()
        .flat_map(|&target| {
            let jit = super::jit(target, Seam::empty());
            all.par_iter()
                .filter(|(kernel, _)| kernel.compiles_for(target))
                .flat_map_iter(|(kernel, spec)| {
                    let outcome: Result<std::sync::Arc<Artifact>, _> = jit.artifact(spec);
                    let problems = match outcome {
                        Ok(artifact) => problems(kernel, spec, &artifact.ptx, artifact.resources),
                        Err(error) => vec![error.to_string()],
                    };
                    problems.into_iter().map(move |problem| format!("{target} {spec}: {problem}"))
                })
                .collect::<Vec<_>>()
        })
        .collect();
    found.sort();
    assert!(found.is_empty(), "{} of {} kernels: \n{}", found.len(), all.len(), found.join("\n"));
}

#[test]
fn a_kernel_that_does_not_fit_its_registry_entry_is_found() {
    let kernel = KERNELS.iter().find(|kernel| kernel.name == "residual_add").unwrap();
    let source = "extern \"C\" __global__ void residual_add(float* out, const float* a, unsigned rows) { out[rows] = a[0]; }";
    let options = ["--gpu-architecture=sm_80", "--ptxas-options=-v"].map(str::to_owned);
    let compiled = super::nvrtc().compile("residual_add.cu", kernel.name, source, &options).unwrap();
    let spec = KernelSpec::new(kernel.name);
    let problems = problems(kernel, &spec, &compiled.ptx, compiled.resources);
    assert!(problems.len() == 1 && problems[0].contains("sizes [8, 8, 4]"), "{problems:?}");
}

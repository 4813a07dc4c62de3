//! The compiler itself: where errors point, what it refuses, and that it gives the same bytes again.

use std::process::Command;

use kernels::device::{Target, parameter_sizes};
use kernels::jit::{Compiler, JitError, KernelSpec, SourcePoint, source};
use kernels::launch;
use kernels::seam::Seam;

/// A kernel that uses shared memory and the common header, in place of the registered text.
const BODY: &str = "
extern \"C\" __global__ void residual_add(u16* out, const u16* a, const u16* b, u32 count) {
    __shared__ float sums[8];
    u32 i = blockIdx.x * blockDim.x + threadIdx.x;
    sums[threadIdx.x & 7u] = Storage<ACT_DTYPE>::load(a[i]) + Storage<ACT_DTYPE>::load(b[i]);
    __syncthreads();
    if (i < count) out[i] = Storage<ACT_DTYPE>::store(warp_sum(sums[(threadIdx.x + 1u) & 7u]));
}
";

fn spec() -> KernelSpec {
    KernelSpec::new("residual_add").with("ACT_DTYPE", kernels::Dtype::BF16)
}

/// The registered kernel up to its include, then [`BODY`], with a rewrite applied to both and the header.
fn planted(from: &'static str, to: &'static str) -> Seam {
    Seam::empty().with::<SourcePoint>(move |value| {
        let kernel = launch::find(value.kernel).unwrap();
        let own = kernel.source.split_once("#include \"common.cuh\"\n").unwrap();
        let end = value.text.len() - own.1.len();
        value.text.truncate(end);
        value.text.push_str(BODY);
        from.is_empty() || value.replace(from, to)
    })
}

/// The line of `text` that holds `part`, counted from 1.
fn line_of(text: &str, part: &str) -> usize {
    text.lines().position(|line| line.contains(part)).unwrap() + 1
}

#[test]
fn an_error_points_at_the_line_of_the_cu_file() {
    let jit = super::jit(Target::new(9, 0), planted("__syncthreads();", "__syncthreads()"));
    let JitError::Compile { spec, log } = jit.artifact(&spec()).unwrap_err() else { panic!() };
    let kernel = launch::find("residual_add").unwrap();
    let before = kernel.source.split_once("#include \"common.cuh\"\n").unwrap().0;
    // The compiler misses the semicolon where the next statement begins.
    let line = before.lines().count() + 1 + line_of(BODY, "if (i < count)");
    assert!(log.starts_with(&format!("kernels/residual_add.cu({line}): error: expected a \";\"")), "{log}");
    assert!(spec.contains("ACT_DTYPE=BF16"), "{spec}");
}

#[test]
fn an_error_in_the_header_points_at_the_header() {
    let jit =
        super::jit(Target::new(9, 0), planted("using u16 = unsigned short;", "using u16 = unsignd short;"));
    let JitError::Compile { log, .. } = jit.artifact(&spec()).unwrap_err() else { panic!() };
    let common = launch::HEADERS.iter().find(|header| header.0 == "common.cuh").unwrap().1;
    let line = line_of(common, "using u16");
    assert!(log.starts_with(&format!("kernels/common.cuh({line}): error")), "{log}");
}

#[test]
fn a_kernel_compiles_and_says_what_it_takes() {
    for &target in Target::ALL {
        let artifact = super::jit(target, planted("", "")).artifact(&spec()).unwrap();
        assert!(artifact.ptx.contains(&format!(".target {target}")), "{}", artifact.ptx);
        assert_eq!(parameter_sizes(&artifact.ptx, "residual_add"), Some(vec![8, 8, 8, 4]));
        assert!(artifact.cubin.starts_with(b"\x7fELF"));
        assert_eq!((artifact.resources.shared, artifact.resources.spill_stores), (32, 0));
        assert!((1..64).contains(&artifact.resources.registers), "{:?}", artifact.resources);
    }
}

#[test]
fn what_spills_is_said_to_spill() {
    // More live values than a thread that may use 16 registers can hold.
    let source = "extern \"C\" __global__ void __launch_bounds__(1024, 2) hold(float* x) {
        float v[96];
        #pragma unroll
        for (int i = 0; i < 96; i++) v[i] = x[i * 7];
        __syncthreads();
        #pragma unroll
        for (int i = 0; i < 96; i++) x[i] = v[95 - i] * v[(i * 5) % 96];
    }";
    let options = ["--gpu-architecture=sm_90", "--ptxas-options=-v"].map(str::to_owned);
    let compiled = super::nvrtc().compile("hold.cu", "hold", source, &options).unwrap();
    assert!(
        compiled.resources.spill_stores > 0 && compiled.resources.spill_loads > 0,
        "{:?}",
        compiled.resources
    );
}

#[test]
fn a_target_that_the_compiler_does_not_know_is_an_error() {
    let error = super::jit(Target::new(7, 7), planted("", "")).artifact(&spec()).unwrap_err();
    assert!(error.to_string().contains("gpu-architecture"), "{error}");
}

#[test]
fn a_source_without_the_entry_is_an_error() {
    let jit = super::jit(Target::new(9, 0), planted("extern \"C\" ", ""));
    let error = jit.artifact(&spec()).unwrap_err();
    assert!(matches!(error, JitError::Compiler(_)), "{error:?}");
    assert!(error.to_string().contains("extern \"C\" __global__ void residual_add"), "{error}");
}

#[test]
fn a_zero_byte_in_the_source_is_an_error() {
    let error = super::jit(Target::new(9, 0), planted("u32 i", "u32\0i")).artifact(&spec()).unwrap_err();
    assert!(error.to_string().contains("zero byte"), "{error}");
}

/// The variable that tells a child to print what it compiles.
const PRINT: &str = "TOUCHSTONE_TEST_PRINT";

/// The artifact as a process in another folder makes it.
fn artifact_in(folder: &std::path::Path) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "compiler::the_same_spec_gives_the_same_bytes_in_every_process_and_folder",
            "--nocapture",
        ])
        .current_dir(folder)
        .env(PRINT, "1")
        // The folder that this process found, as seen from another.
        .env("TOUCHSTONE_NVRTC", std::path::Path::new(super::nvrtc().path()).parent().unwrap())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line =
        text.lines().find_map(|line| line.split_once("artifact=")).map(|(_, artifact)| artifact.to_owned());
    line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn the_same_spec_gives_the_same_bytes_in_every_process_and_folder() {
    let artifact = super::jit(Target::new(9, 0), planted("", "")).artifact(&spec()).unwrap();
    if std::env::var_os(PRINT).is_some() {
        println!("artifact={:?}", (&artifact.key, &artifact.ptx, &artifact.cubin));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (artifact_in(&std::env::current_dir().unwrap()), artifact_in(folder.path()));
    assert!(here == there && here.len() > 1000);
}

#[test]
fn names_are_those_of_the_repository() {
    assert_eq!(source::file_name("rope.cu"), "/kernels/rope.cu");
}

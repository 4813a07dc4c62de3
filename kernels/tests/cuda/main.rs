//! The CUDA device: on a GPU where there is a driver, on the virtual device (`simt-cuda`) where there is none. Needs an
//! NVRTC, and fails without.
//!
//! Every test is one for both: none is about hardware alone, but those of `warpgroups`, of which the virtual device has none.
//! Which of the two it was is printed.
//!
//! | file | what |
//! |---|---|
//! | `opening` | which devices and compilers there are |
//! | `memory` | allocation, copies, and their bounds |
//! | `launches` | kernels, their arguments and their limits |
//! | `chunks` | attention on tensor cores, in one piece and in several |
//! | `warpgroups` | attention by products of warpgroups, where the device has some |
//! | `graphs` | kernels that are launched together, again and again |
//! | `library` | matrix products of cuBLASLt |
//! | `faults` | what a kernel breaks, each in a process of its own |

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod chunks;
mod faults;
mod graphs;
mod launches;
mod library;
mod memory;
mod opening;
mod warpgroups;

use std::sync::{Arc, OnceLock};

use kernels::device::{Buffer, CudaDevice, Device, Function};
use kernels::jit::{Artifact, Compiler, KernelSpec, Nvrtc};

/// Loads the virtual device as the driver where there is none. Comes before the first call of the device: that there is
/// no driver is remembered.
///
/// It is loaded by its path and goes by the name of the driver (its SONAME), which is what is looked for afterwards.
fn find_driver() {
    static FOUND: OnceLock<()> = OnceLock::new();
    FOUND.get_or_init(|| {
        // SAFETY: opens the driver's library, if there is one, and closes it again.
        if unsafe { cudarc::driver::sys::is_culib_present() } {
            println!("there is a driver: these tests run on its device");
            return;
        }
        // Built with this test, because it depends on it.
        let library = std::env::current_exe().unwrap().with_file_name("libsimt_cuda.so");
        // SAFETY: its initialisers have no preconditions.
        let loaded = unsafe { libloading::Library::new(&library) };
        std::mem::forget(loaded.unwrap_or_else(|error| panic!("{}: {error}", library.display())));
        println!("there is no driver: these tests run on the virtual device");
    });
}

/// The first GPU, or the virtual device. A failure says why there is none.
fn open() -> Arc<CudaDevice> {
    find_driver();
    CudaDevice::open(0).unwrap_or_else(|error| panic!("{error}"))
}

/// A kernel of the tests' own, compiled for the device.
fn artifact(device: &CudaDevice, entry: &str, source: &str) -> Artifact {
    let nvrtc = Nvrtc::find().unwrap_or_else(|error| panic!("{error}"));
    let target = device.properties().target;
    let options = ["--ptxas-options=-v", "--no-cache"].map(str::to_owned);
    let options = [vec![format!("--gpu-architecture={target}")], options.to_vec()].concat();
    let compiled = nvrtc.compile(&format!("/kernels/{entry}.cu"), entry, source, &options).unwrap();
    Artifact {
        key: blake3::hash(source.as_bytes()).to_hex().to_string(),
        spec: KernelSpec::new(entry),
        ptx: compiled.ptx,
        cubin: compiled.cubin,
        resources: compiled.resources,
    }
}

fn load(device: &CudaDevice, entry: &str, source: &str) -> Function {
    device.load(&artifact(device, entry, source)).unwrap()
}

/// A buffer of these numbers.
fn upload(device: &CudaDevice, name: &str, values: &[u32]) -> Buffer {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let buffer = device.allocate(name, bytes.len() as u64).unwrap();
    device.write(&buffer, 0, &bytes).unwrap();
    buffer
}

/// The numbers in a buffer.
fn download(device: &CudaDevice, buffer: &Buffer) -> Vec<u32> {
    let mut bytes = vec![0; buffer.bytes() as usize];
    device.read(buffer, 0, &mut bytes).unwrap();
    bytes.chunks_exact(4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

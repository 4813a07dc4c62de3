//! How many lane operations a second the device runs: real kernels of the project, with and without checks, on one
//! thread and on two. What counts is how the rows compare; figures of one run are of one machine.

use std::error::Error;
use std::time::Instant;

use simt::{Checks, Device, Launch, Options, Report};

/// Launches of which the fastest counts.
const LAUNCHES: u32 = 40;

/// A kernel, and how it is launched: its PTX, the order of `out`, `weight` and `x` among its parameters, its last
/// parameter, blocks and threads.
struct Kernel {
    name: &'static str,
    ptx: &'static str,
    order: [usize; 3],
    rows: u32,
    grid: u32,
    block: u32,
    out_bytes: u64,
}

const KERNELS: [Kernel; 2] = [
    // 256 features from 512, BF16.
    Kernel {
        name: "matvec",
        ptx: include_str!("ptx/matvec.ptx"),
        order: [0, 1, 2],
        rows: 1,
        grid: 64,
        block: 128,
        out_bytes: 512,
    },
    // 16 rows of 8,192 features, BF16.
    Kernel {
        name: "rmsnorm",
        ptx: include_str!("ptx/rmsnorm.ptx"),
        order: [0, 2, 1],
        rows: 16,
        grid: 16,
        block: 256,
        out_bytes: 16 * 8192 * 2,
    },
];

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "{:8} {:6} {:>7} {:>14} {:>9} {:>20}",
        "kernel", "checks", "threads", "M lane-ops/s", "us", "shadow bytes/written"
    );
    for kernel in &KERNELS {
        for (say, checks) in [("all", Checks::ALL), ("none", Checks::NONE)] {
            for workers in [1, 2] {
                let (seconds, report) = run(kernel, Options { checks, workers, ..Options::default() })?;
                let rate = report.lane_operations as f64 / seconds / 1e6;
                let shadow = report.shadow_bytes as f64 / report.written_bytes.max(1) as f64;
                let micros = seconds * 1e6;
                println!("{:8} {say:6} {workers:>7} {rate:>14.0} {micros:>9.0} {shadow:>20.2}", kernel.name);
            }
        }
    }
    Ok(())
}

/// The shortest launch, and what it did.
fn run(kernel: &Kernel, options: Options) -> Result<(f64, Report), Box<dyn Error>> {
    let device = Device::new(options);
    let module = device.load(kernel.ptx)?;
    let function = module.function(kernel.name).ok_or("the text has no such kernel")?;
    let mut buffers = Vec::new();
    for (name, bytes) in [("out", kernel.out_bytes), ("weight", 1 << 20), ("x", 1 << 20)] {
        let address = device.allocate(name, bytes)?;
        if name != "out" {
            device.fill(address, &[0x3c], bytes)?;
        }
        buffers.push(address);
    }
    let mut parameters: Vec<u8> = kernel.order.iter().flat_map(|&at| buffers[at].to_le_bytes()).collect();
    parameters.extend(kernel.rows.to_le_bytes());
    let launch = Launch {
        grid: [kernel.grid, 1, 1],
        block: [kernel.block, 1, 1],
        shared: 0,
        cooperative: false,
        max_dynamic_shared: None,
    };
    let mut best = (f64::INFINITY, Report::default());
    for _ in 0..LAUNCHES {
        let begin = Instant::now();
        let report = device.launch(&function, &launch, &parameters)?;
        let seconds = begin.elapsed().as_secs_f64();
        if seconds < best.0 {
            best = (seconds, report);
        }
    }
    Ok(best)
}

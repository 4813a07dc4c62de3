//! How many lane operations a second the device runs: real kernels, with and without checks, on one and two threads.
use std::time::Instant;

use simt::{Checks, Device, Launch, Options};

fn main() {
    println!("{:10} {:8} {:>3} {:>14} {:>12}", "kernel", "checks", "n", "M lane-ops/s", "us a launch");
    for (name, text) in [
        ("matvec", include_str!("../benches/ptx/matvec.ptx")),
        ("rmsnorm", include_str!("../benches/ptx/rmsnorm.ptx")),
    ] {
        for (say, checks) in [("all", Checks::ALL), ("none", Checks::NONE)] {
            for workers in [1, 2] {
                let device = Device::new(Options { checks, workers, ..Options::default() });
                let module = device.load(text).unwrap();
                let function = module.function(name).unwrap();
                let bytes = 1 << 20;
                let buffers: Vec<u64> =
                    ["out", "weight", "x"].iter().map(|name| device.allocate(name, bytes).unwrap()).collect();
                for &buffer in &buffers {
                    device.fill(buffer, &[0x3c], bytes).unwrap();
                }
                let (order, grid, block) = if name == "matvec" {
                    ([0, 1, 2], [64, 1, 1], [128, 1, 1])
                } else {
                    ([0, 2, 1], [16, 1, 1], [256, 1, 1])
                };
                let mut parameters = Vec::new();
                for at in order {
                    parameters.extend(buffers[at].to_le_bytes());
                }
                parameters.extend(if name == "matvec" { 1u32 } else { 16 }.to_le_bytes());
                parameters.truncate(function.parameter_bytes() as usize);
                let launch = Launch { grid, block, shared: 0, cooperative: false, max_dynamic_shared: None };
                let mut best = 0.0f64;
                let mut ops = 0;
                for _ in 0..30 {
                    let begin = Instant::now();
                    let report = device.launch(&function, &launch, &parameters).unwrap();
                    let took = begin.elapsed().as_secs_f64();
                    ops = report.lane_operations;
                    best = best.max(ops as f64 / took);
                }
                println!(
                    "{name:10} {say:8} {workers:>3} {:>14.0} {:>12.0}",
                    best / 1e6,
                    ops as f64 / best * 1e6
                );
            }
        }
    }
}

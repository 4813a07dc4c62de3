//! PTX from anywhere, loaded and launched.

use simt::{Checks, Device, Error, Launch, Limits, Options};

/// The first line of an input may say how its kernels are launched: `//: grid=2 block=48 shared=64 cooperative bare`.
fn launch_of(text: &str) -> (Launch, Checks) {
    let mut launch = Launch {
        grid: [2, 1, 1],
        block: [40, 1, 1],
        shared: 64,
        cooperative: false,
        max_dynamic_shared: None,
    };
    let mut checks = Checks::ALL;
    let said = text.lines().next().and_then(|line| line.strip_prefix("//:")).unwrap_or_default();
    for word in said.split_whitespace() {
        let number = |name: &str| word.strip_prefix(name)?.parse::<u32>().ok();
        if let Some(blocks) = number("grid=") {
            launch.grid = [blocks % 5, 1 + blocks / 5 % 2, 1];
        } else if let Some(threads) = number("block=") {
            launch.block = [threads % 100, 1 + threads / 100 % 2, 1];
        } else if let Some(bytes) = number("shared=") {
            launch.shared = bytes % 4096;
        } else if word == "cooperative" {
            launch.cooperative = true;
        } else if word == "bare" {
            checks = Checks::NONE;
        } else if word == "unbounded" {
            checks.bounds = false;
            checks.alignment = false;
        }
    }
    (launch, checks)
}

/// A module, and each of its kernels once. Nothing may panic, hang, or touch what is not the device's.
pub fn ptx(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (launch, checks) = launch_of(&text);
    let options = Options {
        limits: Limits::of(9, 0),
        checks,
        memory: 64 << 20,
        budget: 1 << 12,
        workers: 1,
        coverage: true,
        ..Options::default()
    };
    let device = Device::new(options);
    let module = match device.load(&text) {
        Ok(module) => module,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    for function in module.functions().iter().take(3) {
        let before = device.leaks().len();
        let buffers: Vec<u64> =
            (0..3).filter_map(|index| device.allocate(&format!("b{index}"), 1024).ok()).collect();
        for &buffer in buffers.iter().take(2) {
            device.fill(buffer, &[1], 1024).expect("the buffer is there");
        }
        let mut parameters = vec![0u8; function.parameter_bytes() as usize];
        for (index, parameter) in function.parameters().iter().enumerate() {
            let begin = parameter.offset as usize;
            let Some(to) = parameters.get_mut(begin..begin + parameter.bytes as usize) else { continue };
            match to.len() {
                8 => to.copy_from_slice(&buffers[index % buffers.len()].to_le_bytes()),
                4 => to.copy_from_slice(&64u32.to_le_bytes()),
                _ => {}
            }
        }
        match device.launch(function, &launch, &parameters) {
            Ok(report) => assert!(report.lane_operations <= report.warp_instructions * 32),
            Err(Error::Fault(fault)) => assert!(fault.to_json().is_object() && !fault.to_string().is_empty()),
            Err(other) => panic!("a launch gave something other than a fault: {other}"),
        }
        assert!(function.coverage().instructions.len() < 1 << 21);
        for buffer in buffers {
            let mut content = vec![0; 1024];
            device.read(buffer, &mut content).expect("the buffer is still there");
            device.free(buffer).expect("the buffer is freed once");
        }
        assert!(device.leaks().len() <= before || checks == Checks::NONE);
    }
}

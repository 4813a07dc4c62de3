//! Runs the body of a kernel `k(out, n)` over buffers of 32-bit words.

use std::sync::Arc;

use simt::{Device, Error, Fault, Launch, Options, Report};

/// A kernel with these instructions. `%tid` is in `%r0`, the address of `out` in `%rd0`, that of this thread's word in
/// `%rd1`, and `n` in `%r1`.
pub(crate) fn kernel(declarations: &str, body: &str) -> String {
    format!(
        ".version 8.0\n.target sm_90\n.address_size 64\n.visible .entry k(.param .u64 out, .param .u32 n)\n{{\n\
         .reg .pred %p<16>;\n.reg .b16 %rs<16>;\n.reg .b32 %r<64>;\n.reg .b64 %rd<32>;\n.reg .f32 %f<32>;\n{declarations}\n\
         mov.u32 %r0, %tid.x;\nld.param.u64 %rd0, [out];\nld.param.u32 %r1, [n];\ncvta.to.global.u64 %rd0, %rd0;\n\
         mul.wide.u32 %rd1, %r0, 4;\nadd.s64 %rd1, %rd0, %rd1;\n{body}\nret;\n}}\n"
    )
}

/// How a kernel is launched.
pub(crate) const fn threads(count: u32) -> Launch {
    Launch { grid: [1, 1, 1], block: [count, 1, 1], shared: 0, cooperative: false, max_dynamic_shared: None }
}

/// A device and the words that a kernel left.
pub(crate) struct Outcome {
    pub(crate) words: Vec<u32>,
    pub(crate) report: Result<Report, Fault>,
}

/// Runs it over `words` words that are zero.
pub(crate) fn run_on(device: &Arc<Device>, text: &str, launch: &Launch, words: usize) -> Outcome {
    let module = device.load(text).unwrap();
    let function = module.function("k").unwrap();
    let out = device.allocate("out", words as u64 * 4).unwrap();
    device.fill(out, &[0], words as u64 * 4).unwrap();
    let mut parameters = out.to_le_bytes().to_vec();
    parameters.extend(u32::try_from(words).unwrap().to_le_bytes());
    let report = match device.launch(&function, launch, &parameters) {
        Ok(report) => Ok(report),
        Err(Error::Fault(fault)) => Err(*fault),
        Err(other) => panic!("{other}"),
    };
    let mut bytes = vec![0; words * 4];
    device.read(out, &mut bytes).unwrap();
    device.free(out).unwrap();
    let words = bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    Outcome { words, report }
}

/// The words that a kernel leaves, which runs without a fault.
pub(crate) fn words(text: &str, launch: &Launch, count: usize) -> Vec<u32> {
    let outcome = run_on(&Device::new(Options::default()), text, launch, count);
    if let Err(fault) = outcome.report {
        panic!("{fault}");
    }
    outcome.words
}

/// The fault of a kernel.
pub(crate) fn fault(text: &str, launch: &Launch, count: usize) -> Fault {
    run_on(&Device::new(Options::default()), text, launch, count).report.expect_err("a fault is expected")
}

/// The line of the text that has this in it, counted from 1.
pub(crate) fn line_of(text: &str, part: &str) -> u32 {
    let at = text.lines().position(|line| line.contains(part)).unwrap();
    u32::try_from(at).unwrap() + 1
}

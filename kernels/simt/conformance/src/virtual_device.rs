//! A form on the virtual device.

use simt::{Device, Launch, Options};

use crate::form::{BLOCK, Form};

/// What it computes, packed.
///
/// # Errors
/// What the device says: that it does not know the instruction, or a fault.
pub fn run(form: &Form) -> Result<Vec<u8>, simt::Error> {
    let device = Device::new(Options { memory: 64 << 20, workers: 1, ..Options::default() });
    let module = device.load(&form.ptx())?;
    let function = module
        .function("form")
        .ok_or_else(|| simt::Error::Module { line: 1, problem: "there is no kernel `form`".to_owned() })?;
    let inputs = form.input_bytes();
    let mut written = vec![0; form.output_stride() * form.threads as usize];
    // Memory of no bytes would be an address that no kernel uses.
    let mut scratch = if form.scratch.is_empty() { vec![0; 16] } else { form.scratch.clone() };
    let mut parameters = Vec::new();
    let mut buffers = Vec::new();
    for (name, bytes) in [("inputs", &inputs), ("results", &written), ("scratch", &scratch)] {
        let address = device.allocate(name, bytes.len() as u64)?;
        device.write(address, bytes)?;
        parameters.extend_from_slice(&address.to_le_bytes());
        buffers.push(address);
    }
    let launch = Launch {
        grid: [form.threads / BLOCK, 1, 1],
        block: [BLOCK, 1, 1],
        shared: 0,
        cooperative: false,
        max_dynamic_shared: None,
    };
    device.launch(&function, &launch, &parameters)?;
    for (address, bytes) in buffers.iter().skip(1).zip([&mut written, &mut scratch]) {
        device.read(*address, bytes)?;
    }
    scratch.truncate(form.scratch.len());
    Ok(form.pack(&written, &scratch))
}

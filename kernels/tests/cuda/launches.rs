//! Kernels, their arguments and their limits.

use kernels::device::{Argument, Device, DeviceError, Launch};

use super::{artifact, download, load, open, upload};

/// `out[i] = x[i] * factor + i`, through as much dynamic shared memory as the launch gives.
const SCALE: &str = "
extern __shared__ unsigned staged[];
extern \"C\" __global__ void scale(unsigned* out, const unsigned* x, unsigned factor, unsigned count) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    staged[threadIdx.x] = x[i] * factor;
    out[i] = staged[threadIdx.x] + i;
}";

fn launch(blocks: u32, threads: u32) -> Launch {
    Launch { grid: [blocks, 1, 1], block: [threads, 1, 1], shared: 4 * threads }
}

#[test]
fn kernels_run_in_order_with_their_arguments() {
    let device = open();
    let scale = load(&device, "scale", SCALE);
    let x: Vec<u32> = (0..1000).collect();
    let (input, middle, out) =
        (upload(&device, "x", &x), upload(&device, "middle", &[0; 1000]), upload(&device, "out", &[0; 1000]));
    let run = |out, x, factor| {
        let arguments =
            [Argument::Buffer(out, 0), Argument::Buffer(x, 0), Argument::U32(factor), Argument::U32(1000)];
        device.launch(&scale, launch(8, 128), &arguments).unwrap();
    };
    run(&middle, &input, 3);
    run(&out, &middle, 5);
    device.synchronize().unwrap();
    let expected: Vec<u32> = (0..1000).map(|i| (i * 3 + i) * 5 + i).collect();
    assert_eq!(download(&device, &out), expected);
}

#[test]
fn an_argument_can_begin_within_a_buffer() {
    let device = open();
    let scale = load(&device, "scale", SCALE);
    let (x, out) = (upload(&device, "x", &[1, 2, 3, 4]), upload(&device, "out", &[9; 4]));
    let arguments = [Argument::Buffer(&out, 4), Argument::Buffer(&x, 8), Argument::U32(10), Argument::U32(2)];
    device.launch(&scale, launch(1, 32), &arguments).unwrap();
    assert_eq!(download(&device, &out), [9, 30, 41, 9]);
}

#[test]
fn a_kernel_can_have_all_the_shared_memory_of_a_block() {
    let device = open();
    let scale = load(&device, "scale", SCALE);
    let most = device.properties().limits.max_shared_bytes;
    assert!(most > 48 << 10);
    let (x, out) = (upload(&device, "x", &[1]), upload(&device, "out", &[0]));
    let arguments = [Argument::Buffer(&out, 0), Argument::Buffer(&x, 0), Argument::U32(7), Argument::U32(1)];
    device.launch(&scale, Launch { shared: most, ..launch(1, 32) }, &arguments).unwrap();
    assert_eq!(download(&device, &out), [7]);
    let error = device.launch(&scale, Launch { shared: most + 4, ..launch(1, 32) }, &arguments).unwrap_err();
    assert!(error.to_string().contains("dynamic shared memory"), "{error}");
}

#[test]
fn a_launch_that_does_not_fit_is_refused_and_the_device_goes_on() {
    let device = open();
    let scale = load(&device, "scale", SCALE);
    let (x, out) = (upload(&device, "x", &[1]), upload(&device, "out", &[0]));
    let right = [Argument::Buffer(&out, 0), Argument::Buffer(&x, 0), Argument::U32(7), Argument::U32(1)];
    let swapped = [right[2], right[1], right[0], right[3]];
    let beyond = [Argument::Buffer(&out, 5), right[1], right[2], right[3]];
    for (launch, arguments, said) in [
        (launch(1, 32), &right[..3], "3 arguments for 4 parameters"),
        (launch(1, 32), &swapped, "argument 0 is a 32-bit number"),
        (launch(1, 32), &beyond, "begins 5 bytes into buffer out[4 bytes]"),
        (launch(0, 32), &right, "0 blocks along x"),
        (launch(1, 1025), &right, "1025 threads along x"),
        (Launch { grid: [1, 65_536, 1], ..launch(1, 32) }, &right, "65536 blocks along y"),
    ] {
        let error = device.launch(&scale, launch, arguments).unwrap_err();
        assert!(matches!(error, DeviceError::Launch { .. }), "{error:?}");
        assert!(error.to_string().contains(said), "{said}: {error}");
    }
    let unknown = kernels::device::Function { kernel: "rope".to_owned(), handle: 99 };
    assert!(device.launch(&unknown, launch(1, 1), &[]).unwrap_err().to_string().contains("not loaded"));
    device.launch(&scale, launch(1, 32), &right).unwrap();
    assert_eq!(download(&device, &out), [7]);
}

#[test]
fn an_artifact_is_loaded_once_and_one_that_was_cut_not_at_all() {
    let device = open();
    let whole = artifact(&device, "scale", SCALE);
    assert_eq!(device.load(&whole).unwrap(), device.load(&whole).unwrap());
    let mut cut = whole.clone();
    cut.key.push('x');
    cut.cubin.truncate(whole.cubin.len() / 2);
    let error = device.load(&cut).unwrap_err();
    assert!(error.to_string().contains("no whole ELF file"), "{error}");
    let mut nameless = whole.clone();
    nameless.key.push('z');
    nameless.spec.kernel = "scal".to_owned();
    assert!(device.load(&nameless).unwrap_err().to_string().contains("no readable entry `scal`"));
    device.load(&whole).unwrap();
}

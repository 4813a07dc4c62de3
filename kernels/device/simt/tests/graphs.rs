//! Graphs, of a kernel in PTX.

use ::simt::{Checks, FaultKind, Options};

use super::super::SimtDevice;
use crate::device::{
    After, Argument, Buffer, Dependency, Device, DeviceError, Function, Graph, GraphNode, Launch,
};
use crate::jit::{Artifact, KernelSpec, Resources};

/// `to[i] += from[i]`, with something before the first access and something after the last.
fn adding(first: &str, last: &str) -> Artifact {
    let ptx = format!(
        ".version 8.0\n.target sm_90\n.address_size 64\n.visible .entry add(.param .u64 to, .param .u64 from)\n{{\n\
         .reg .b32 %r<4>;\n.reg .b64 %rd<8>;\n\
         ld.param.u64 %rd1, [to];\nld.param.u64 %rd2, [from];\nmov.u32 %r0, %tid.x;\nmul.wide.u32 %rd3, %r0, 4;\n\
         add.s64 %rd1, %rd1, %rd3;\nadd.s64 %rd2, %rd2, %rd3;\n{first}\nld.global.u32 %r1, [%rd2];\n\
         ld.global.u32 %r2, [%rd1];\nadd.u32 %r1, %r1, %r2;\nst.global.u32 [%rd1], %r1;\n{last}\nret;\n}}\n"
    );
    Artifact {
        key: blake3::hash(ptx.as_bytes()).to_hex().to_string(),
        spec: KernelSpec::new("add"),
        ptx,
        cubin: Vec::new(),
        resources: Resources::default(),
    }
}

const WAIT: &str = "griddepcontrol.wait;";

fn numbers(device: &SimtDevice, name: &str, value: u32) -> Buffer {
    let buffer = device.allocate(name, 128).unwrap();
    device.write(&buffer, 0, &value.to_le_bytes().repeat(32)).unwrap();
    buffer
}

fn first(device: &SimtDevice, buffer: &Buffer) -> u32 {
    let mut bytes = [0; 4];
    device.read(buffer, 0, &mut bytes).unwrap();
    u32::from_le_bytes(bytes)
}

fn node<'a>(
    function: &'a Function,
    to: &'a Buffer,
    from: &'a Buffer,
    after: &[(usize, Dependency)],
) -> GraphNode<'a> {
    GraphNode {
        function,
        launch: Launch { grid: [1; 3], block: [32, 1, 1], shared: 0 },
        arguments: vec![Argument::Buffer(to, 0), Argument::Buffer(from, 0)],
        after: after.iter().map(|&(node, dependency)| After { node, dependency }).collect(),
    }
}

/// `b += a`, then `c += b` by a kernel that is launched early.
fn early(device: &SimtDevice, second: &Artifact) -> Result<(), DeviceError> {
    let (one, two) = (device.load(&adding(WAIT, "")).unwrap(), device.load(second).unwrap());
    let [a, b, c] = ["a", "b", "c"].map(|name| numbers(device, name, 1));
    let nodes = [node(&one, &b, &a, &[]), node(&two, &c, &b, &[(0, Dependency::Programmatic)])];
    let graph = device.graph(&nodes)?;
    device.replay(&graph)?;
    assert_eq!((graph.nodes(), first(device, &c)), (2, 3));
    Ok(())
}

#[test]
fn replays_do_everything_again_and_are_counted() {
    let device = SimtDevice::new(Options::default());
    let add = device.load(&adding("", "")).unwrap();
    let (a, b) = (numbers(&device, "a", 1), numbers(&device, "b", 0));
    let graph = device.graph(&[node(&add, &b, &a, &[])]).unwrap();
    assert_eq!((graph.nodes(), graph.programmatic(), device.counts().launches), (1, 0, 0));
    for sum in 1..4 {
        device.replay(&graph).unwrap();
        assert_eq!((first(&device, &b), device.counts().launches), (sum, u64::from(sum)));
    }
    device.write(&a, 0, &10u32.to_le_bytes()).unwrap();
    device.replay(&graph).unwrap();
    assert_eq!(first(&device, &b), 13);
    let other = SimtDevice::new(Options::default());
    let error = other.replay(&graph).unwrap_err();
    assert!(error.to_string().contains("is of another device"), "{error}");
    let none: Result<Graph, DeviceError> = device.graph(&[]);
    assert!(none.unwrap_err().to_string().contains("no nodes"));
}

#[test]
fn a_kernel_that_waits_may_be_launched_early_and_one_that_reads_before_is_a_fault() {
    let device = SimtDevice::new(Options::default());
    assert_eq!(early(&device, &adding(WAIT, "")), Ok(()));
    let error = early(&device, &adding("", WAIT)).unwrap_err();
    assert!(matches!(error, DeviceError::Fault(_)), "{error:?}");
    let faults = device.faults();
    assert_eq!(faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(), [FaultKind::EarlyAccess]);
    assert!(error.to_string().contains("`b`, which kernel add (graph node 0) writes"), "{error}");
    // Nothing more can be computed.
    assert_eq!(device.synchronize(), Err(error));
}

#[test]
fn a_kernel_that_never_waits_is_not_launched_early() {
    let device = SimtDevice::new(Options::default());
    let error = early(&device, &adding("", "")).unwrap_err();
    assert!(error.to_string().contains("kernel add never waits"), "{error}");
    assert_eq!(device.synchronize(), Ok(()));
    // Where the device cannot, nothing is launched early, and nothing is checked.
    let limits = ::simt::Limits::of(8, 9);
    let older = SimtDevice::new(Options { limits, ..Options::default() });
    assert_eq!(early(&older, &adding("", "")), Ok(()));
    let checks = Checks { early_access: false, ..Checks::ALL };
    let unchecked = SimtDevice::new(Options { checks, ..Options::default() });
    assert_eq!(early(&unchecked, &adding("", WAIT)), Ok(()));
}

#[test]
fn a_graph_and_what_it_uses_can_be_dropped_in_any_order() {
    let device = SimtDevice::new(Options::default());
    let add = device.load(&adding("", "")).unwrap();
    let (a, b) = (numbers(&device, "a", 1), numbers(&device, "b", 0));
    let graph = device.graph(&[node(&add, &b, &a, &[])]).unwrap();
    drop(graph);
    let graph = device.graph(&[node(&add, &b, &a, &[])]).unwrap();
    drop((a, b));
    // A replay would touch what was freed: that is found, as in a launch.
    let error = device.replay(&graph).unwrap_err();
    assert!(error.to_string().contains("use_after_free"), "{error}");
    drop(device);
    drop(graph);
}

//! What a kernel breaks. A fault ends all work of its process, so each is made in a process of its own.

use std::process::Command;

use kernels::device::{Argument, Device, DeviceError, GraphNode, Launch};

use super::{load, open, upload};

/// The variable that tells a child which fault to make.
const FAULT: &str = "TOUCHSTONE_TEST_FAULT";

/// Each by name, with its kernel and what the driver calls it.
const FAULTS: [(&str, &str, &str); 5] = [
    (
        "beyond",
        "extern \"C\" __global__ void beyond(unsigned* x) { x[1ull << 42] = 1; }",
        "CUDA_ERROR_ILLEGAL_ADDRESS (700)",
    ),
    (
        "replayed",
        "extern \"C\" __global__ void replayed(unsigned* x) { x[1ull << 42] = 1; }",
        "CUDA_ERROR_ILLEGAL_ADDRESS (700)",
    ),
    (
        "misaligned",
        "extern \"C\" __global__ void misaligned(unsigned* x) { *(unsigned*)((char*)x + 1) = 1; }",
        "CUDA_ERROR_MISALIGNED_ADDRESS (716)",
    ),
    (
        "trap",
        "extern \"C\" __global__ void trap(unsigned* x) { if (x) asm volatile(\"trap;\"); }",
        // Which of the two depends on the driver.
        "CUDA_ERROR_",
    ),
    (
        "shared",
        "extern __shared__ unsigned s[]; extern \"C\" __global__ void shared(unsigned* x) { s[1 << 20] = 1; x[0] = s[1 << 20]; }",
        "CUDA_ERROR_",
    ),
];

/// What a child does.
fn fault(name: &str) {
    let (_, source, said) = FAULTS.iter().find(|(known, ..)| *known == name).unwrap();
    let device = open();
    let x = upload(&device, "x", &[1, 2]);
    let function = load(&device, name, source);
    let once = Launch { grid: [1, 1, 1], block: [1, 1, 1], shared: 0 };
    let arguments = vec![Argument::Buffer(&x, 0)];
    let node = GraphNode { function: &function, launch: once, arguments, after: Vec::new() };
    let graph = device.graph(std::slice::from_ref(&node)).unwrap();
    let what = if name == "replayed" {
        device.replay(&graph).unwrap();
        format!("a graph of one kernel, {name}")
    } else {
        device.launch(&function, once, &node.arguments).unwrap();
        name.to_owned()
    };
    let first = device.synchronize().unwrap_err();
    let text = first.to_string();
    assert!(matches!(first, DeviceError::Fault(_)), "{first:?}");
    assert!(text.contains(said) && text.contains(&format!("launched since the last wait: {what}")), "{text}");
    // Everything after it says the same.
    let mut bytes = [0; 4];
    let later = [
        device.synchronize().unwrap_err(),
        device.read(&x, 0, &mut bytes).unwrap_err(),
        device.write(&x, 0, &bytes).unwrap_err(),
        device.fill(&x, 0).unwrap_err(),
        device.free_memory().unwrap_err(),
        device.allocate("y", 4).map(|_| ()).unwrap_err(),
        device.launch(&function, once, &node.arguments).unwrap_err(),
        device.graph(std::slice::from_ref(&node)).map(|_| ()).unwrap_err(),
        device.replay(&graph).unwrap_err(),
    ];
    for error in later {
        assert_eq!(error, first);
    }
    drop(node);
    drop(x);
    drop(device);
    drop(graph);
    println!("fault={text}");
}

#[test]
fn after_a_fault_everything_says_so() {
    if let Ok(name) = std::env::var(FAULT) {
        return fault(&name);
    }
    for (name, ..) in FAULTS {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "faults::after_a_fault_everything_says_so", "--nocapture"])
            .env(FAULT, name)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let said = text.lines().find(|line| line.contains("fault="));
        println!("{name}: {said:?}");
        assert!(
            output.status.success() && said.is_some(),
            "{name}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

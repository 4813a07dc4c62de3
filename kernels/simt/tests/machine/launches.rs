//! Launches that the named GPU takes, or not; calls, and printing.

use simt::{Device, FaultKind, Launch, Limits, Options};

use crate::support::{fault, kernel, run_on, threads, words};

#[test]
fn limits_are_those_of_the_named_gpu() {
    let text = kernel(".shared .align 4 .b8 tile[128];", "");
    for (launch, said) in [
        (Launch { grid: [1, 65_536, 1], ..threads(1) }, "65536 blocks along y"),
        (threads(1025), "1025 threads a block"),
        (Launch { block: [1, 1, 65], ..threads(1) }, "65 threads along z"),
        (Launch { shared: 227 << 10, ..threads(1) }, "a block has 232448"),
        (Launch { shared: 100, max_dynamic_shared: Some(64), ..threads(1) }, "64 were asked for"),
        (Launch { grid: [0, 1, 1], ..threads(1) }, "0 blocks along x"),
        (Launch { grid: [5000, 1, 1], cooperative: true, ..threads(1024) }, "fit on the device at once"),
    ] {
        let found = fault(&text, &launch, 1);
        assert_eq!(found.kind, FaultKind::LaunchLimit);
        assert!(found.message.contains(said), "{said}: {found}");
    }
    let launch = Launch { shared: 120 << 10, ..threads(1) };
    words(&text, &launch, 1);
    let small = Device::new(Options { limits: Limits::of(8, 9), ..Options::default() });
    assert_eq!(run_on(&small, &text, &launch, 1).report.unwrap_err().kind, FaultKind::LaunchLimit);
}

#[test]
fn launch_bounds_hold() {
    let text = kernel("", "").replace(".param .u32 n)", ".param .u32 n)\n.maxntid 64, 1, 1");
    words(&text, &threads(64), 1);
    let found = fault(&text, &threads(65), 1);
    assert!(found.message.contains("compiled for 64"), "{found}");
}

#[test]
fn functions_are_called_with_their_parameters() {
    let text = kernel(
        "",
        "{\n.param .b32 param0;\nst.param.b32 [param0], %r0;\n.param .b32 retval0;\ncall.uni (retval0), triple, (param0);\n\
         ld.param.b32 %r2, [retval0];\n}\n{\n.param .b32 param0;\nst.param.b32 [param0], %r2;\n.param .b32 retval0;\n\
         call.uni (retval0), triple, (param0);\nld.param.b32 %r2, [retval0];\n}\nst.global.u32 [%rd1], %r2;",
    );
    let function = ".func (.param .b32 r) triple(.param .b32 a)\n{\n.reg .b32 %r<4>;\n.reg .pred %p<2>;\nld.param.b32 %r1, [a];\n\
        setp.eq.u32 %p1, %r1, 0;\n@%p1 bra ZERO;\nmul.lo.u32 %r2, %r1, 3;\nst.param.b32 [r], %r2;\nret;\nZERO:\n\
        mov.u32 %r3, 100;\nst.param.b32 [r], %r3;\nret;\n}\n.visible .entry";
    let text = text.replace(".visible .entry", function);
    for (at, word) in (0u32..).zip(words(&text, &threads(8), 8)) {
        assert_eq!(word, if at == 0 { 300 } else { at * 9 });
    }
    let endless = text.replace(
        "mul.lo.u32 %r2, %r1, 3;",
        "{\n.param .b32 p;\nst.param.b32 [p], %r1;\n.param .b32 q;\ncall.uni (q), triple, (p);\n}",
    );
    let error = Device::new(Options::default()).load(&endless).err().unwrap().to_string();
    assert!(error.contains("triple calls itself"), "{error}");
}

#[test]
fn what_ran_is_recorded() {
    let text = kernel(
        "",
        "setp.gt.u32 %p1, %r0, 100;\n@!%p1 bra END;\nst.global.u32 [%rd1], 1;\nEND:\nst.global.u32 [%rd1], 2;",
    );
    let device = Device::new(Options { coverage: true, ..Options::default() });
    let module = device.load(&text).unwrap();
    let function = module.function("k").unwrap();
    assert!(function.coverage().instructions.iter().all(|covered| !covered.ran));
    let out = device.allocate("out", 400).unwrap();
    let mut parameters = out.to_le_bytes().to_vec();
    parameters.extend([0; 4]);
    device.launch(&function, &threads(32), &parameters).unwrap();
    let coverage = function.coverage();
    assert_eq!(coverage.launches, 1);
    let missed: Vec<u32> =
        coverage.instructions.iter().filter(|covered| !covered.ran).map(|covered| covered.ptx_line).collect();
    assert_eq!(missed, [crate::support::line_of(&text, "[%rd1], 1")]);
}

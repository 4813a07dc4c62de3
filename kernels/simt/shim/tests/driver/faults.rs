//! What a kernel breaks, and what is said of it.

use cudarc::driver::{PushKernelArg, sys};

use super::{code, kernel, open, program, shape};

#[test]
fn a_fault_is_said_at_once_and_returned_by_every_later_call() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faults.jsonl");
    let said = program(
        "faults::a_fault_is_said_at_once_and_returned_by_every_later_call",
        &[("SIMT_FAULTS", file.to_str().unwrap())],
        || {
            let (context, module) = open();
            let stream = context.default_stream();
            let x = stream.alloc_zeros::<f32>(100).unwrap();
            let mut y = stream.alloc_zeros::<f32>(100).unwrap();
            let unbounded = kernel(&module, "unbounded");
            let mut launch = stream.launch_builder(&unbounded);
            launch.arg(&mut y).arg(&x).arg(&2f32).arg(&100u32);
            // SAFETY: it goes past `y`, which is what is tested: nothing is touched beyond it.
            unsafe { launch.launch(shape(1, 128, 0)) }.unwrap();
            assert_eq!(code(stream.synchronize()), 700);
            assert_eq!(code(stream.alloc_zeros::<f32>(1).map(|_| ())), 700);
            assert_eq!(code(context.synchronize()), 700);
            // What asks for nothing of the context goes on.
            let name = context.name().unwrap();
            assert!(name.contains("virtual"), "{name}");
            // cudarc frees when it drops, and keeps the error of that for the next call.
            std::mem::forget((x, y));
        },
    );
    let Some(said) = said else { return };
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("simt: fault:")).collect();
    let [line] = lines[..] else { panic!("{said}") };
    for part in ["out_of_bounds", "unbounded", "kernels.cu:14", "thread (100, 0, 0)"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let written = std::fs::read_to_string(&file).unwrap();
    let [json] = written.lines().collect::<Vec<_>>()[..] else { panic!("{written}") };
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["kind"], "out_of_bounds");
    assert_eq!(json["place"]["kernel"], "unbounded");
    assert_eq!(json["place"]["source"]["line"], 14);
    assert_eq!(json["target"]["bytes"], 4);
}

#[test]
fn with_blocking_launches_the_launch_returns_the_fault() {
    let test = "faults::with_blocking_launches_the_launch_returns_the_fault";
    program(test, &[("CUDA_LAUNCH_BLOCKING", "1")], || {
        let (context, module) = open();
        let stream = context.default_stream();
        let mut x = stream.alloc_zeros::<u8>(8).unwrap();
        let misaligned = kernel(&module, "misaligned");
        // SAFETY: it faults, which is what is tested.
        let outcome = unsafe { stream.launch_builder(&misaligned).arg(&mut x).launch(shape(1, 1, 0)) };
        assert_eq!(code(outcome), 716);
        std::mem::forget(x);
    });
}

/// The kernel that races, with these checks; and the code that waiting for it gives.
fn race(test: &str, checks: &str, expected: u32) -> Option<String> {
    program(test, &[("SIMT_CHECKS", checks)], || {
        let (context, module) = open();
        let stream = context.default_stream();
        let mut x = stream.alloc_zeros::<u32>(128).unwrap();
        let early = kernel(&module, "reverse_early");
        // SAFETY: as many elements and as much shared memory as threads.
        unsafe { stream.launch_builder(&early).arg(&mut x).launch(shape(1, 128, 512)) }.unwrap();
        assert_eq!(code(stream.synchronize()), expected);
        std::mem::forget(x);
    })
}

#[test]
fn a_missing_barrier_is_a_fault() {
    let said = race("faults::a_missing_barrier_is_a_fault", "all", 719);
    // A warp reads what the next one has not written: which of the two is found depends on the order.
    assert!(said.is_none_or(|said| said.contains("fault: race:") || said.contains("fault: uninitialised:")));
}

#[test]
fn checks_can_be_switched_off() {
    let said = race("faults::checks_can_be_switched_off", "-races,-initialised", 0);
    assert!(said.is_none_or(|said| !said.contains("fault:")));
}

#[test]
fn a_wrong_setting_is_said() {
    let said = program("faults::a_wrong_setting_is_said", &[("SIMT_CHECKS", "-race")], || {
        // SAFETY: initialisation has no preconditions.
        assert_eq!(unsafe { sys::cuInit(0) } as u32, 1);
    });
    assert!(said.is_none_or(|said| said.contains("simt: SIMT_CHECKS names race")));
}

#[test]
fn memory_that_nothing_wrote_is_a_fault() {
    let said = program("faults::memory_that_nothing_wrote_is_a_fault", &[], || {
        let (context, module) = open();
        let stream = context.default_stream();
        // SAFETY: it is read before it is written, which is what is tested.
        let (x, mut y) =
            (unsafe { stream.alloc::<f32>(64) }.unwrap(), stream.alloc_zeros::<f32>(64).unwrap());
        let saxpy = kernel(&module, "saxpy");
        let mut launch = stream.launch_builder(&saxpy);
        launch.arg(&mut y).arg(&x).arg(&2f32).arg(&64u32);
        // SAFETY: the arguments are those of the kernel.
        unsafe { launch.launch(shape(1, 64, 0)) }.unwrap();
        assert_eq!(code(stream.synchronize()), 719);
        std::mem::forget((x, y));
    });
    // The buffer is named after what made it.
    if let Some(said) = said {
        assert!(said.contains("fault: uninitialised:") && said.contains("(256)"), "{said}");
    }
}

//! Modules, launches, occupancy.

use cudarc::driver::{CudaContext, LaunchConfig, PushKernelArg, sys};

use super::{code, kernel, ok, open, program, shape};

#[test]
fn the_device_is_the_one_that_was_asked_for() {
    program("kernels::the_device_is_the_one_that_was_asked_for", &[("SIMT_TARGET", "sm_120")], || {
        assert_eq!(CudaContext::device_count().unwrap(), 1);
        let context = CudaContext::new(0).unwrap();
        assert_eq!(context.name().unwrap(), "Touchstone virtual device (sm_120)");
        assert_eq!(context.compute_capability().unwrap(), (12, 0));
        let shared = sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
        assert_eq!(context.attribute(shared).unwrap(), 99 << 10);
        let (free, total) = context.mem_get_info().unwrap();
        assert!(0 < free && free <= total);
        assert_eq!(code(CudaContext::new(1)), 101);
        let mut version = 0;
        // SAFETY: the pointer is valid for a write.
        ok(unsafe { sys::cuDriverGetVersion(&raw mut version) });
        assert_eq!(version, 13_000);
    });
}

#[test]
fn kernels_compute() {
    program("kernels::kernels_compute", &[], || {
        let (context, module) = open();
        let stream = context.default_stream();
        let numbers: Vec<f32> = (0..1000).map(|number| number as f32).collect();
        let x = stream.clone_htod(&numbers).unwrap();
        let mut y = stream.clone_htod(&numbers).unwrap();
        let saxpy = kernel(&module, "saxpy");
        let mut launch = stream.launch_builder(&saxpy);
        launch.arg(&mut y).arg(&x).arg(&0.5f32).arg(&1000u32);
        // SAFETY: the arguments are those of the kernel, which keeps to the count.
        unsafe { launch.launch(LaunchConfig::for_num_elems(1000)) }.unwrap();
        let expected: Vec<f32> = numbers.iter().map(|x| 0.5 * x + x).collect();
        assert_eq!(stream.clone_dtoh(&y).unwrap(), expected);
    });
}

#[test]
fn shared_memory_beyond_the_default_must_be_asked_for() {
    let said = program("kernels::shared_memory_beyond_the_default_must_be_asked_for", &[], || {
        let (context, module) = open();
        let stream = context.default_stream();
        let reverse = kernel(&module, "reverse");
        let mut x = stream.clone_htod(&(0..64u32).collect::<Vec<_>>()).unwrap();
        let mut run = |bytes| {
            // SAFETY: as many elements as threads.
            unsafe { stream.launch_builder(&reverse).arg(&mut x).launch(shape(1, 64, bytes)) }.map(|_| ())
        };
        assert_eq!(code(run(64 << 10)), 1);
        let dynamic = sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        assert_eq!(code(reverse.set_attribute(dynamic, 300 << 10)), 1);
        reverse.set_attribute(dynamic, 64 << 10).unwrap();
        run(64 << 10).unwrap();
        assert_eq!(stream.clone_dtoh(&x).unwrap(), (0..64u32).rev().collect::<Vec<_>>());
    });
    assert!(said.is_none_or(|said| said.contains("ask for more by cuFuncSetAttribute")));
}

#[test]
fn cooperative_blocks_run_together_and_too_many_are_refused() {
    program("kernels::cooperative_blocks_run_together_and_too_many_are_refused", &[], || {
        let (context, module) = open();
        let stream = context.default_stream();
        let together = kernel(&module, "together");
        let mut arrived = stream.alloc_zeros::<u32>(1).unwrap();
        let mut out = stream.alloc_zeros::<u32>(8).unwrap();
        let mut run = |blocks| {
            let mut launch = stream.launch_builder(&together);
            launch.arg(&mut arrived).arg(&mut out);
            // SAFETY: as many results as blocks; more blocks are refused.
            unsafe { launch.launch_cooperative(shape(blocks, 32, 0)) }.map(|_| ())
        };
        run(8).unwrap();
        assert_eq!(code(run(132 * 32 + 1)), 720);
        assert_eq!(stream.clone_dtoh(&out).unwrap(), [8; 8]);
        let blocks = together.occupancy_max_active_blocks_per_multiprocessor(1024, 0, None).unwrap();
        assert_eq!(blocks, 2);
    });
}

#[test]
fn variables_of_a_module_have_an_address() {
    program("kernels::variables_of_a_module_have_an_address", &[], || {
        let (context, module) = open();
        let stream = context.default_stream();
        let count = kernel(&module, "count");
        let mut out = stream.alloc_zeros::<u32>(1).unwrap();
        for _ in 0..2 {
            // SAFETY: one result.
            unsafe { stream.launch_builder(&count).arg(&mut out).launch(shape(1, 32, 0)) }.unwrap();
        }
        assert_eq!(stream.clone_dtoh(&out).unwrap(), [6]);
        let counter = module.get_global("counter", &stream).unwrap();
        assert_eq!(stream.clone_dtoh(&counter).unwrap(), 7u32.to_le_bytes());
        assert_eq!(code(module.get_global("nothing", &stream).map(|_| ())), 500);
    });
}

#[test]
fn a_kernel_says_what_it_takes() {
    program("kernels::a_kernel_says_what_it_takes", &[], || {
        let (context, module) = open();
        let narrow = kernel(&module, "narrow");
        assert_eq!(narrow.max_threads_per_block().unwrap(), 64);
        let stream = context.default_stream();
        let mut x = stream.alloc_zeros::<u32>(128).unwrap();
        // SAFETY: refused before it runs.
        let refused = unsafe { stream.launch_builder(&narrow).arg(&mut x).launch(shape(1, 128, 0)) };
        assert_eq!(code(refused), 701);
        // SAFETY: as above.
        let refused = unsafe { stream.launch_builder(&narrow).arg(&mut x).launch(shape(1, 2048, 0)) };
        assert_eq!(code(refused), 1);
        // SAFETY: as many elements as threads.
        unsafe { stream.launch_builder(&narrow).arg(&mut x).launch(shape(1, 64, 0)) }.unwrap();
        stream.synchronize().unwrap();
    });
}

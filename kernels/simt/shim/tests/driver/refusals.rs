//! Wrong arguments, machine code, unknown names.

use std::ffi::{CStr, c_void};
use std::ptr;

use cudarc::driver::{CudaContext, sys};

use super::{PTX, code, ok, open, program};

/// Loads an image, and gives the code and the log.
fn load(image: &[u8]) -> (u32, String) {
    let mut log = [1u8; 256];
    let mut options =
        [sys::CUjit_option::CU_JIT_ERROR_LOG_BUFFER, sys::CUjit_option::CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES];
    let mut values: [*mut c_void; 2] = [log.as_mut_ptr().cast(), ptr::without_provenance_mut(log.len())];
    let mut module = ptr::null_mut();
    // SAFETY: the image ends with NUL; two options with two values; the log is as long as is said.
    let status = unsafe {
        let image = image.as_ptr().cast();
        sys::cuModuleLoadDataEx(&raw mut module, image, 2, options.as_mut_ptr(), values.as_mut_ptr())
    };
    let text = CStr::from_bytes_until_nul(&log).unwrap().to_string_lossy().into_owned();
    (status as u32, text)
}

#[test]
fn what_is_no_ptx_is_refused_with_a_reason() {
    program("refusals::what_is_no_ptx_is_refused_with_a_reason", &[], || {
        CudaContext::new(0).unwrap().bind_to_thread().unwrap();
        let context = CudaContext::new(0).unwrap();
        context.bind_to_thread().unwrap();
        let (status, log) = load(b"\x7fELF\x02\x01\0");
        assert!(status == 209 && log.contains("the virtual device runs PTX"), "{status} {log}");
        assert_eq!(load(b"\x50\xed\x55\xba\0").0, 209);
        let (status, log) = load(format!("{}\0", PTX.replace("9.0", "9.5")).as_bytes());
        assert!(status == 222 && log.contains("PTX 9.5 is newer than 9.0"), "{status} {log}");
        let broken = PTX.replacen("fma.rn.f32", "fmu.rn.f32", 1);
        let line = 1 + broken.lines().position(|line| line.contains("fmu.rn")).unwrap();
        let (status, log) = load(format!("{broken}\0").as_bytes());
        assert!(status == 218 && log.contains(&format!("PTX line {line}:")), "{status} {log}");
        assert_eq!(load(b"\0").0, 218);
        assert_eq!(load(format!("{PTX}\0").as_bytes()), (0, String::new()));
    });
}

#[test]
fn null_and_stale_handles_are_errors() {
    program("refusals::null_and_stale_handles_are_errors", &[], || {
        let (context, module) = open();
        assert_eq!(code(module.load_function("nothing").map(|_| ())), 500);
        // SAFETY: null, and handles of what is gone, are refused.
        unsafe {
            assert_eq!(sys::cuDeviceGetCount(ptr::null_mut()) as u32, 1);
            assert_eq!(sys::cuModuleGetFunction(ptr::null_mut(), ptr::null_mut(), ptr::null()) as u32, 1);
            assert_eq!(sys::cuMemcpyDtoH_v2(ptr::null_mut(), 16, 1) as u32, 1);
            assert_eq!(sys::cuModuleLoadData(ptr::null_mut(), ptr::null()) as u32, 1);
            let no_kernel = ptr::null_mut();
            let stream = context.default_stream().cu_stream();
            let parameters = ptr::null_mut();
            let status =
                sys::cuLaunchKernel(no_kernel, 1, 1, 1, 1, 1, 1, 0, stream, parameters, ptr::null_mut());
            assert_eq!(status as u32, 400);
            let mut event = ptr::null_mut();
            ok(sys::cuEventCreate(&raw mut event, 0));
            ok(sys::cuEventDestroy_v2(event));
            assert_eq!(sys::cuEventQuery(event) as u32, 400);
        }
        context.synchronize().unwrap();
    });
}

#[test]
fn without_a_context_nothing_is_done() {
    program("refusals::without_a_context_nothing_is_done", &[], || {
        let mut address = 0;
        // SAFETY: pointers to locals.
        unsafe {
            let mut count = 0;
            assert_eq!(sys::cuDeviceGetCount(&raw mut count) as u32, 3);
            ok(sys::cuInit(0));
            assert_eq!(sys::cuMemAlloc_v2(&raw mut address, 8) as u32, 201);
            let mut context = ptr::null_mut();
            ok(sys::cuDevicePrimaryCtxRetain(&raw mut context, 0));
            ok(sys::cuCtxSetCurrent(context));
            ok(sys::cuMemAlloc_v2(&raw mut address, 8));
            ok(sys::cuMemFree_v2(address));
            ok(sys::cuDevicePrimaryCtxRelease_v2(0));
            assert_eq!(sys::cuMemAlloc_v2(&raw mut address, 8) as u32, 201);
        }
    });
}

#[test]
fn names_lead_to_functions_and_unknown_ones_to_none() {
    program("refusals::names_lead_to_functions_and_unknown_ones_to_none", &[], || {
        let mut found = ptr::null_mut();
        let mut result = sys::CUdriverProcAddressQueryResult::CU_GET_PROC_ADDRESS_SUCCESS;
        for (name, status) in [(c"cuMemAlloc", 0), (c"cuInit", 0), (c"cuTexObjectCreate", 500)] {
            // SAFETY: a name that ends with NUL, and pointers to locals.
            let outcome = unsafe {
                sys::cuGetProcAddress_v2(name.as_ptr(), &raw mut found, 13_000, 0, &raw mut result)
            };
            assert_eq!((outcome as u32, found.is_null()), (status, status != 0), "{name:?}");
        }
    });
}

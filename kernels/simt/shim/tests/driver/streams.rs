//! Events, capture, and what cannot be captured.

use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaStream, PushKernelArg, sys};

use super::{code, kernel, ok, open, program, shape};

const GLOBAL: sys::CUstreamCaptureMode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_GLOBAL;
const UPLOAD: sys::CUgraphInstantiate_flags =
    sys::CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH;

#[test]
fn events_have_times_and_streams_wait_for_them() {
    program("streams::events_have_times_and_streams_wait_for_them", &[], || {
        let context = CudaContext::new(0).unwrap();
        let (a, b) = (context.new_stream().unwrap(), context.new_stream().unwrap());
        let timed = Some(sys::CUevent_flags::CU_EVENT_DEFAULT);
        let start = a.record_event(timed).unwrap();
        b.wait(&start).unwrap();
        let x = b.alloc_zeros::<u32>(10).unwrap();
        let end = b.record_event(timed).unwrap();
        a.join(&b).unwrap();
        assert!(start.elapsed_ms(&end).unwrap() >= 0.0);
        let untimed = a.record_event(None).unwrap();
        assert_eq!(code(start.elapsed_ms(&untimed)), 400);
        assert_eq!(a.clone_dtoh(&x).unwrap(), [0; 10]);
    });
}

#[test]
fn a_captured_stream_replays() {
    program("streams::a_captured_stream_replays", &[], || {
        let (context, module) = open();
        // SAFETY: this thread orders everything itself.
        unsafe { context.disable_event_tracking() };
        let (stream, other) = (context.new_stream().unwrap(), context.new_stream().unwrap());
        let x = stream.clone_htod(&[1f32; 256]).unwrap();
        let mut y = stream.alloc_zeros::<f32>(256).unwrap();
        let mut copy = stream.alloc_zeros::<f32>(256).unwrap();
        let saxpy = kernel(&module, "saxpy");
        stream.begin_capture(GLOBAL).unwrap();
        let mut launch = stream.launch_builder(&saxpy);
        launch.arg(&mut y).arg(&x).arg(&2f32).arg(&256u32);
        // SAFETY: the arguments are those of the kernel.
        unsafe { launch.launch(shape(2, 128, 0)) }.unwrap();
        // The copy is of another stream, which joins and comes back.
        other.join(&stream).unwrap();
        other.memcpy_dtod(&y, &mut copy).unwrap();
        stream.join(&other).unwrap();
        let graph = stream.end_capture(UPLOAD).unwrap().unwrap();
        assert_eq!(stream.clone_dtoh(&copy).unwrap(), [0.0; 256]);
        for _ in 0..3 {
            graph.launch().unwrap();
        }
        assert_eq!(stream.clone_dtoh(&copy).unwrap(), [6.0; 256]);
    });
}

/// A stream that captures.
fn capturing() -> (Arc<CudaContext>, Arc<CudaStream>) {
    let context = CudaContext::new(0).unwrap();
    // SAFETY: this thread orders everything itself.
    unsafe { context.disable_event_tracking() };
    let stream = context.new_stream().unwrap();
    stream.begin_capture(GLOBAL).unwrap();
    (context, stream)
}

#[test]
fn what_cannot_be_captured_has_the_codes_of_cuda() {
    let said = program("streams::what_cannot_be_captured_has_the_codes_of_cuda", &[], || {
        let (context, stream) = capturing();
        assert_eq!(code(stream.begin_capture(GLOBAL)), 401);
        assert_eq!(code(stream.synchronize()), 900);
        let active = sys::CUstreamCaptureStatus::CU_STREAM_CAPTURE_STATUS_INVALIDATED;
        assert_eq!(stream.capture_status().unwrap(), active);
        assert_eq!(code(stream.end_capture(UPLOAD).map(|_| ())), 901);
        assert_eq!(code(stream.end_capture(UPLOAD).map(|_| ())), 903);

        stream.begin_capture(GLOBAL).unwrap();
        let mut address = 0;
        // SAFETY: a pointer to a local.
        assert_eq!(unsafe { sys::cuMemAlloc_v2(&raw mut address, 8) } as u32, 900);
        assert_eq!(code(stream.end_capture(UPLOAD).map(|_| ())), 901);

        let outside = stream.record_event(None).unwrap();
        stream.begin_capture(GLOBAL).unwrap();
        assert_eq!(code(stream.wait(&outside)), 905);
        assert_eq!(code(stream.end_capture(UPLOAD).map(|_| ())), 901);

        let other = context.new_stream().unwrap();
        let mut x = other.alloc_zeros::<u32>(1).unwrap();
        stream.begin_capture(GLOBAL).unwrap();
        other.join(&stream).unwrap();
        other.memset_zeros(&mut x).unwrap();
        assert_eq!(code(stream.end_capture(UPLOAD).map(|_| ())), 904);
        stream.synchronize().unwrap();
    });
    assert!(said.is_none_or(|said| said.contains("cuMemAlloc cannot be captured")));
}

#[test]
fn a_function_of_the_host_is_called_in_order() {
    unsafe extern "C" fn add(data: *mut std::ffi::c_void) {
        // SAFETY: the test passes the address of a number that outlives the stream.
        unsafe { *data.cast::<u32>() += 1 };
    }
    program("streams::a_function_of_the_host_is_called_in_order", &[], || {
        let (_context, stream) = capturing();
        let mut calls = 0u32;
        let data = (&raw mut calls).cast();
        // SAFETY: the number outlives the graph.
        ok(unsafe { sys::cuLaunchHostFunc(stream.cu_stream(), Some(add), data) });
        let graph = stream.end_capture(UPLOAD).unwrap().unwrap();
        graph.launch().unwrap();
        graph.launch().unwrap();
        // SAFETY: as above.
        ok(unsafe { sys::cuLaunchHostFunc(stream.cu_stream(), Some(add), data) });
        stream.synchronize().unwrap();
        assert_eq!(calls, 3);
    });
}

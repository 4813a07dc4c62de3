//! Copies, fills, pinned memory, leaks.

use std::mem::MaybeUninit;

use cudarc::driver::{CudaContext, sys};

use super::{code, ok, program};

#[test]
fn bytes_come_back_as_they_were_written() {
    let said = program("memory::bytes_come_back_as_they_were_written", &[], || {
        let context = CudaContext::new(0).unwrap();
        let stream = context.new_stream().unwrap();
        let numbers: Vec<u32> = (0..4096).collect();
        let x = stream.clone_htod(&numbers).unwrap();
        let y = stream.clone_dtod(&x).unwrap();
        assert_eq!(stream.clone_dtoh(&y).unwrap(), numbers);
        assert_eq!(stream.clone_dtoh(&y.slice(7..9)).unwrap(), [7, 8]);
        // SAFETY: read below only after it was written.
        let mut pinned = unsafe { context.alloc_pinned::<u32>(4096) }.unwrap();
        stream.memcpy_dtoh(&x, &mut pinned).unwrap();
        assert_eq!(pinned.as_slice().unwrap(), numbers);
        assert_eq!(stream.clone_dtoh(&stream.alloc_zeros::<u8>(5).unwrap()).unwrap(), [0; 5]);
    });
    assert!(said.is_none_or(|said| !said.contains("simt:")));
}

#[test]
fn rows_are_copied_and_filled() {
    program("memory::rows_are_copied_and_filled", &[], || {
        let context = CudaContext::new(0).unwrap();
        context.bind_to_thread().unwrap();
        let mut buffer = 0;
        let mut back = [0u8; 12];
        // SAFETY: pointers to locals; the buffer has 32 bytes, of which two rows of four at a pitch of 16 are filled,
        // and then copied to the second and third of three packed rows.
        unsafe {
            ok(sys::cuMemAlloc_v2(&raw mut buffer, 32));
            ok(sys::cuMemsetD8_v2(buffer, 1, 32));
            ok(sys::cuMemsetD2D8_v2(buffer, 16, 7, 3, 2));
            // Zero is no kind of memory, so the structure is whole only once both are set.
            let mut place = MaybeUninit::<sys::CUDA_MEMCPY2D>::zeroed();
            let copy = place.as_mut_ptr();
            (*copy).srcMemoryType = sys::CUmemorytype::CU_MEMORYTYPE_DEVICE;
            (*copy).srcDevice = buffer;
            (*copy).srcPitch = 16;
            (*copy).dstMemoryType = sys::CUmemorytype::CU_MEMORYTYPE_HOST;
            (*copy).dstHost = back.as_mut_ptr().cast();
            (*copy).dstPitch = 4;
            (*copy).dstY = 1;
            (*copy).WidthInBytes = 4;
            (*copy).Height = 2;
            ok(sys::cuMemcpy2D_v2(copy));
            ok(sys::cuMemFree_v2(buffer));
        }
        assert_eq!(back, [0, 0, 0, 0, 7, 7, 7, 1, 7, 7, 7, 1]);
    });
}

#[test]
fn a_copy_past_its_buffer_and_a_second_release_are_refused() {
    let said = program("memory::a_copy_past_its_buffer_and_a_second_release_are_refused", &[], || {
        let context = CudaContext::new(0).unwrap();
        context.bind_to_thread().unwrap();
        let (mut buffer, bytes) = (0, [0u8; 32]);
        // SAFETY: pointers to locals; the rest is refused.
        unsafe {
            ok(sys::cuMemAlloc_v2(&raw mut buffer, 16));
            assert_eq!(sys::cuMemcpyHtoD_v2(buffer, bytes.as_ptr().cast(), 17) as u32, 1);
            assert_eq!(sys::cuMemAlloc_v2(&raw mut buffer, 0) as u32, 1);
            assert_eq!(sys::cuMemAlloc_v2(std::ptr::null_mut(), 8) as u32, 1);
            assert_eq!(sys::cuMemAlloc_v2(&raw mut buffer, 1 << 50) as u32, 2);
            assert_eq!(sys::cuMemcpyHtoD_v2(buffer, bytes.as_ptr().cast(), 16) as u32, 0);
            ok(sys::cuMemFree_v2(buffer));
            assert_eq!(sys::cuMemFree_v2(buffer) as u32, 1);
        }
        assert_eq!(code(context.synchronize()), 0);
    });
    if let Some(said) = said {
        assert!(said.contains("simt: cuMemcpyHtoD:") && said.contains("simt: cuMemFree:"), "{said}");
    }
}

#[test]
fn what_was_not_freed_is_said_at_the_end() {
    let said = program("memory::what_was_not_freed_is_said_at_the_end", &[], || {
        let context = CudaContext::new(0).unwrap();
        let stream = context.default_stream();
        let _ = stream.alloc_zeros::<u8>(77).unwrap().leak();
    });
    if let Some(said) = said {
        assert!(said.contains("simt: 1 buffers (77 bytes) were never freed"), "{said}");
        assert!(said.contains("cuMemAlloc"), "{said}");
    }
}

#[test]
fn an_address_says_whose_it_is() {
    program("memory::an_address_says_whose_it_is", &[], || {
        let context = CudaContext::new(0).unwrap();
        context.bind_to_thread().unwrap();
        let (mut buffer, mut kind, mut begin, mut size) = (0u64, 0u32, 0u64, 0usize);
        use sys::CUpointer_attribute_enum as Attribute;
        // SAFETY: pointers to locals of the widths that the attributes have.
        unsafe {
            ok(sys::cuMemAlloc_v2(&raw mut buffer, 100));
            let of_kind = Attribute::CU_POINTER_ATTRIBUTE_MEMORY_TYPE;
            ok(sys::cuPointerGetAttribute((&raw mut kind).cast(), of_kind, buffer + 9));
            let of_begin = Attribute::CU_POINTER_ATTRIBUTE_RANGE_START_ADDR;
            ok(sys::cuPointerGetAttribute((&raw mut begin).cast(), of_begin, buffer + 9));
            assert_eq!(sys::cuPointerGetAttribute((&raw mut kind).cast(), of_kind, 16) as u32, 1);
            ok(sys::cuMemGetAddressRange_v2(std::ptr::null_mut(), &raw mut size, buffer + 9));
            ok(sys::cuMemFree_v2(buffer));
        }
        assert_eq!((kind, begin, size), (2, buffer, 100));
    });
}

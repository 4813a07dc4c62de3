//! Pinned memory of the host. It is ordinary memory: kernels cannot use it, only copies can.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ffi::{c_int, c_uint};
use std::sync::PoisonError;

use crate::boundary::{Host, Out};
use crate::session::{Session, session};
use crate::status::{Outcome, Status};

/// Its alignment: a page.
const PAGE: usize = 4096;

fn layout(bytes: usize) -> Outcome<Layout> {
    Layout::from_size_align(bytes, PAGE).map_err(|_| Status::OUT_OF_MEMORY)
}

fn allocate(session: &Session, pointer: Out<Host>, bytes: usize) -> Outcome {
    if bytes == 0 || pointer.is_null() {
        return Err(Status::INVALID_VALUE);
    }
    // SAFETY: the size is not zero.
    let memory = unsafe { alloc_zeroed(layout(bytes)?) };
    if memory.is_null() {
        return Err(Status::OUT_OF_MEMORY);
    }
    // Programs get the address as a number, and give it back as one.
    let address = memory.expose_provenance() as u64;
    session.pinned.lock().unwrap_or_else(PoisonError::into_inner).insert(address, (bytes, true));
    pointer.set(Host::at(address))
}

exports! {
    fn cuMemAllocHost_v2(pointer: Out<Host>, bytes: usize) {
        allocate(&*session()?, pointer, bytes)
    }
    fn cuMemHostAlloc(pointer: Out<Host>, bytes: usize, flags: c_uint) {
        // Portable, mapped, write-combined. Mapped memory is given, and has no address for kernels.
        if flags & !7 != 0 {
            return Err(Status::INVALID_VALUE);
        }
        allocate(&*session()?, pointer, bytes)
    }
    fn cuMemFreeHost(pointer: Host) {
        let session = session()?;
        let mut pinned = session.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        match pinned.get(&pointer.address()) {
            Some(&(bytes, true)) => {
                pinned.remove(&pointer.address());
                let memory: *mut u8 = std::ptr::with_exposed_provenance_mut(pointer.address() as usize);
                // SAFETY: allocated above with this layout, and forgotten just now, so freed once.
                unsafe { dealloc(memory, layout(bytes)?) };
                Ok(())
            }
            _ => Err(Status::INVALID_VALUE),
        }
    }
    fn cuMemHostRegister_v2(pointer: Host, bytes: usize, flags: c_uint) {
        let session = session()?;
        if pointer.is_null() || bytes == 0 || flags & !15 != 0 {
            return Err(Status::INVALID_VALUE);
        }
        let mut pinned = session.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        let (begin, end) = (pointer.address(), pointer.address().saturating_add(bytes as u64));
        if pinned.iter().any(|(&other, &(size, _))| other < end && begin < other + size as u64) {
            return Err(Status::HOST_MEMORY_ALREADY_REGISTERED);
        }
        pinned.insert(begin, (bytes, false));
        Ok(())
    }
    fn cuMemHostUnregister(pointer: Host) {
        let session = session()?;
        let mut pinned = session.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        match pinned.get(&pointer.address()) {
            Some((_, false)) => {
                pinned.remove(&pointer.address());
                Ok(())
            }
            _ => Err(Status::HOST_MEMORY_NOT_REGISTERED),
        }
    }
    fn cuMemHostGetDevicePointer_v2(address: Out<u64>, pointer: Host, flags: c_uint) {
        let _ = (address, pointer, flags);
        session()?;
        Err(Status::NOT_SUPPORTED)
    }
    fn cuMemHostGetFlags(flags: Out<c_uint>, pointer: Host) {
        let session = session()?;
        let pinned = session.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        if pinned.contains_key(&pointer.address()) { flags.set(0) } else { Err(Status::INVALID_VALUE) }
    }
    fn cuMemPrefetchAsync_v2(address: u64, bytes: usize, location: u64, flags: c_uint, stream: usize) {
        let _: (u64, usize, u64, c_uint, usize, c_int) = (address, bytes, location, flags, stream, 0);
        session()?;
        Err(Status::NOT_SUPPORTED)
    }
}

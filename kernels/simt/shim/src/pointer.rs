//! What an address belongs to.

use std::ffi::{c_int, c_uint, c_void};
use std::sync::PoisonError;

use crate::boundary::{Host, In, Out};
use crate::handles::Handle;
use crate::session::{Session, current, session};
use crate::status::{Outcome, Status};

/// One attribute of an address (`CUpointer_attribute`), written as wide as it is.
fn attribute(session: &Session, into: *mut c_void, attribute: c_int, address: u64) -> Outcome {
    let buffer = session.device.buffer_at(address);
    let pinned = session.pinned.lock().unwrap_or_else(PoisonError::into_inner);
    let host = pinned.iter().find(|(begin, (size, _))| (**begin..**begin + *size as u64).contains(&address));
    if buffer.is_none() && host.is_none() {
        return Err(Status::INVALID_VALUE);
    }
    let begin = buffer.as_ref().map(|buffer| buffer.1).or(host.map(|host| *host.0)).unwrap_or(0);
    let bytes = buffer.as_ref().map(|buffer| buffer.2).or(host.map(|host| host.1.0 as u64)).unwrap_or(0);
    // A place for a result of the width that the attribute has; the caller promised as much.
    let (word, half) = (Out::<u64>::untyped(into), Out::<u32>::untyped(into));
    match attribute {
        // The context.
        1 => word.set(current()? as u64),
        // Whether it is of the host (1) or the device (2).
        2 => half.set(if buffer.is_some() { 2 } else { 1 }),
        3 if buffer.is_some() => word.set(address),
        4 if buffer.is_none() => word.set(address),
        // Synchronous copies, managed memory, the device, IPC: bytes and small numbers.
        6 | 8 => Out::<u8>::untyped(into).set(0),
        // A number of the buffer that no other has: where it begins.
        7 | 11 => word.set(begin),
        9 => half.set(0),
        12 => word.set(bytes),
        13 => Out::<u8>::untyped(into).set(1),
        3 | 4 => Err(Status::INVALID_VALUE),
        _ => Err(Status::NOT_SUPPORTED),
    }
}

exports! {
    fn cuPointerGetAttribute(into: *mut c_void, wanted: c_int, address: u64) {
        attribute(&*session()?, into, wanted, address)
    }
    fn cuPointerGetAttributes(count: c_uint, wanted: In<c_int>, into: In<*mut c_void>, address: u64) {
        let session = session()?;
        let places = into.list(count as usize)?;
        for (wanted, place) in wanted.list(count as usize)?.into_iter().zip(places) {
            // Of an address that is nobody's there is no error here: its values are zero.
            if let Err(status) = attribute(&session, place, wanted, address)
                && status != Status::INVALID_VALUE
            {
                return Err(status);
            }
        }
        Ok(())
    }
    fn cuPointerSetAttribute(value: Host, wanted: c_int, address: u64) {
        let _: (Host, c_int, u64, Handle) = (value, wanted, address, 0);
        session()?;
        // Synchronous copies: all of them are.
        if wanted == 6 { Ok(()) } else { Err(Status::NOT_SUPPORTED) }
    }
}

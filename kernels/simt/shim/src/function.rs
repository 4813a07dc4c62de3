//! What is known of a kernel.

use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::boundary::Out;
use crate::handles::{Handle, Kind, handle, parts};
use crate::module::kernel;
use crate::session::{Session, session};
use crate::status::{Outcome, Status};

/// `CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES`
const DYNAMIC_SHARED: c_int = 8;

/// An attribute (`CUfunction_attribute`). How many registers a kernel takes is decided by a compiler that does not run
/// here: 0.
///
/// # Errors
/// [`Status::INVALID_HANDLE`], [`Status::INVALID_VALUE`].
pub fn attribute(session: &Session, attribute: c_int, function: Handle) -> Outcome<c_int> {
    let (loaded, number, function) = kernel(session, function)?;
    let limits = session.device.limits();
    let value = match attribute {
        0 => function.max_threads(),
        1 => function.shared_bytes(),
        2 => function.const_bytes(),
        3 => function.local_bytes(),
        4 => 0,
        5 => loaded.version,
        6 => limits.major * 10 + limits.minor,
        7 => 0,
        DYNAMIC_SHARED => loaded
            .dynamic(number)
            .unwrap_or_else(|| limits.default_shared_bytes.saturating_sub(function.shared_bytes())),
        // The split between shared memory and cache: no wish.
        9 => return Ok(-1),
        10..=17 => 0,
        _ => return Err(Status::INVALID_VALUE),
    };
    Ok(c_int::try_from(value).unwrap_or(c_int::MAX))
}

/// Sets an attribute.
///
/// # Errors
/// [`Status::INVALID_HANDLE`]; [`Status::INVALID_VALUE`] for more shared memory than a block has, and for attributes
/// that cannot be set; [`Status::NOT_SUPPORTED`] for clusters.
pub fn set_attribute(session: &Session, function: Handle, attribute: c_int, value: c_int) -> Outcome {
    let (loaded, number, function) = kernel(session, function)?;
    match attribute {
        DYNAMIC_SHARED => {
            let most = session.device.limits().max_shared_bytes.saturating_sub(function.shared_bytes());
            let bytes =
                u32::try_from(value).ok().filter(|bytes| *bytes <= most).ok_or(Status::INVALID_VALUE)?;
            loaded.set_dynamic(number, bytes);
            Ok(())
        }
        9 if (-1..=100).contains(&value) => Ok(()),
        10..=15 => Err(Status::NOT_SUPPORTED),
        _ => Err(Status::INVALID_VALUE),
    }
}

/// Where a parameter begins, and its size.
///
/// # Errors
/// [`Status::INVALID_VALUE`] behind the last one.
pub fn parameter(
    session: &Session,
    function: Handle,
    index: usize,
    offset: Out<usize>,
    bytes: Out<usize>,
) -> Outcome {
    let (_, _, function) = kernel(session, function)?;
    let parameter = function.parameters().get(index).ok_or(Status::INVALID_VALUE)?;
    offset.set(parameter.offset as usize)?;
    bytes.offer(parameter.bytes as usize);
    Ok(())
}

/// The name of a kernel. The text stays for as long as the process: programs keep the pointer.
///
/// # Errors
/// [`Status::INVALID_HANDLE`].
pub fn name(session: &Session, into: Out<*const c_char>, function: Handle) -> Outcome {
    static NAMES: OnceLock<Mutex<HashMap<String, CString>>> = OnceLock::new();
    let (_, _, function) = kernel(session, function)?;
    let mut names = NAMES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let text = CString::new(function.name()).map_err(|_| Status::UNKNOWN)?;
    let kept = names.entry(function.name().to_owned()).or_insert(text);
    into.set(kept.as_ptr())
}

exports! {
    fn cuFuncGetAttribute(value: Out<c_int>, wanted: c_int, function: Handle) {
        value.set(attribute(&*session()?, wanted, function)?)
    }
    fn cuFuncSetAttribute(function: Handle, wanted: c_int, value: c_int) {
        set_attribute(&*session()?, function, wanted, value)
    }
    fn cuFuncSetCacheConfig(function: Handle, config: c_int) {
        kernel(&*session()?, function)?;
        if (0..=3).contains(&config) { Ok(()) } else { Err(Status::INVALID_VALUE) }
    }
    fn cuFuncGetModule(module: Out<Handle>, function: Handle) {
        kernel(&*session()?, function)?;
        module.set(handle(Kind::Module, parts(Kind::Function, function)?.0, 0))
    }
    fn cuFuncGetName(into: Out<*const c_char>, function: Handle) {
        name(&*session()?, into, function)
    }
    fn cuFuncGetParamInfo(function: Handle, index: usize, offset: Out<usize>, bytes: Out<usize>) {
        parameter(&*session()?, function, index, offset, bytes)
    }
    fn cuFuncIsLoaded(state: Out<c_int>, function: Handle) {
        kernel(&*session()?, function)?;
        state.set(1)
    }
    fn cuFuncLoad(function: Handle) {
        kernel(&*session()?, function).map(|_| ())
    }
}

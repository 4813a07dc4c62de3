//! Contexts. All of them share one device, with its memory, modules and streams.

use std::ffi::{c_int, c_uint, c_void};

use crate::boundary::Out;
use crate::device::device;
use crate::handles::{Handle, Kind, handle};
use crate::session::{PRIMARY, any_session, current, process, session, stack};
use crate::status::{Outcome, Status};

/// Makes a context, and makes it current.
fn create(context: Out<Handle>, flags: c_uint, ordinal: c_int) -> Outcome {
    device(ordinal)?;
    if context.is_null() {
        return Err(Status::INVALID_VALUE);
    }
    let mut process = process();
    process.begin()?;
    process.made += 1;
    let made = handle(Kind::Context, process.made, 0);
    process.contexts.insert(made, flags);
    stack(|stack| stack.push(made))?;
    context.set(made)
}

/// Ends the session once there is no context. What was not freed is said without the lock.
fn end() {
    let ended = process().end();
    drop(ended);
}

exports! {
    fn cuDevicePrimaryCtxRetain(context: Out<Handle>, ordinal: c_int) {
        device(ordinal)?;
        if context.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        let mut process = process();
        process.begin()?;
        process.retained += 1;
        context.set(PRIMARY)
    }
    fn cuDevicePrimaryCtxRelease_v2(ordinal: c_int) {
        device(ordinal)?;
        {
            let mut process = process();
            process.retained = process.retained.checked_sub(1).ok_or(Status::INVALID_CONTEXT)?;
        }
        end();
        Ok(())
    }
    fn cuDevicePrimaryCtxReset_v2(ordinal: c_int) {
        device(ordinal)?;
        // The handle stays valid and what was on the device is gone.
        let ended = process().end_anyway();
        drop(ended);
        let mut process = process();
        if process.retained > 0 || !process.contexts.is_empty() { process.begin() } else { Ok(()) }
    }
    fn cuDevicePrimaryCtxGetState(ordinal: c_int, flags: Out<c_uint>, active: Out<c_int>) {
        device(ordinal)?;
        let process = process();
        flags.set(process.flags)?;
        active.set(c_int::from(process.retained > 0))
    }
    fn cuDevicePrimaryCtxSetFlags_v2(ordinal: c_int, flags: c_uint) {
        device(ordinal)?;
        process().flags = flags;
        Ok(())
    }
    fn cuCtxCreate_v2(context: Out<Handle>, flags: c_uint, ordinal: c_int) {
        create(context, flags, ordinal)
    }
    fn cuCtxCreate_v4(context: Out<Handle>, parameters: *const c_void, flags: c_uint, ordinal: c_int) {
        if parameters.is_null() { create(context, flags, ordinal) } else { Err(Status::NOT_SUPPORTED) }
    }
    fn cuCtxDestroy_v2(context: Handle) {
        if process().contexts.remove(&context).is_none() {
            return Err(Status::INVALID_CONTEXT);
        }
        stack(|stack| {
            if stack.last() == Some(&context) {
                stack.pop();
            }
        })?;
        end();
        Ok(())
    }
    fn cuCtxSetCurrent(context: Handle) {
        if context != 0 && !process().is_context(context) {
            return Err(Status::INVALID_CONTEXT);
        }
        stack(|stack| {
            stack.pop();
            if context != 0 {
                stack.push(context);
            }
        })
    }
    fn cuCtxGetCurrent(context: Out<Handle>) {
        process().settings()?;
        context.set(current()?)
    }
    fn cuCtxPushCurrent_v2(context: Handle) {
        if !process().is_context(context) {
            return Err(Status::INVALID_CONTEXT);
        }
        stack(|stack| stack.push(context))
    }
    fn cuCtxPopCurrent_v2(context: Out<Handle>) {
        let popped = stack(Vec::pop)?.ok_or(Status::INVALID_CONTEXT)?;
        context.offer(popped);
        Ok(())
    }
    fn cuCtxGetDevice(found: Out<c_int>) {
        any_session()?;
        found.set(0)
    }
    fn cuCtxGetDevice_v2(found: Out<c_int>, context: Handle) {
        if context != 0 && !process().is_context(context) {
            return Err(Status::INVALID_CONTEXT);
        }
        found.set(0)
    }
    fn cuCtxGetFlags(flags: Out<c_uint>) {
        any_session()?;
        let process = process();
        flags.set(process.contexts.get(&current()?).copied().unwrap_or(process.flags))
    }
    fn cuCtxSetFlags(flags: c_uint) {
        any_session()?;
        let current = current()?;
        let mut process = process();
        match process.contexts.get_mut(&current) {
            Some(own) => *own = flags,
            None => process.flags = flags,
        }
        Ok(())
    }
    fn cuCtxGetId(context: Handle, id: Out<u64>) {
        let context = if context == 0 { current()? } else { context };
        if process().is_context(context) { id.set(context as u64) } else { Err(Status::INVALID_CONTEXT) }
    }
    fn cuCtxGetApiVersion(context: Handle, version: Out<c_uint>) {
        let _ = context;
        any_session()?;
        version.set(3020)
    }
    fn cuCtxSynchronize() {
        let session = session()?;
        session.of_stream("cuCtxSynchronize", session.streams.forbid("cuCtxSynchronize", true))
    }
    fn cuCtxGetLimit(value: Out<usize>, limit: c_int) {
        let session = session()?;
        value.set(match limit {
            // Stack of a thread; buffer of printf; heap of malloc in kernels, which is not there.
            0 => 1024,
            1 => 1 << 20,
            2 => 0,
            _ => {
                let _ = session;
                return Err(Status::UNSUPPORTED_LIMIT);
            }
        })
    }
    fn cuCtxSetLimit(limit: c_int, value: usize) {
        let _ = value;
        session()?;
        // Stacks and buffers grow as they need to; there is no heap to set.
        if matches!(limit, 0 | 1) { Ok(()) } else { Err(Status::UNSUPPORTED_LIMIT) }
    }
    fn cuCtxGetCacheConfig(config: Out<c_int>) {
        session()?;
        config.set(0)
    }
    fn cuCtxSetCacheConfig(config: c_int) {
        session()?;
        if (0..=3).contains(&config) { Ok(()) } else { Err(Status::INVALID_VALUE) }
    }
    fn cuCtxGetStreamPriorityRange(least: Out<c_int>, greatest: Out<c_int>) {
        session()?;
        least.offer(0);
        greatest.offer(-5);
        Ok(())
    }
    fn cuCtxEnablePeerAccess(peer: Handle, flags: c_uint) {
        let _ = (peer, flags);
        session()?;
        Err(Status::PEER_ACCESS_UNSUPPORTED)
    }
}

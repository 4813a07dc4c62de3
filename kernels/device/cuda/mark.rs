//! Places in the order of what a stream does.

use std::collections::HashMap;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cudarc::driver::sys::{self, CUevent, CUstream};

use super::context::Context;
use crate::device::graph::new_handle;
use crate::device::{DeviceError, Mark};

/// An event of the driver, without a time.
pub(super) struct Event {
    context: Arc<Context>,
    event: CUevent,
}

// SAFETY: the driver's functions take handles from any thread, once the context is current in it (`enter`).
unsafe impl Send for Event {}

impl Event {
    /// The context is current, here and below.
    pub(super) fn new(context: &Arc<Context>) -> Result<Self, DeviceError> {
        let mut event = ptr::null_mut();
        let flags = sys::CUevent_flags::CU_EVENT_DISABLE_TIMING as u32;
        // SAFETY: the pointer is valid for a write.
        context.check("cuEventCreate", unsafe { sys::cuEventCreate(&raw mut event, flags) })?;
        Ok(Self { context: Arc::clone(context), event })
    }

    /// Puts it behind everything in a stream of its context.
    pub(super) fn record(&self, stream: CUstream) -> Result<(), DeviceError> {
        // SAFETY: the event and the stream are alive.
        self.context.check("cuEventRecord", unsafe { sys::cuEventRecord(self.event, stream) })
    }

    /// Lets a stream wait for it.
    pub(super) fn hold(&self, stream: CUstream) -> Result<(), DeviceError> {
        // SAFETY: the event and the stream are alive; no flags are defined for plain streams.
        self.context.check("cuStreamWaitEvent", unsafe { sys::cuStreamWaitEvent(stream, self.event, 0) })
    }

    /// Waits for it.
    pub(super) fn wait(&self) -> Result<(), DeviceError> {
        // SAFETY: the event is alive.
        self.context.check("cuEventSynchronize", unsafe { sys::cuEventSynchronize(self.event) })
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // After a fault the context is gone, and with it the event.
        if self.context.enter().is_ok() {
            // SAFETY: made by this, destroyed once.
            let _ = unsafe { sys::cuEventDestroy_v2(self.event) };
        }
    }
}

/// The marks of a device that are alive.
#[derive(Default)]
pub(super) struct Marks(Mutex<HashMap<u64, Event>>);

impl Marks {
    /// A mark behind everything in the context's stream. The context is current, here and below.
    pub(super) fn make(self: &Arc<Self>, context: &Arc<Context>) -> Result<Mark, DeviceError> {
        let event = Event::new(context)?;
        event.record(context.stream())?;
        let (handle, marks) = (new_handle(), Arc::clone(self));
        self.lock().insert(handle, event);
        Ok(Mark::new(handle, Box::new(move |handle| drop(marks.lock().remove(&handle)))))
    }

    /// Lets a stream wait for a mark.
    pub(super) fn hold(&self, mark: &Mark, stream: CUstream) -> Result<(), DeviceError> {
        let (operation, message) = ("waiting for a mark", "it is of another device");
        let foreign = || DeviceError::Driver { operation: operation.to_owned(), message: message.to_owned() };
        self.lock().get(&mark.handle()).ok_or_else(foreign)?.hold(stream)
    }

    /// A thread that panicked while it held the lock left whole entries.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Event>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

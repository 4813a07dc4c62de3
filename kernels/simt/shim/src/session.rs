//! The device with everything on it, and the context that is current.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use simt::graph::{Graph, Instance};
use simt::stream::{StreamError, StreamId, Streams, Submitted};
use simt::{Device, Error, FaultKind, graph::Work};

use crate::handles::{Handle, Kind, Table, handle};
use crate::module::Loaded;
use crate::report;
use crate::settings::Settings;
use crate::status::{Outcome, Status};

/// The primary context.
pub const PRIMARY: Handle = handle(Kind::Context, 0, 0);

/// Everything on a device, from the first context to the end of the last.
pub struct Session {
    /// The device.
    pub device: Arc<Device>,
    /// Its streams and events.
    pub streams: Streams,
    /// Modules and libraries.
    pub modules: Table<Arc<Loaded>>,
    /// Graphs.
    pub graphs: Table<Graph>,
    /// Graphs that can be launched.
    pub instances: Table<Instance>,
    /// Memory pools: their release thresholds, which mean nothing here.
    pub pools: Table<u64>,
    /// Pinned and registered memory of the host: its size by its address, and whether it is ours.
    pub pinned: Mutex<HashMap<u64, (usize, bool)>>,
    faults: Option<PathBuf>,
    blocking: bool,
    fault: OnceLock<Status>,
}

/// What the process has.
#[derive(Default)]
pub struct Process {
    /// What the environment asked for at `cuInit`.
    pub settings: Option<Settings>,
    /// How often the primary context is retained.
    pub retained: u64,
    /// Its flags.
    pub flags: u32,
    /// Contexts that the program made: their flags by number.
    pub contexts: HashMap<Handle, u32>,
    /// How many contexts were ever made.
    pub made: u64,
    session: Option<Arc<Session>>,
}

thread_local! {
    static CURRENT: RefCell<Vec<Handle>> = const { RefCell::new(Vec::new()) };
}

/// What the process has.
pub fn process() -> MutexGuard<'static, Process> {
    static PROCESS: OnceLock<Mutex<Process>> = OnceLock::new();
    PROCESS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does something with the contexts of this thread, the current one last.
pub fn stack<R>(action: impl FnOnce(&mut Vec<Handle>) -> R) -> Outcome<R> {
    // It is gone while the thread ends.
    CURRENT.try_with(|stack| action(&mut stack.borrow_mut())).map_err(|_| Status::INVALID_CONTEXT)
}

/// The current context; 0 where there is none.
///
/// # Errors
/// While the thread ends.
pub fn current() -> Outcome<Handle> {
    stack(|stack| stack.last().copied().unwrap_or(0))
}

/// The session of the current context.
///
/// # Errors
/// Not initialised, no current context, one that is gone; and after a fault what that was.
pub fn session() -> Outcome<Arc<Session>> {
    let session = any_session()?;
    match session.fault.get() {
        Some(&status) => Err(status),
        None => Ok(session),
    }
}

/// The same, also after a fault.
///
/// # Errors
/// Not initialised, no current context, one that is gone.
pub fn any_session() -> Outcome<Arc<Session>> {
    let process = process();
    if process.settings.is_none() {
        return Err(Status::NOT_INITIALIZED);
    }
    if !process.is_context(current()?) {
        return Err(Status::INVALID_CONTEXT);
    }
    process.session.clone().ok_or(Status::INVALID_CONTEXT)
}

impl Process {
    /// What the environment asked for.
    ///
    /// # Errors
    /// [`Status::NOT_INITIALIZED`].
    pub fn settings(&self) -> Outcome<&Settings> {
        self.settings.as_ref().ok_or(Status::NOT_INITIALIZED)
    }

    /// Whether a context is there.
    #[must_use]
    pub fn is_context(&self, context: Handle) -> bool {
        (context == PRIMARY && self.retained > 0) || self.contexts.contains_key(&context)
    }

    /// Makes the device, unless it is there.
    ///
    /// # Errors
    /// [`Status::NOT_INITIALIZED`].
    pub fn begin(&mut self) -> Outcome {
        let settings = self.settings()?.clone();
        if self.session.is_none() {
            let device = Device::new(settings.options);
            self.session = Some(Arc::new(Session {
                streams: Streams::new(Arc::clone(&device)),
                device,
                modules: Table::new(Kind::Module),
                graphs: Table::new(Kind::Graph),
                instances: Table::new(Kind::Instance),
                pools: Table::new(Kind::Pool),
                pinned: Mutex::default(),
                faults: settings.faults,
                blocking: settings.blocking,
                fault: OnceLock::new(),
            }));
        }
        Ok(())
    }

    /// Takes the device with everything on it away, once there is no context. Whoever drops it must not hold the lock:
    /// it says what was not freed.
    #[must_use]
    pub fn end(&mut self) -> Option<Ended> {
        if self.retained == 0 && self.contexts.is_empty() { self.session.take().map(Ended) } else { None }
    }

    /// The same at the end of the process.
    #[must_use]
    pub fn end_anyway(&mut self) -> Option<Ended> {
        self.session.take().map(Ended)
    }
}

/// A session that nobody can reach any more.
pub struct Ended(Arc<Session>);

impl Drop for Ended {
    fn drop(&mut self) {
        // After a fault a program cannot free anything.
        if self.0.fault.get().is_none() {
            report::leaks(&self.0.device);
        }
    }
}

impl Session {
    /// What the device refused, as a status. It is said on standard error, because a number says little.
    pub fn refused(&self, call: &str, error: &Error) -> Status {
        if let Error::Fault(fault) = error {
            report::fault(fault, self.faults.as_deref());
        } else {
            report::note(&format!("{call}: {error}"));
        }
        Status::of_error(error)
    }

    /// What streams refused, as a status. A fault of a kernel is kept for every later call, and is no error of this
    /// one, because on a GPU the kernel would still run; unless launches block.
    ///
    /// # Errors
    /// What was refused.
    pub fn stopped(&self, call: &str, error: &StreamError) -> Outcome {
        let StreamError::Device(error) = error else {
            report::note(&format!("{call}: {error}"));
            return Err(Status::of_stream(error));
        };
        let status = self.refused(call, error);
        match error {
            Error::Fault(fault) if fault.kind != FaultKind::LaunchLimit => {
                let status = *self.fault.get_or_init(|| status);
                if self.blocking { Err(status) } else { Ok(()) }
            }
            _ => Err(status),
        }
    }

    /// Does work in a stream.
    ///
    /// # Errors
    /// What was refused.
    pub fn submit(&self, call: &str, stream: StreamId, work: Work) -> Outcome {
        match self.streams.submit(stream, work) {
            Ok(Submitted::Ran(Some(report))) if !report.printed.is_empty() => {
                print!("{}", report.printed);
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(error) => self.stopped(call, &error),
        }
    }

    /// An outcome of streams as one of the API.
    ///
    /// # Errors
    /// What was refused.
    pub fn of_stream<T>(&self, call: &str, outcome: Result<T, StreamError>) -> Outcome<T> {
        outcome.map_err(|error| {
            report::note(&format!("{call}: {error}"));
            Status::of_stream(&error)
        })
    }
}

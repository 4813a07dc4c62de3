//! What a node of a graph, or an operation of a stream, does.

use std::fmt;
use std::sync::Arc;

use super::Instance;
use crate::device::{Device, Error, Function, Launch, Report};

/// Fills the bytes that go to the device, when they go.
pub type Source = Arc<dyn Fn(&mut [u8]) + Send + Sync>;
/// Takes the bytes that come from the device, when they come.
pub type Sink = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// A kernel with everything that its launch needs.
#[derive(Clone)]
pub struct Kernel {
    /// The kernel.
    pub function: Function,
    /// How it is launched.
    pub launch: Launch,
    /// The bytes of all parameters, each at its offset.
    pub parameters: Vec<u8>,
}

/// What a node does.
#[derive(Clone)]
pub enum Work {
    /// Runs a kernel.
    Kernel(Kernel),
    /// Copies from the host to the device.
    Write {
        /// Where the bytes come from.
        from: Source,
        /// Where they go.
        to: u64,
        /// How many.
        bytes: u64,
    },
    /// Copies from the device to the host.
    Read {
        /// Where the bytes come from.
        from: u64,
        /// Where they go.
        to: Sink,
        /// How many.
        bytes: u64,
    },
    /// Copies within the device.
    Copy {
        /// Where the bytes come from.
        from: u64,
        /// Where they go.
        to: u64,
        /// How many.
        bytes: u64,
    },
    /// Sets `count` elements to a pattern of 1, 2 or 4 bytes.
    Fill {
        /// Where the first one is.
        to: u64,
        /// One element.
        pattern: Vec<u8>,
        /// How many.
        count: u64,
    },
    /// One after the other: the rows of a copy in two dimensions.
    Rows(Vec<Work>),
    /// Calls a function of the host.
    Host(Arc<dyn Fn() + Send + Sync>),
    /// Launches another graph.
    Graph(Arc<Instance>),
    /// Nothing: a node that others wait for.
    Empty,
}

/// Bytes of the device: begin, and end behind the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first byte.
    pub begin: u64,
    /// Behind the last byte.
    pub end: u64,
    /// Whether they are written.
    pub write: bool,
}

impl Work {
    /// What it is, in a word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Kernel(_) => "kernel",
            Self::Write { .. } => "copy to the device",
            Self::Read { .. } => "copy from the device",
            Self::Copy { .. } => "copy within the device",
            Self::Fill { .. } => "fill",
            Self::Rows(_) => "rows",
            Self::Host(_) => "call of the host",
            Self::Graph(_) => "graph",
            Self::Empty => "empty",
        }
    }

    /// Does it, and waits for it.
    ///
    /// # Errors
    /// What the device says. The report is that of a kernel.
    pub fn run(&self, device: &Device) -> Result<Option<Report>, Error> {
        match self {
            Self::Kernel(Kernel { function, launch, parameters }) => {
                return device.launch(function, launch, parameters).map(Some);
            }
            Self::Write { from, to, bytes } => {
                let mut staged = staging("copy to the device", *to, *bytes)?;
                from(&mut staged);
                device.write(*to, &staged)?;
            }
            Self::Read { from, to, bytes } => {
                let mut staged = staging("copy from the device", *from, *bytes)?;
                device.read(*from, &mut staged)?;
                to(&staged);
            }
            Self::Copy { from, to, bytes } => device.copy(*from, *to, *bytes)?,
            Self::Fill { to, pattern, count } => device.fill(*to, pattern, *count)?,
            Self::Rows(rows) => {
                for row in rows {
                    row.run(device)?;
                }
            }
            Self::Host(function) => function(),
            Self::Graph(instance) => {
                instance.launch(device).map_err(|stopped| stopped.error)?;
            }
            Self::Empty => {}
        }
        Ok(None)
    }

    /// Which bytes of the device it touches, as far as that is known beforehand: of kernels and calls of the host it
    /// is not.
    pub fn ranges(&self, found: &mut Vec<Range>) {
        let mut add = |begin: u64, bytes: u64, write| {
            if bytes > 0 {
                found.push(Range { begin, end: begin.saturating_add(bytes), write });
            }
        };
        match self {
            Self::Write { to, bytes, .. } => add(*to, *bytes, true),
            Self::Read { from, bytes, .. } => add(*from, *bytes, false),
            Self::Copy { from, to, bytes } => {
                add(*from, *bytes, false);
                add(*to, *bytes, true);
            }
            Self::Fill { to, pattern, count } => add(*to, count.saturating_mul(pattern.len() as u64), true),
            Self::Rows(rows) => rows.iter().for_each(|row| row.ranges(found)),
            Self::Graph(instance) => instance.graph().nodes().for_each(|(_, work)| work.ranges(found)),
            Self::Kernel(_) | Self::Host(_) | Self::Empty => {}
        }
    }
}

/// Memory of the host for a copy. A size from outside may be larger than the host; that is no reason to abort.
fn staging(operation: &'static str, address: u64, bytes: u64) -> Result<Vec<u8>, Error> {
    let problem = || Error::Address {
        operation,
        address,
        bytes,
        problem: "the host has no memory for so many bytes".to_owned(),
    };
    let size = usize::try_from(bytes).map_err(|_| problem())?;
    let mut staged = Vec::new();
    staged.try_reserve_exact(size).map_err(|_| problem())?;
    staged.resize(size, 0);
    Ok(staged)
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(kernel) => {
                write!(f, "kernel {} {:?}", kernel.function.name(), kernel.launch)
            }
            Self::Write { to, bytes, .. } => write!(f, "copy of {bytes} bytes to {to:#x}"),
            Self::Read { from, bytes, .. } => write!(f, "copy of {bytes} bytes from {from:#x}"),
            Self::Copy { from, to, bytes } => write!(f, "copy of {bytes} bytes from {from:#x} to {to:#x}"),
            Self::Fill { to, pattern, count } => write!(f, "fill of {count} x {pattern:?} at {to:#x}"),
            Self::Rows(rows) => write!(f, "{} rows, the first a {:?}", rows.len(), rows.first()),
            Self::Graph(instance) => write!(f, "graph of {} nodes", instance.graph().len()),
            Self::Host(_) | Self::Empty => f.write_str(self.name()),
        }
    }
}

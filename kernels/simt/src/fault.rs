//! What a kernel did wrong, and where.

use std::fmt;

use serde::Serialize;

use crate::ptx::Space;

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An access outside every buffer, or past the end of shared, local, constant or parameter memory.
    OutOfBounds,
    /// An access to memory that was freed.
    UseAfterFree,
    /// An address that is no multiple of the access's size.
    Misaligned,
    /// A read of memory, or of a register, that nothing wrote.
    Uninitialised,
    /// A write to constant memory or parameters.
    ReadOnly,
    /// Two accesses by different threads, one of them a write, that nothing orders.
    Race,
    /// `ld.global.nc` of what is written during the launch.
    ReadOnlyCacheStale,
    /// An access to what a kernel reads or writes that this one depends on, was launched before the end of, and has not
    /// waited for.
    EarlyAccess,
    /// An access to shared memory that a `cp.async` may still write.
    UnfinishedCopy,
    /// A shuffle, vote, match or warp barrier whose mask names lanes that do not take part, or leaves out who runs it.
    Mask,
    /// A shuffle that reads a lane which is not in its mask.
    InactiveLane,
    /// A barrier that not all threads of a warp reach together, or that not all threads of a block reach.
    DivergentBarrier,
    /// A barrier's number or count of threads that is not allowed.
    BarrierMisuse,
    /// Threads that wait for each other, with nobody left to run.
    Deadlock,
    /// A block that ran more instructions than its budget.
    EndlessLoop,
    /// A launch that the named GPU does not take.
    LaunchLimit,
    /// `trap`, or a failed `assert`.
    Trap,
    /// Memory that was never freed.
    Leak,
    /// More than this device keeps track of; nothing is known about the kernel.
    Unsupported,
}

/// A line of source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceLine {
    /// The file, as the compiler was told.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
}

/// What was accessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// `global`, `shared`, `local`, `const` or `param`.
    pub space: &'static str,
    /// The address, within its space.
    pub address: u64,
    /// Bytes of the access.
    pub bytes: u32,
    /// The buffer that it is in, or was meant for: its name, its size, and the distance from its begin (negative
    /// before it).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buffer: Option<(String, u64, i64)>,
}

/// A thread at an instruction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The kernel.
    pub kernel: String,
    /// The line of source, where the text says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceLine>,
    /// The line that called it, where it was inlined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inlined_at: Option<SourceLine>,
    /// The line of PTX, counted from 1.
    pub ptx_line: u32,
    /// That line's text.
    pub instruction: String,
    /// Which block.
    pub block: [u32; 3],
    /// Which thread of it.
    pub thread: [u32; 3],
}

/// What a kernel did wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The kind.
    pub kind: FaultKind,
    /// One sentence with the numbers.
    pub message: String,
    /// Where; a launch that was refused has no place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What was accessed, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// The other access of a race, as far as it is known: the same block or another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<OtherAccess>,
}

/// The earlier access of a race.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherAccess {
    /// Whether it wrote.
    pub write: bool,
    /// Which block.
    pub block: [u32; 3],
    /// Which thread of it.
    pub thread: [u32; 3],
}

impl Space {
    /// Its name in faults.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Global => "global",
            Self::Shared => "shared",
            Self::Local => "local",
            Self::Const => "const",
            Self::Param => "param",
        }
    }
}

impl FaultKind {
    /// Its name, as JSON has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OutOfBounds => "out_of_bounds",
            Self::UseAfterFree => "use_after_free",
            Self::Misaligned => "misaligned",
            Self::Uninitialised => "uninitialised",
            Self::ReadOnly => "read_only",
            Self::Race => "race",
            Self::ReadOnlyCacheStale => "read_only_cache_stale",
            Self::EarlyAccess => "early_access",
            Self::UnfinishedCopy => "unfinished_copy",
            Self::Mask => "mask",
            Self::InactiveLane => "inactive_lane",
            Self::DivergentBarrier => "divergent_barrier",
            Self::BarrierMisuse => "barrier_misuse",
            Self::Deadlock => "deadlock",
            Self::EndlessLoop => "endless_loop",
            Self::LaunchLimit => "launch_limit",
            Self::Trap => "trap",
            Self::Leak => "leak",
            Self::Unsupported => "unsupported",
        }
    }
}

impl Fault {
    /// A fault of a launch that was not begun.
    #[must_use]
    pub const fn refused(kind: FaultKind, message: String) -> Self {
        Self { kind, message, place: None, target: None, other: None }
    }

    /// The JSON form: one object.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or(serde_json::Value::Null)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)?;
        let Some(place) = &self.place else { return Ok(()) };
        write!(f, "; kernel {}", place.kernel)?;
        if let Some(source) = &place.source {
            write!(f, " at {}:{}", source.file, source.line)?;
        }
        if let Some(caller) = &place.inlined_at {
            write!(f, " (inlined at {}:{})", caller.file, caller.line)?;
        }
        let ([bx, by, bz], [tx, ty, tz]) = (place.block, place.thread);
        write!(f, ", PTX line {} `{}`", place.ptx_line, place.instruction)?;
        write!(f, ", block ({bx}, {by}, {bz}), thread ({tx}, {ty}, {tz})")?;
        if let Some(other) = &self.other {
            let ([bx, by, bz], [tx, ty, tz]) = (other.block, other.thread);
            let what = if other.write { "write" } else { "read" };
            write!(f, "; the other is a {what} by block ({bx}, {by}, {bz}), thread ({tx}, {ty}, {tz})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

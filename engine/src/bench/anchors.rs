//! How fast the device is by itself: reading, copying, going from one node of a graph to the next, and multiplying matrices.

use kernels::Dtype;
use kernels::device::{
    After, Argument, Buffer, Dependency, Device, DeviceError, Function, GraphNode, Launch,
};
use kernels::jit::KernelSpec;
use kernels::launch::{Extent, LaunchShape, empty, read_bandwidth};
use serde::Serialize;

use super::report::Maybe;
use super::{Bench, Options, Sample, is_virtual, matrix};
use crate::error::EngineError;
use crate::plan::ExtraReads;

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Anchors {
    /// Reading, over working sets of several sizes.
    pub read: Vec<ReadRow>,
    /// Copying within the device: bytes read and bytes written, a second.
    pub copy_bytes_per_second: Maybe<f64>,
    /// Seconds from one node of a graph to the next, where each waits for the end of the one before.
    pub graph_node: Maybe<f64>,
    /// The same where the next one may start early.
    pub graph_node_programmatic: Maybe<f64>,
    /// Products of large BF16 matrices in the library of the device: operations a second.
    pub matrix_operations_per_second: Maybe<f64>,
}

/// Reading one working set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadRow {
    /// Its size.
    pub bytes: u64,
    /// The best of all shapes and repeats.
    pub bytes_per_second: f64,
    /// The shape that was best: blocks, threads of a block, loads of a thread that are under way.
    pub shape: (usize, u32, usize),
}

impl Anchors {
    /// The read bandwidth of the working set whose size is nearest, as a ratio; not a number where none was measured.
    #[must_use]
    pub fn nearest_read(&self, bytes: u64) -> f64 {
        self.nearest(bytes).map_or(f64::NAN, |row| row.bytes_per_second)
    }

    fn nearest(&self, bytes: u64) -> Option<&ReadRow> {
        let apart = |row: &ReadRow| (row.bytes.max(1) as f64 / bytes.max(1) as f64).ln().abs();
        self.read.iter().min_by(|a, b| apart(a).total_cmp(&apart(b)))
    }

    /// Reads that take so many seconds, in the shape that was best for the working set that is nearest to them; the first
    /// shape where none was measured.
    pub(super) fn reads_that_take(&self, seconds: f64) -> ExtraReads {
        let [first, ..] = read_bandwidth::SHAPES;
        let all = self.read.iter().map(|row| row.bytes_per_second).fold(0.0, f64::max);
        let row = self.nearest((seconds * all) as u64);
        let rate = row.map_or(0.0, |row| row.bytes_per_second);
        let bytes = (seconds * rate).clamp(16.0, 1e15) as u64;
        ExtraReads { bytes, shape: row.map_or(first, |row| row.shape) }
    }
}

/// Working sets, in bytes. The smallest is several times the largest cache of any device.
const SETS: [u64; 4] = [400_000_000, 1_000_000_000, 4_000_000_000, 8_000_000_000];
/// Those of a virtual device, whose times say nothing.
const VIRTUAL_SETS: [u64; 2] = [16_384, 65_536];
/// Bytes that one look at the clock covers at least.
const TIMED_BYTES: u64 = 40_000_000_000;
/// Nodes of the two graphs whose difference is what nodes cost; for a virtual device, and for others.
const NODES: [[usize; 2]; 2] = [[2, 6], [100, 500]];
/// Replays between two looks at the clock, of a virtual device and of others.
const REPLAYS: [usize; 2] = [2, 20];
/// Blocks of a node.
const NODE_BLOCKS: usize = 132;
/// Memory that is left to others.
pub(super) const SPARE: u64 = 500_000_000;

/// Measures all of it.
pub(super) fn measure(bench: &Bench<'_>, options: &Options) -> Result<Anchors, EngineError> {
    let virtual_device = is_virtual(&*bench.device);
    let free = bench.device.free_memory()?;
    let (sets, passes): (&[u64], u64) = match virtual_device {
        true => (&VIRTUAL_SETS, 1),
        false => (&SETS, TIMED_BYTES),
    };
    let largest = sets.iter().copied().filter(|&set| virtual_device || set + SPARE <= free).max();
    let Some(largest) = largest else {
        let what = "the working set of the read bandwidth".to_owned();
        let (needed, total) = (SETS[0] + SPARE, bench.device.properties().total_memory);
        let remedy = "free memory on the device: without a bandwidth there is no fraction";
        return Err(DeviceError::Memory { what, needed, free, total, remedy }.into());
    };
    let memory = bench.device.allocate("working set", largest)?;
    bench.device.fill(&memory, 0)?;
    let mut read = Vec::new();
    for &bytes in sets.iter().filter(|&&bytes| bytes <= largest) {
        read.push(best_read(bench, options, &memory, bytes, (passes / bytes).max(1))?);
    }
    let copy = copied(bench, options, &memory, (passes / largest).max(1));
    drop(memory);
    let node = |dependency| node(bench, options, !virtual_device, dependency);
    let or_reason = |found: Result<f64, EngineError>| match found {
        Ok(found) => Maybe::Measured(found),
        Err(error) => Maybe::not(&error.to_string()),
    };
    Ok(Anchors {
        read,
        copy_bytes_per_second: or_reason(copy),
        graph_node: or_reason(node(Dependency::Full)),
        graph_node_programmatic: or_reason(node(Dependency::Programmatic)),
        matrix_operations_per_second: or_reason(matrix::measure(bench, options)),
    })
}

/// A kernel, ready to be launched.
pub(super) struct Ready {
    pub(super) function: Function,
    pub(super) launch: Launch,
}

/// Compiles and loads a kernel whose grid is the same for every run.
pub(super) fn ready(bench: &Bench<'_>, spec: &KernelSpec, shape: &LaunchShape) -> Result<Ready, EngineError> {
    let artifact = bench.jit.artifact(spec)?;
    let function = bench.device.load(&artifact)?;
    let one = Extent { tokens: 1, batch: 1, max_kv: 1 };
    let blocks = |at: usize| {
        let blocks = shape.grid.get(at).and_then(|expr| expr.at(one));
        blocks.and_then(|blocks| u32::try_from(blocks).ok()).unwrap_or(u32::MAX)
    };
    let grid = [blocks(0), blocks(1), blocks(2)];
    Ok(Ready { function, launch: Launch { grid, block: shape.block, shared: shape.shared } })
}

/// What the same work takes, after one time that does not count.
pub(super) fn timed<E>(
    bench: &Bench<'_>,
    options: &Options,
    mut work: impl FnMut(&dyn Device) -> Result<(), E>,
) -> Result<Sample, EngineError>
where
    EngineError: From<E>,
{
    let device = &*bench.device;
    let mut seconds = Vec::new();
    for repeat in 0..=options.repeats {
        device.synchronize()?;
        let from = bench.clock.now();
        work(device)?;
        device.synchronize()?;
        let until = bench.clock.now();
        if repeat > 0 {
            seconds.push(until.saturating_sub(from).as_secs_f64());
        }
    }
    Ok(Sample::of(seconds))
}

/// The best that any shape makes of a working set.
fn best_read(
    bench: &Bench<'_>,
    options: &Options,
    memory: &Buffer,
    bytes: u64,
    passes: u64,
) -> Result<ReadRow, EngineError> {
    let mut best = ReadRow { bytes, bytes_per_second: 0.0, shape: (0, 0, 0) };
    let x = Dtype::F32;
    let count = u32::try_from(bytes / x.size() as u64).unwrap_or(u32::MAX);
    for (blocks, threads, loads) in read_bandwidth::SHAPES {
        let axes = read_bandwidth::Axes { x, blocks, threads, loads };
        let ready = ready(bench, &read_bandwidth::spec(&axes), &read_bandwidth::shape(&axes))?;
        let out = bench.device.allocate("sink", 4 * blocks as u64)?;
        let arguments = [Argument::Buffer(&out, 0), Argument::Buffer(memory, 0), Argument::U32(count)];
        let sample = timed(bench, options, |device| {
            (0..passes).try_for_each(|_| device.launch(&ready.function, ready.launch, &arguments))
        })?;
        let rate = (bytes * passes) as f64 / sample.shortest();
        if rate > best.bytes_per_second {
            best = ReadRow { bytes, bytes_per_second: rate, shape: (blocks, threads, loads) };
        }
    }
    Ok(best)
}

/// Copies one half of a working set to the other.
fn copied(bench: &Bench<'_>, options: &Options, memory: &Buffer, passes: u64) -> Result<f64, EngineError> {
    let half = memory.bytes() / 2;
    let sample = timed(bench, options, |device| {
        (0..passes).try_for_each(|_| device.copy((memory, 0), (memory, half), half))
    })?;
    Ok((2 * half * passes) as f64 / sample.shortest())
}

/// What a node more costs, in seconds: two chains of nodes that do nothing, and the difference of what they take.
fn node(
    bench: &Bench<'_>,
    options: &Options,
    real: bool,
    dependency: Dependency,
) -> Result<f64, EngineError> {
    let ([virtually, really], [few, many]) = (NODES, REPLAYS);
    let (lengths, replays) = if real { (really, many) } else { (virtually, few) };
    let ready = ready(bench, &empty::spec(), &empty::shape(NODE_BLOCKS.into()))?;
    let out = bench.device.allocate("sink", 4 * NODE_BLOCKS as u64)?;
    let mut took = [0.0; 2];
    for (took, length) in took.iter_mut().zip(lengths) {
        let nodes: Vec<GraphNode<'_>> = (0..length)
            .map(|at| GraphNode {
                function: &ready.function,
                launch: ready.launch,
                arguments: vec![Argument::Buffer(&out, 0), Argument::U32(0)],
                after: at.checked_sub(1).map(|node| After { node, dependency }).into_iter().collect(),
            })
            .collect();
        let graph = bench.device.graph(&nodes)?;
        let sample = timed(bench, options, |device| (0..replays).try_for_each(|_| device.replay(&graph)))?;
        *took = sample.median / replays as f64;
    }
    let [short, long] = lengths;
    let [shorter, longer] = took;
    Ok((longer - shorter) / long.saturating_sub(short) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_working_set_counts() {
        let row = |bytes, bytes_per_second| ReadRow { bytes, bytes_per_second, shape: (1, 32, 1) };
        let anchors = Anchors {
            read: vec![row(400, 1.0), row(1000, 2.0), row(4000, 3.0)],
            copy_bytes_per_second: Maybe::not(""),
            graph_node: Maybe::not(""),
            graph_node_programmatic: Maybe::not(""),
            matrix_operations_per_second: Maybe::not(""),
        };
        let found = [1, 500, 900, 1999, 2001, 1 << 40].map(|bytes| anchors.nearest_read(bytes));
        assert_eq!(found, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        assert!(Anchors { read: Vec::new(), ..anchors }.nearest_read(5).is_nan());
    }
}

use std::sync::{Arc, Mutex};

use super::*;
use crate::graph::{Graph, Instance};
use crate::options::Options;

struct Bench {
    device: Arc<Device>,
    streams: Streams,
    ran: Arc<Mutex<Vec<u32>>>,
}

impl Bench {
    fn new() -> Self {
        let device = Device::new(Options::default());
        Self { streams: Streams::new(Arc::clone(&device)), device, ran: Arc::default() }
    }

    fn note(&self, stream: StreamId, number: u32) -> Result<Submitted, StreamError> {
        let ran = Arc::clone(&self.ran);
        self.streams.submit(stream, Work::Host(Arc::new(move || ran.lock().unwrap().push(number))))
    }

    fn begin(&self) -> StreamId {
        let stream = self.streams.create(false);
        self.streams.begin_capture(stream, CaptureMode::Global).unwrap();
        stream
    }

    fn launch(&self, graph: &Graph) -> Vec<u32> {
        self.ran.lock().unwrap().clear();
        let instance: Instance = graph.instantiate().unwrap();
        instance.launch(&self.device).unwrap();
        self.ran.lock().unwrap().clone()
    }
}

#[test]
fn work_runs_when_it_is_submitted() {
    let bench = Bench::new();
    let stream = bench.streams.create(true);
    bench.note(stream, 1).unwrap();
    bench.note(StreamId::LEGACY, 2).unwrap();
    assert_eq!(*bench.ran.lock().unwrap(), [1, 2]);
    bench.streams.synchronize(stream, "wait").unwrap();
    bench.streams.destroy(stream).unwrap();
    assert_eq!(bench.note(stream, 3), Err(StreamError::UnknownStream(stream)));
    assert!(bench.streams.destroy(StreamId::LEGACY).is_err());
}

#[test]
fn a_capture_catches_streams_that_join_it() {
    let bench = Bench::new();
    let (a, b) = (bench.begin(), bench.streams.create(false));
    let (fork, join) = (bench.streams.create_event(false), bench.streams.create_event(false));
    bench.note(a, 1).unwrap();
    bench.streams.record(fork, a).unwrap();
    bench.streams.wait(b, fork).unwrap();
    bench.note(b, 2).unwrap();
    bench.note(a, 3).unwrap();
    bench.streams.record(join, b).unwrap();
    bench.streams.wait(a, join).unwrap();
    bench.note(a, 4).unwrap();
    let graph = bench.streams.end_capture(a).unwrap();
    assert!(bench.ran.lock().unwrap().is_empty());
    let edges: Vec<(u32, u32)> = graph.edges().map(|(from, to)| (from.0, to.0)).collect();
    assert_eq!(edges, [(0, 1), (0, 2), (1, 3), (2, 3)]);
    assert_eq!(bench.launch(&graph), [1, 2, 3, 4]);
    assert_eq!(bench.streams.capture_status(b), Ok(CaptureStatus::None));
    assert_eq!(bench.streams.synchronize_event(join), Err(StreamError::CapturedEvent));
}

#[test]
fn a_fork_that_does_not_come_back_is_refused() {
    let bench = Bench::new();
    let (a, b) = (bench.begin(), bench.streams.create(false));
    let fork = bench.streams.create_event(false);
    bench.streams.record(fork, a).unwrap();
    bench.streams.wait(b, fork).unwrap();
    let Submitted::Captured(node) = bench.note(b, 1).unwrap() else { panic!("it ran") };
    assert_eq!(bench.streams.end_capture(b).unwrap_err(), StreamError::Unmatched);
    assert_eq!(bench.streams.end_capture(a).unwrap_err(), StreamError::Unjoined(vec![node]));
    assert_eq!(bench.streams.end_capture(a).unwrap_err(), StreamError::Unmatched);
    bench.note(b, 2).unwrap();
    assert_eq!(*bench.ran.lock().unwrap(), [2]);
}

#[test]
fn what_cannot_be_captured_invalidates_the_capture() {
    let bench = Bench::new();
    let a = bench.begin();
    assert_eq!(bench.streams.begin_capture(a, CaptureMode::Global), Err(StreamError::Begun));
    assert_eq!(bench.streams.synchronize(a, "a wait"), Err(StreamError::Capturing("a wait")));
    assert_eq!(bench.note(a, 1), Err(StreamError::Invalidated));
    assert!(matches!(bench.streams.capture_status(a), Ok(CaptureStatus::Invalidated(_))));
    assert_eq!(bench.streams.end_capture(a).unwrap_err(), StreamError::Invalidated);

    let a = bench.begin();
    assert_eq!(bench.streams.forbid("an allocation", false), Err(StreamError::Capturing("an allocation")));
    assert_eq!(bench.streams.end_capture(a).unwrap_err(), StreamError::Invalidated);

    for (mode, refused) in [(CaptureMode::ThreadLocal, true), (CaptureMode::Relaxed, false)] {
        bench.streams.begin_capture(a, mode).unwrap();
        let elsewhere =
            std::thread::scope(|scope| scope.spawn(|| bench.streams.forbid("it", false)).join().unwrap());
        assert_eq!(elsewhere, Ok(()), "{mode:?}");
        assert_eq!(bench.streams.forbid("it", false).is_err(), refused, "{mode:?}");
        assert!(bench.streams.forbid("it", true).is_err());
        assert!(bench.streams.end_capture(a).is_err());
    }
    bench.streams.forbid("it", true).unwrap();
}

#[test]
fn captures_do_not_mix_with_each_other_or_with_what_was_before() {
    let bench = Bench::new();
    let before = bench.streams.create_event(false);
    let never = bench.streams.create_event(false);
    bench.streams.record(before, StreamId::LEGACY).unwrap();
    let (a, b) = (bench.begin(), bench.begin());
    bench.streams.wait(a, never).unwrap();
    let of_a = bench.streams.create_event(false);
    bench.streams.record(of_a, a).unwrap();
    assert_eq!(bench.streams.wait(b, of_a), Err(StreamError::Merge));
    assert_eq!(bench.streams.end_capture(a).unwrap_err(), StreamError::Invalidated);
    assert_eq!(bench.streams.end_capture(b).unwrap_err(), StreamError::Invalidated);
    assert_eq!(bench.streams.wait(b, of_a), Err(StreamError::CapturedEvent));
    let a = bench.begin();
    assert_eq!(bench.streams.wait(a, before), Err(StreamError::Isolation));
    assert_eq!(bench.streams.end_capture(a).unwrap_err(), StreamError::Invalidated);
}

#[test]
fn the_legacy_stream_is_not_captured_and_not_used_beside_blocking_streams_that_are() {
    let bench = Bench::new();
    assert_eq!(
        bench.streams.begin_capture(StreamId::LEGACY, CaptureMode::Relaxed),
        Err(StreamError::Implicit)
    );
    let free = bench.begin();
    bench.note(StreamId::LEGACY, 1).unwrap();
    assert!(bench.streams.end_capture(free).unwrap().is_empty());
    let blocking = bench.streams.create(true);
    bench.streams.begin_capture(blocking, CaptureMode::Relaxed).unwrap();
    assert_eq!(bench.streams.capture_status(StreamId::LEGACY), Err(StreamError::Implicit));
    assert_eq!(bench.note(StreamId::LEGACY, 1), Err(StreamError::Implicit));
    assert_eq!(bench.streams.end_capture(blocking).unwrap_err(), StreamError::Invalidated);
}

#[test]
fn a_capture_ends_in_its_thread_unless_it_is_relaxed() {
    let bench = Bench::new();
    let stream = bench.begin();
    let elsewhere = |stream| {
        std::thread::scope(|scope| scope.spawn(|| bench.streams.end_capture(stream)).join().unwrap())
    };
    assert_eq!(elsewhere(stream).unwrap_err(), StreamError::WrongThread);
    bench.streams.end_capture(stream).unwrap();
    bench.streams.begin_capture(stream, CaptureMode::Relaxed).unwrap();
    elsewhere(stream).unwrap();
}

#[test]
fn times_are_those_of_recorded_events_with_timing() {
    let bench = Bench::new();
    let (a, b) = (bench.streams.create_event(true), bench.streams.create_event(true));
    assert_eq!(bench.streams.elapsed(a, b), Err(StreamError::NoTime(a)));
    bench.streams.record(a, StreamId::LEGACY).unwrap();
    bench.streams.record(b, StreamId::LEGACY).unwrap();
    assert!(!bench.streams.elapsed(a, b).unwrap().1);
    let untimed = bench.streams.create_event(false);
    bench.streams.record(untimed, StreamId::LEGACY).unwrap();
    assert_eq!(bench.streams.elapsed(a, untimed), Err(StreamError::NoTime(untimed)));
    bench.streams.destroy_event(a).unwrap();
    assert_eq!(bench.streams.synchronize_event(a), Err(StreamError::UnknownEvent(a)));
}

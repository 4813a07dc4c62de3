//! Which attempt runs next: as many at once as there are slots, and on a device as many as it has room for.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use contracts::Lane;

use super::{Isolation, Selected};
use crate::kinds::takes_the_device;
use crate::machine;

/// Where an attempt runs, and how many may be there while it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    lane: Lane,
    at_once: usize,
}

/// Device memory that an attempt is taken to need at most: models of the zoo have megabytes, a context and its kernels
/// some hundred more.
const MEMORY_OF_AN_ATTEMPT: u64 = 4 << 30;

impl Place {
    /// The place of attempts of a claim.
    ///
    /// The processor is shared, and the virtual device is a part of each process. A GPU is shared by processes, as many as
    /// its memory has room for: most of an attempt's time goes into compiling kernels. Attempts of one process have it one
    /// at a time, because a fault of one ends the work of all; and what times the device, or fills it, has it alone.
    pub(super) fn of(claim: &Selected, isolation: &Isolation) -> Self {
        let lane = claim.lane;
        let at_once = match (lane, isolation) {
            (Lane::Cpu | Lane::Simt, _) => usize::MAX,
            (Lane::Cuda, Isolation::None) => 1,
            (Lane::Cuda, Isolation::Process(_)) if takes_the_device(&claim.test.falsifier) => 1,
            (Lane::Cuda, Isolation::Process(_)) => {
                let memory = machine::properties(lane).map_or(0, |device| device.total_memory);
                usize::try_from(memory / MEMORY_OF_AN_ATTEMPT).unwrap_or(usize::MAX).max(1)
            }
        };
        Self { lane, at_once }
    }

    /// Whether a job may begin here beside those under way.
    fn has_room(self, busy: &[Self]) -> bool {
        let here = || busy.iter().filter(|other| other.lane == self.lane);
        here().map(|other| other.at_once).fold(self.at_once, usize::min) > here().count()
    }
}

struct Queue<'j, J> {
    waiting: VecDeque<&'j (Place, J)>,
    busy: Vec<Place>,
}

/// Gives every job to `work`, in order as far as devices allow, on at most `slots` threads. After `halt` says yes, no
/// job begins; those under way are waited for.
pub(super) fn each<J: Sync>(
    jobs: &[(Place, J)],
    slots: NonZeroUsize,
    halt: &(dyn Fn() -> bool + Sync),
    work: &(dyn Fn(&J) + Sync),
) {
    let queue = Mutex::new(Queue { waiting: jobs.iter().collect(), busy: Vec::new() });
    let changed = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 0..slots.get().min(jobs.len()) {
            scope.spawn(|| {
                while let Some((place, job)) = next(&queue, &changed, halt) {
                    let _held = Held { queue: &queue, changed: &changed, place: *place };
                    work(job);
                }
            });
        }
    });
}

fn lock<'q, 'j, J>(queue: &'q Mutex<Queue<'j, J>>) -> MutexGuard<'q, Queue<'j, J>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a job whose device has room; `None` once there is nothing left to begin.
fn next<'j, J>(
    queue: &Mutex<Queue<'j, J>>,
    changed: &Condvar,
    halt: &(dyn Fn() -> bool + Sync),
) -> Option<&'j (Place, J)> {
    let mut held = lock(queue);
    loop {
        if halt() {
            held.waiting.clear();
        }
        if held.waiting.is_empty() {
            return None;
        }
        let free = held.waiting.iter().position(|(place, _)| place.has_room(&held.busy));
        if let Some(job) = free.and_then(|at| held.waiting.remove(at)) {
            held.busy.push(job.0);
            return Some(job);
        }
        held = changed.wait(held).unwrap_or_else(PoisonError::into_inner);
    }
}

/// A job under way; dropped, also by a panic, it frees its device.
struct Held<'q, 'j, J> {
    queue: &'q Mutex<Queue<'j, J>>,
    changed: &'q Condvar,
    place: Place,
}

impl<J> Drop for Held<'_, '_, J> {
    fn drop(&mut self) {
        let mut queue = lock(self.queue);
        if let Some(at) = queue.busy.iter().position(|busy| *busy == self.place) {
            queue.busy.swap_remove(at);
        }
        drop(queue);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn slots(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    /// The processor without a bound, and a GPU that one job has at a time.
    fn place(lane: Lane) -> Place {
        Place { lane, at_once: if lane == Lane::Cuda { 1 } else { usize::MAX } }
    }

    /// Runs jobs, and returns the most that were under way at once in each lane.
    fn most_at_once(lanes: &[Lane], count: usize, work: &(dyn Fn(Lane) + Sync)) -> [usize; 3] {
        let jobs: Vec<(Place, Lane)> = lanes.iter().map(|lane| (place(*lane), *lane)).collect();
        let now: [AtomicUsize; 3] = Default::default();
        let most: [AtomicUsize; 3] = Default::default();
        let done = AtomicUsize::new(0);
        each(&jobs, slots(count), &|| false, &|lane: &Lane| {
            let at = *lane as usize;
            most[at].fetch_max(now[at].fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            work(*lane);
            now[at].fetch_sub(1, Ordering::SeqCst);
            done.fetch_add(1, Ordering::SeqCst);
        });
        assert_eq!(done.into_inner(), lanes.len(), "every job ran once");
        most.map(AtomicUsize::into_inner)
    }

    #[test]
    fn what_has_a_device_alone_shares_it_with_nobody_and_the_processor_is_shared() {
        // Two cpu jobs meet at the barrier, which they can only while both are under way; the jobs of the device
        // give each other every chance to overlap.
        let meet = Barrier::new(2);
        let lanes = [Lane::Cuda, Lane::Cuda, Lane::Cpu, Lane::Cuda, Lane::Cpu, Lane::Cuda, Lane::Cuda];
        let most = most_at_once(&lanes, 4, &|lane| match lane {
            Lane::Cpu => {
                meet.wait();
            }
            _ => (0..200).for_each(|_| std::thread::yield_now()),
        });
        assert_eq!(most[Lane::Cuda as usize], 1);
        assert_eq!(most[Lane::Cpu as usize], 2);
    }

    #[test]
    fn a_device_with_room_is_shared_and_what_times_it_waits_until_it_is_alone() {
        // Jobs of `true` have the device alone. Two of the others meet, which they can only side by side.
        let meet = Barrier::new(2);
        let (now, most, alone_beside) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let job = |alone| (Place { lane: Lane::Cuda, at_once: if alone { 1 } else { 3 } }, alone);
        let jobs = [false, true, false, false, true, false, false, false].map(job);
        each(&jobs, slots(6), &|| false, &|alone: &bool| {
            let beside = now.fetch_add(1, Ordering::SeqCst);
            if *alone {
                (0..200).for_each(|_| std::thread::yield_now());
                let others = beside + now.load(Ordering::SeqCst) - 1;
                alone_beside.fetch_max(others, Ordering::SeqCst);
            } else {
                most.fetch_max(beside + 1, Ordering::SeqCst);
                meet.wait();
            }
            now.fetch_sub(1, Ordering::SeqCst);
        });
        assert!((2..=3).contains(&most.into_inner()));
        assert_eq!(alone_beside.into_inner(), 0);
    }

    #[test]
    fn a_gpu_is_shared_by_processes_and_had_alone_by_what_times_or_fills_it() {
        let claim = |lane, falsifier| Selected {
            contract: "tiny".to_owned(),
            test: serde_json::from_value(serde_json::json!({
                "id": "A", "rule": "r", "prediction": "p", "if_fails": "f", "falsifier": falsifier,
            }))
            .unwrap(),
            lane,
        };
        let floor = serde_json::json!({"throughput_floor": {
            "synthetic": "qwen2.5-7b", "phase": "decode", "at_least": 0.8, "because": "b",
        }});
        let process = || {
            Isolation::Process(crate::runner::Worker {
                program: "pv".into(),
                arguments: Vec::new(),
                timeout: std::time::Duration::from_secs(1),
                threads: 1,
            })
        };
        let long = serde_json::json!({"long_prefill": {
            "synthetic": ["qwen3-30b-a3b"], "layers": 2, "tokens": [65537],
        }});
        for alone in [floor, long] {
            assert_eq!(Place::of(&claim(Lane::Cuda, alone), &process()).at_once, 1);
        }
        let weights = serde_json::json!({"weights_consumed": {"model": "a"}});
        assert_eq!(Place::of(&claim(Lane::Cuda, weights.clone()), &Isolation::None).at_once, 1);
        assert_eq!(Place::of(&claim(Lane::Simt, weights.clone()), &Isolation::None).at_once, usize::MAX);
        let room = machine::properties(Lane::Cuda)
            .map_or(1, |device| (device.total_memory / MEMORY_OF_AN_ATTEMPT).max(1));
        assert_eq!(Place::of(&claim(Lane::Cuda, weights), &process()).at_once as u64, room);
    }

    #[test]
    fn no_more_jobs_run_at_once_than_there_are_slots() {
        for count in [1, 3] {
            let most = most_at_once(&[Lane::Cpu; 40], count, &|_| std::thread::yield_now());
            assert!((1..=count).contains(&most[Lane::Cpu as usize]), "{most:?}");
        }
    }

    #[test]
    fn a_device_that_is_waited_for_holds_up_nobody_else() {
        // One slot holds the device until a cpu job behind its queue has run, so that job must overtake the others.
        let overtaken = Barrier::new(2);
        let waited = AtomicUsize::new(0);
        let jobs = [Lane::Cuda, Lane::Cuda, Lane::Cuda, Lane::Cpu].map(place);
        let jobs: Vec<_> = jobs.into_iter().zip(0..).collect();
        each(&jobs, slots(2), &|| false, &|job: &usize| {
            if [0, 3].contains(job) {
                overtaken.wait();
            }
            waited.fetch_add(1, Ordering::SeqCst);
        });
        assert_eq!(waited.into_inner(), 4);
    }

    #[test]
    fn nothing_begins_after_the_halt() {
        let begun = AtomicUsize::new(0);
        let jobs: Vec<(Place, usize)> = (0..100).map(|job| (place(Lane::Cpu), job)).collect();
        each(&jobs, slots(1), &|| begun.load(Ordering::SeqCst) >= 7, &|_| {
            begun.fetch_add(1, Ordering::SeqCst);
        });
        assert_eq!(begun.into_inner(), 7);
    }

    #[test]
    fn a_panic_frees_the_device() {
        let jobs = [(place(Lane::Cuda), 0), (place(Lane::Cuda), 1)];
        let ran = AtomicUsize::new(0);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            each(&jobs, slots(2), &|| false, &|job: &usize| {
                ran.fetch_add(1, Ordering::SeqCst);
                assert_ne!(*job, 0, "planted");
            });
        }));
        assert!(outcome.is_err());
        assert_eq!(ran.into_inner(), 2);
    }
}

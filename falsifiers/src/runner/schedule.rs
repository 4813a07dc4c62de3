//! Which attempt runs next: as many at once as there are slots, and on a device one at a time.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use contracts::Lane;

/// What an attempt needs for itself.
///
/// The processor is shared. A GPU is not: two attempts on it would compete for its memory, and a fault of one ends the
/// work of both. The virtual device is a part of each process, so it is shared like the processor.
const fn exclusive(lane: Lane) -> bool {
    match lane {
        Lane::Cpu | Lane::Simt => false,
        Lane::Cuda => true,
    }
}

struct Queue<'j, J> {
    waiting: VecDeque<&'j (Lane, J)>,
    busy: Vec<Lane>,
}

/// Gives every job to `work`, in order as far as devices allow, on at most `slots` threads. After `halt` says yes, no
/// job begins; those under way are waited for.
pub(super) fn each<J: Sync>(
    jobs: &[(Lane, J)],
    slots: NonZeroUsize,
    halt: &(dyn Fn() -> bool + Sync),
    work: &(dyn Fn(&J) + Sync),
) {
    let queue = Mutex::new(Queue { waiting: jobs.iter().collect(), busy: Vec::new() });
    let changed = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 0..slots.get().min(jobs.len()) {
            scope.spawn(|| {
                while let Some((lane, job)) = next(&queue, &changed, halt) {
                    let _held = Held { queue: &queue, changed: &changed, lane: *lane };
                    work(job);
                }
            });
        }
    });
}

fn lock<'q, 'j, J>(queue: &'q Mutex<Queue<'j, J>>) -> MutexGuard<'q, Queue<'j, J>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a job whose device is free; `None` once there is nothing left to begin.
fn next<'j, J>(
    queue: &Mutex<Queue<'j, J>>,
    changed: &Condvar,
    halt: &(dyn Fn() -> bool + Sync),
) -> Option<&'j (Lane, J)> {
    let mut held = lock(queue);
    loop {
        if halt() {
            held.waiting.clear();
        }
        if held.waiting.is_empty() {
            return None;
        }
        let free = held.waiting.iter().position(|(lane, _)| !held.busy.contains(lane));
        if let Some(job) = free.and_then(|at| held.waiting.remove(at)) {
            if exclusive(job.0) {
                held.busy.push(job.0);
            }
            return Some(job);
        }
        held = changed.wait(held).unwrap_or_else(PoisonError::into_inner);
    }
}

/// A job under way; dropped, also by a panic, it frees its device.
struct Held<'q, 'j, J> {
    queue: &'q Mutex<Queue<'j, J>>,
    changed: &'q Condvar,
    lane: Lane,
}

impl<J> Drop for Held<'_, '_, J> {
    fn drop(&mut self) {
        if exclusive(self.lane) {
            lock(self.queue).busy.retain(|busy| *busy != self.lane);
        }
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

    /// Runs jobs, and returns the most that were under way at once in each lane.
    fn most_at_once(lanes: &[Lane], count: usize, work: &(dyn Fn(Lane) + Sync)) -> [usize; 3] {
        let jobs: Vec<(Lane, Lane)> = lanes.iter().map(|lane| (*lane, *lane)).collect();
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
    fn a_device_is_never_shared_and_the_processor_is() {
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
        let jobs = [(Lane::Cuda, 0), (Lane::Cuda, 1), (Lane::Cuda, 2), (Lane::Cpu, 3)];
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
        let jobs: Vec<(Lane, usize)> = (0..100).map(|job| (Lane::Cpu, job)).collect();
        each(&jobs, slots(1), &|| begun.load(Ordering::SeqCst) >= 7, &|_| {
            begun.fetch_add(1, Ordering::SeqCst);
        });
        assert_eq!(begun.into_inner(), 7);
    }

    #[test]
    fn a_panic_frees_the_device() {
        let jobs = [(Lane::Cuda, 0), (Lane::Cuda, 1)];
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

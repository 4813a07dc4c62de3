//! Which kernels of a graph need not have ended when another one runs, where some are launched early.
//!
//! | when | what has ended for sure |
//! |---|---|
//! | a node begins | what had ended when its programmatic predecessors began; its full predecessors, with what had ended for sure when those had |
//! | a thread of it has waited | also its programmatic predecessors, with what had ended for sure when those had |
//! | it has ended | itself, and what had ended when it began; if a thread of it waited, what had ended after that |
//!
//! So a kernel that is launched early and never waits orders nothing before it for those after it, whatever their edges
//! to it. That a predecessor lets its successors begin only after it has waited itself is not taken into account: where a
//! block does so is a matter of speed, and results must not depend on it.
//!
//! Only kernels that a path leads from are looked at. Nodes that no path orders are the business of
//! [`Instance::race`](super::Instance::race).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Dependency, Graph, Kernel, NodeId, Range, Work};
use crate::device::{Device, Error, Report};
use crate::early::{Open, Touched, Watch, describe};
use crate::fault::{Fault, FaultKind};

/// Nodes, by their places in the order in which they run.
#[derive(Debug, Clone, Default)]
struct Set(Vec<u64>);

impl Set {
    fn insert(&mut self, place: usize) {
        if self.0.len() <= place / 64 {
            self.0.resize(place / 64 + 1, 0);
        }
        if let Some(word) = self.0.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
    }

    fn join(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    /// Members that another set has not.
    fn without(&self, other: &Self) -> impl Iterator<Item = usize> {
        let words = self.0.iter().zip(other.0.iter().chain(std::iter::repeat(&0)));
        let left = words.map(|(word, other)| word & !other).enumerate();
        left.flat_map(|(index, word)| {
            (0..64).filter(move |bit| word >> bit & 1 != 0).map(move |bit| 64 * index + bit)
        })
    }
}

/// A node that ran.
struct Past {
    /// Every node that a path leads from to it.
    before: Set,
    /// What had ended when it began.
    begun: Set,
    /// What has ended when it has, itself included.
    done: Set,
    touched: Touched,
}

/// The nodes of a graph that ran, in the order in which they did.
pub(super) struct Early {
    incoming: BTreeMap<NodeId, Vec<(NodeId, Dependency)>>,
    places: BTreeMap<NodeId, usize>,
    past: Vec<Past>,
    names: Vec<Arc<str>>,
}

/// What has ended for sure.
struct Ended {
    before: Set,
    /// When the node begins.
    begun: Set,
    /// When a thread of it has waited.
    waited: Set,
}

impl Early {
    /// Of a launch of a graph; `None` where nothing is launched early, or nobody wants to know.
    pub(super) fn of(graph: &Graph, device: &Device) -> Option<Self> {
        let early = device.options().checks.early_access && graph.is_early();
        early.then(|| {
            let mut incoming: BTreeMap<NodeId, Vec<(NodeId, Dependency)>> = BTreeMap::new();
            for (from, to, dependency) in graph.dependencies() {
                incoming.entry(to).or_default().push((from, dependency));
            }
            Self { incoming, places: BTreeMap::new(), past: Vec::new(), names: Vec::new() }
        })
    }

    /// Does what a node does. Nodes come in an order that keeps every dependency.
    pub(super) fn run(
        &mut self,
        node: NodeId,
        work: &Work,
        device: &Device,
    ) -> Result<Option<Report>, Error> {
        let ended = self.ended(node);
        let (report, waited, touched) = match work {
            Work::Kernel(kernel) => {
                let (report, waited, touched) = self.kernel(kernel, &ended, device)?;
                (Some(report), waited, touched)
            }
            other => {
                self.check(other, &ended, device)?;
                // What is no kernel depends on all before it in full, and all after it do on it.
                (other.run(device)?, true, Touched::default())
            }
        };
        let place = self.past.len();
        let Ended { before, begun, waited: after } = ended;
        let mut done = if waited { after } else { begun.clone() };
        done.insert(place);
        self.places.insert(node, place);
        self.past.push(Past { before, begun, done, touched });
        self.names.push(match work {
            Work::Kernel(kernel) => format!("{} (graph node {})", kernel.function.name(), node.0).into(),
            other => other.name().into(),
        });
        Ok(report)
    }

    fn ended(&self, node: NodeId) -> Ended {
        let (mut before, mut begun, mut waited) = (Set::default(), Set::default(), Set::default());
        for (from, dependency) in self.incoming.get(&node).into_iter().flatten() {
            let Some(&place) = self.places.get(from) else { continue };
            let Some(past) = self.past.get(place) else { continue };
            before.insert(place);
            before.join(&past.before);
            waited.join(&past.done);
            begun.join(match dependency {
                Dependency::Full => &past.done,
                Dependency::Programmatic => &past.begun,
            });
        }
        waited.join(&begun);
        Ended { before, begun, waited }
    }

    fn open(&self, before: &Set, ended: &Set) -> Open {
        let mut open = Open::default();
        for place in before.without(ended) {
            if let Some(past) = self.past.get(place) {
                open.add(u32::try_from(place).unwrap_or(u32::MAX - 1), &past.touched);
            }
        }
        open
    }

    fn kernel(
        &self,
        kernel: &Kernel,
        ended: &Ended,
        device: &Device,
    ) -> Result<(Report, bool, Touched), Error> {
        let before = self.open(&ended.before, &ended.begun);
        let always = self.open(&ended.before, &ended.waited);
        let watch = Watch::new(before, always, &self.names, device.allocations());
        let Kernel { function, launch, parameters } = kernel;
        let report = device.launch_watched(function, launch, parameters, Some(&watch))?;
        let (waited, touched) = watch.done();
        Ok((report, waited, touched))
    }

    /// Whether a copy or a fill touches what a kernel touches that need not have ended.
    fn check(&self, work: &Work, ended: &Ended, device: &Device) -> Result<(), Error> {
        let open = self.open(&ended.before, &ended.begun);
        let mut ranges = Vec::new();
        work.ranges(&mut ranges);
        for Range { begin, write, .. } in ranges {
            let number = device.allocation_at(begin);
            let Some((launch, wrote)) = number.and_then(|number| open.collision(number, write)) else {
                continue;
            };
            let name = self.names.get(launch as usize).map_or("?", |name| name);
            let buffer = device.buffer_at(begin).map_or_else(String::new, |(name, ..)| name);
            let message = format!("{} in `{buffer}`, which {}", work.name(), describe(name, wrote, false));
            return Err(Error::Fault(Box::new(Fault::refused(FaultKind::EarlyAccess, message))));
        }
        Ok(())
    }
}

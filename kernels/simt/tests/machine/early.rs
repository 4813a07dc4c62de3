//! Kernels of a graph that are launched before what they depend on has ended.

use std::sync::Arc;

use simt::graph::{Dependency, Graph, Kernel, NodeId, Work};
use simt::{Checks, Device, Error, Fault, FaultKind, Options};

use crate::support::{line_of, threads};
use Dependency::{Full, Programmatic};

/// A kernel `k(to, from)`: each thread copies its word. `%p1` holds in the first warp alone, `%p2` in even lanes.
fn copying(before: &str, between: &str, after: &str) -> String {
    format!(
        ".version 8.0\n.target sm_90\n.address_size 64\n.visible .entry k(.param .u64 to, .param .u64 from)\n{{\n\
         .reg .pred %p<4>;\n.reg .b32 %r<4>;\n.reg .b64 %rd<8>;\n\
         ld.param.u64 %rd1, [to];\nld.param.u64 %rd2, [from];\nmov.u32 %r0, %tid.x;\nsetp.lt.u32 %p1, %r0, 32;\n\
         and.b32 %r2, %r0, 1;\nsetp.eq.u32 %p2, %r2, 0;\nmul.wide.u32 %rd3, %r0, 4;\nadd.s64 %rd1, %rd1, %rd3;\n\
         add.s64 %rd2, %rd2, %rd3;\n{before}\nld.global.u32 %r1, [%rd2];\n{between}\nst.global.u32 [%rd1], %r1;\n\
         {after}\nret;\n}}\n"
    )
}

const WAIT: &str = "griddepcontrol.wait;";

/// Buffers of 64 words, and a graph of copies between them.
struct World {
    device: Arc<Device>,
    buffers: Vec<u64>,
    graph: Graph,
    modules: Vec<Arc<simt::Module>>,
}

impl World {
    fn new(checks: Checks, buffers: &[&str]) -> Self {
        let device = Device::new(Options { checks, ..Options::default() });
        let buffers = buffers
            .iter()
            .map(|name| {
                let address = device.allocate(name, 256).unwrap();
                device.fill(address, &[7, 0, 0, 0], 64).unwrap();
                address
            })
            .collect();
        Self { device, buffers, graph: Graph::new(), modules: Vec::new() }
    }

    fn kernel(&mut self, text: &str, to: usize, from: usize, after: &[(NodeId, Dependency)]) -> NodeId {
        let module = self.device.load(text).unwrap();
        let function = module.function("k").unwrap();
        self.modules.push(module);
        let parameters = [self.buffers[to], self.buffers[from]].map(u64::to_le_bytes).concat();
        let node =
            self.graph.add(Work::Kernel(Kernel { function, launch: threads(64), parameters }), &[]).unwrap();
        for &(before, dependency) in after {
            self.graph.depend_by(before, node, dependency).unwrap();
        }
        node
    }

    fn run(&self) -> Option<Fault> {
        match self.graph.instantiate().unwrap().launch(&self.device) {
            Ok(_) => None,
            Err(stopped) => match stopped.error {
                Error::Fault(fault) => Some(*fault),
                other => panic!("{other}"),
            },
        }
    }

    fn early(&self) -> Fault {
        let fault = self.run().expect("a fault is expected");
        assert_eq!(fault.kind, FaultKind::EarlyAccess, "{fault}");
        fault
    }
}

/// `a` to `b`, then `b` to `c` by a kernel of this text.
fn pair(text: &str, dependency: Dependency) -> World {
    let mut world = World::new(Checks::ALL, &["a", "b", "c"]);
    let first = world.kernel(&copying(WAIT, "", ""), 1, 0, &[]);
    world.kernel(text, 2, 1, &[(first, dependency)]);
    world
}

#[test]
fn who_waits_first_may_touch_everything() {
    assert_eq!(pair(&copying(WAIT, "", ""), Programmatic).run(), None);
    // A full dependency needs no waiting.
    assert_eq!(pair(&copying("", "", ""), Full).run(), None);
    // What nobody before it touches may be read before: `a` is only read.
    let mut world = World::new(Checks::ALL, &["a", "b", "c"]);
    let first = world.kernel(&copying("", "", ""), 1, 0, &[]);
    world.kernel(&copying("", WAIT, ""), 2, 0, &[(first, Programmatic)]);
    assert_eq!(world.run(), None);
    // Every launch of the graph begins anew.
    assert_eq!(world.run(), None);
}

#[test]
fn a_read_before_the_wait_is_a_fault_that_says_who_writes() {
    for (before, between, after) in [("", "", ""), ("", WAIT, ""), ("", "", WAIT)] {
        let text = copying(before, between, after);
        let fault = pair(&text, Programmatic).early();
        let place = fault.place.clone().unwrap();
        assert_eq!((place.ptx_line, place.thread), (line_of(&text, "ld.global"), [0, 0, 0]), "{fault}");
        assert_eq!(fault.target.as_ref().unwrap().buffer, Some(("b".to_owned(), 256, 0)));
        assert!(
            fault.message.contains("read of 4 bytes in `b`, which kernel k (graph node 0) writes"),
            "{fault}"
        );
    }
}

#[test]
fn a_write_before_the_wait_of_what_others_read_or_write_is_a_fault() {
    for (to, says) in [(0, "reads"), (1, "writes")] {
        let mut world = World::new(Checks::ALL, &["a", "b", "c"]);
        let first = world.kernel(&copying("", "", ""), 1, 0, &[]);
        let text = copying("", "", WAIT);
        world.kernel(&text, to, 2, &[(first, Programmatic)]);
        let fault = world.early();
        assert_eq!(fault.place.as_ref().unwrap().ptx_line, line_of(&text, "st.global"));
        assert!(fault.message.contains(says) && fault.message.contains("write of 4 bytes"), "{fault}");
    }
}

#[test]
fn each_thread_waits_for_itself() {
    let half = pair(&copying(&format!("@%p1 {WAIT}"), "", ""), Programmatic).early();
    assert_eq!(half.place.unwrap().thread, [32, 0, 0]);
    let odd = pair(&copying(&format!("@%p2 {WAIT}"), "", ""), Programmatic).early();
    assert_eq!(odd.place.unwrap().thread, [1, 0, 0]);
}

#[test]
fn a_chain_of_early_kernels_is_open_until_one_waits() {
    // The third may begin before the second has waited for the first.
    let mut world = World::new(Checks::ALL, &["a", "b", "c", "d"]);
    let first = world.kernel(&copying(WAIT, "", ""), 1, 0, &[]);
    let second = world.kernel(&copying(WAIT, "", ""), 2, 1, &[(first, Programmatic)]);
    world.kernel(&copying("", WAIT, ""), 3, 1, &[(second, Programmatic)]);
    assert!(world.early().message.contains("graph node 0"));
}

#[test]
fn a_kernel_that_never_waits_orders_nothing_before_it() {
    for dependency in [Full, Programmatic] {
        let mut world = World::new(Checks::ALL, &["a", "b", "c", "d", "e"]);
        let first = world.kernel(&copying(WAIT, "", ""), 1, 0, &[]);
        // Touches nothing that the first does, and never waits.
        let second = world.kernel(&copying("", "", ""), 3, 2, &[(first, Programmatic)]);
        let third = world.kernel(&copying(WAIT, "", ""), 4, 1, &[(second, dependency)]);
        let fault = world.early();
        assert!(fault.message.contains("nothing waits for its end"), "{fault}");
        // An edge of its own orders it.
        world.graph.depend_by(first, third, dependency).unwrap();
        assert_eq!(world.run(), None);
    }
}

#[test]
fn a_copy_after_a_kernel_that_never_waits_is_looked_at_too() {
    let mut world = World::new(Checks::ALL, &["a", "b", "c", "d"]);
    let first = world.kernel(&copying("", "", ""), 1, 0, &[]);
    let second = world.kernel(&copying("", "", ""), 3, 2, &[(first, Programmatic)]);
    let copy = |from, to| Work::Copy { from, to, bytes: 256 };
    let node = world.graph.add(copy(world.buffers[3], world.buffers[2]), &[second]).unwrap();
    assert_eq!(world.run(), None);
    world.graph.set_work(node, copy(world.buffers[1], world.buffers[2])).unwrap();
    assert!(world.early().message.contains("copy within the device in `b`"));
    // Only kernels are launched early.
    let error = world.graph.depend_by(first, node, Programmatic).unwrap_err();
    assert!(error.to_string().contains("not both kernels"), "{error}");
}

#[test]
fn without_the_check_it_is_not_looked_for() {
    let mut world = World::new(Checks { early_access: false, ..Checks::ALL }, &["a", "b", "c"]);
    let first = world.kernel(&copying("", "", ""), 1, 0, &[]);
    world.kernel(&copying("", "", ""), 2, 1, &[(first, Programmatic)]);
    assert_eq!(world.run(), None);
}

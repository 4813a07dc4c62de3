//! Random programs: the verdict must be that of the oracle.

use proptest::prelude::*;

use super::oracle::{LANES, Oracle};
use super::world::*;
use crate::ptx::{Order, Scope};

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Block, warp, lanes, distance between lanes.
    Access {
        at: (usize, u32, u32),
        stride: u64,
        shared: bool,
        address: u64,
        kind: u8,
        bytes: u32,
        order: u8,
        wide: bool,
    },
    WarpSync {
        at: (usize, u32, u32),
    },
    Barrier {
        block: usize,
        arrived: u32,
        released: u32,
    },
    Fence {
        at: (usize, u32, u32),
        total: bool,
        wide: bool,
    },
}

const BLOCKS: usize = 3;
const WARPS: u32 = 2;

fn steps(sync: u32) -> impl Strategy<Value = Vec<Step>> {
    let lanes = prop_oneof![4 => (0..LANES).prop_map(|lane| 1 << lane), 1 => 1_u32..16, 1 => Just(15)];
    let at = (0..BLOCKS, 0..WARPS, lanes).boxed();
    let data = (at.clone(), 0_u64..3, any::<bool>(), 0_u64..4, 0_u8..2, 0_u32..4).prop_map(
        |(at, stride, shared, place, kind, size)| {
            // Three in four are words; an address is a multiple of its size.
            let bytes = [1, 2, 4, 4][size as usize];
            Step::Access { at, stride, shared, address: place * 4, kind, bytes, order: 0, wide: false }
        },
    );
    let flag = (at.clone(), any::<bool>(), 4_u64..6, 0_u8..3, 1_u8..5, prop::bool::weighted(0.8), 0_u64..3)
        .prop_map(|(at, shared, place, kind, order, wide, stride)| {
            let stride = u64::from(stride == 2);
            Step::Access { at, stride, shared, address: place * 4, kind, bytes: 4, order, wide }
        });
    let barrier =
        (0..BLOCKS, 1_u32..4, 1_u32..4, any::<bool>()).prop_map(|(block, arrived, released, full)| {
            let (arrived, released) = if full { (3, 3) } else { (arrived, arrived & released) };
            Step::Barrier { block, arrived, released }
        });
    let fence = (at.clone(), any::<bool>(), prop::bool::weighted(0.8))
        .prop_map(|(at, total, wide)| Step::Fence { at, total, wide });
    let warp_sync = (at, any::<bool>()).prop_map(|((block, warp, lanes), full)| Step::WarpSync {
        at: (block, warp, if full { u32::MAX } else { lanes }),
    });
    let step = prop_oneof![6 => data, sync => flag, 3 => barrier, sync => fence, 2 => warp_sync];
    prop::collection::vec(step, 1..40)
}

fn ask(kind: u8, bytes: u32, order: u8, wide: bool) -> Ask {
    let kind = [Load, Store, Atomic][kind as usize];
    let order = match (order, kind) {
        (0, _) => Order::Weak,
        (2, Load) => Order::Acquire,
        (2, Store) => Order::Release,
        (2, Atomic) => Order::AcquireRelease,
        (3, _) => Order::Volatile,
        _ => Order::Relaxed,
    };
    Ask { kind, bytes, order, scope: if wide { Scope::Device } else { Scope::Block }, nc: false }
}

fn lanes(at: (usize, u32, u32)) -> Vec<Thread> {
    (0..LANES).filter(|lane| at.2 >> lane & 1 == 1).map(|lane| (at.0, at.1, lane)).collect()
}

fn warps(block: usize, mask: u32) -> Vec<Thread> {
    let warps = (0..WARPS).filter(|warp| mask >> warp & 1 == 1);
    warps.flat_map(|warp| (0..LANES).map(move |lane| (block, warp, lane))).collect()
}

fn apply(world: &mut World, step: Step) -> bool {
    match step {
        Step::Access { at, stride, shared, address, kind, bytes, order, wide } => {
            let base = if shared { address } else { begin(0) + address };
            let ask = ask(kind, bytes, order, wide);
            let step = stride * u64::from(bytes);
            world.warp((at.0, at.1), ask, shared, at.2, |lane| base + lane * step).is_ok()
        }
        Step::WarpSync { at } => {
            world.blocks[at.0].warp_sync(at.1, at.2);
            true
        }
        Step::Barrier { block, arrived, released } => {
            world.blocks[block].barrier(arrived, released);
            true
        }
        Step::Fence { at, total, wide } => {
            let order = if total { Order::SequentiallyConsistent } else { Order::AcquireRelease };
            let scope = if wide { Scope::Device } else { Scope::Block };
            world.blocks[at.0].fence(at.1, at.2, order, scope);
            true
        }
    }
}

fn ask_oracle(oracle: &mut Oracle, step: Step) -> bool {
    match step {
        Step::Access { at, stride, shared, address, kind, bytes, order, wide } => {
            let space = shared.then_some(at.0);
            let place = |lane: u32| address + u64::from(lane) * stride * u64::from(bytes);
            let asks: Vec<_> = lanes(at).into_iter().map(|thread| (thread, place(thread.2))).collect();
            oracle.access(space, &asks, ask(kind, bytes, order, wide))
        }
        Step::WarpSync { at } => {
            oracle.meet(&lanes(at), &lanes(at));
            true
        }
        Step::Barrier { block, arrived, released } => {
            oracle.meet(&warps(block, arrived), &warps(block, released));
            true
        }
        Step::Fence { at, total, wide } => {
            let order = if total { Order::SequentiallyConsistent } else { Order::AcquireRelease };
            let scope = if wide { Scope::Device } else { Scope::Block };
            lanes(at).into_iter().for_each(|thread| oracle.fence(thread, order, scope));
            true
        }
    }
}

fn agree(steps: &[Step], communicating: bool) {
    let mut oracle = Oracle::default();
    let wanted = steps.iter().position(|&step| !ask_oracle(&mut oracle, step));
    let mut world = World::with(BLOCKS as u32, WARPS, communicating, &[0]);
    let found = steps.iter().position(|&step| !apply(&mut world, step));
    assert_eq!(found, wanted, "at which step the first race is");
    // Without a hint, more runs find whether there is one.
    let mut world = World::new(BLOCKS as u32, WARPS, communicating);
    let raced = loop {
        if !steps.iter().all(|&step| apply(&mut world, step)) {
            break true;
        }
        if !world.launch.must_run_again_over(&world.memory) {
            break false;
        }
        for (number, block) in world.blocks.iter_mut().enumerate() {
            world.launch.next_block(block, number as u32);
        }
    };
    assert_eq!(raced, wanted.is_some());
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(3000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn blocks_that_communicate(steps in steps(6)) {
        agree(&steps, true);
    }

    #[test]
    fn blocks_that_do_not(steps in steps(0)) {
        agree(&steps, false);
    }
}

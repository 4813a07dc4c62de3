//! What is said of a race.

use super::host::Host;
use super::rules::{Found, Pair};
use crate::WARP;
use crate::fault::{FaultKind, Target};
use crate::memory::{Access, AccessKind, Violation};

/// Puts what was found into words. `host` is there for global memory.
pub(super) fn violation(
    found: Found,
    host: Option<&dyn Host>,
    block: u32,
    warp: u32,
    access: &Access<'_>,
) -> Box<Violation> {
    let space = if host.is_some() { "global" } else { "shared" };
    let (kind, pair) = match found {
        Found::Race(pair) => (FaultKind::Race, pair),
        Found::Stale(pair) => (FaultKind::ReadOnlyCacheStale, pair),
        Found::Full => {
            let message = format!(
                "the history of {space} memory has no room for more; launch fewer blocks at once, or switch the check \
                 of races off"
            );
            let lane = access.active.trailing_zeros();
            return Box::new(Violation {
                kind: FaultKind::Unsupported,
                lane,
                message,
                target: None,
                other: None,
            });
        }
    };
    let address = access.addresses.get(pair.lane as usize).copied().unwrap_or_default();
    let (bytes, lane) = (access.bytes, pair.lane);
    let what = match access.kind {
        AccessKind::Load => "read",
        AccessKind::Store => "write",
        AccessKind::Atomic => "atomic operation",
    };
    let place = if host.is_some() { format!("{address:#x}") } else { address.to_string() };
    let who = format!("{what} of {bytes} bytes of {space} memory at {place} by warp {warp} lane {lane}");
    let other = other(&pair, block);
    let earlier = if pair.write { "write" } else { "read" };
    let message = match kind {
        FaultKind::ReadOnlyCacheStale if pair.write => format!(
            "{who} through the read-only cache follows a {earlier} by {other} in the same launch: what the cache holds \
             may be older; read it without __ldg and const __restrict__"
        ),
        FaultKind::ReadOnlyCacheStale => format!(
            "{who} follows a {earlier} through the read-only cache by {other} in the same launch: memory that is read \
             that way must not change; read it without __ldg and const __restrict__"
        ),
        _ if same_instruction(&pair, block, warp, access) => format!(
            "{who} races with the same instruction of lane {}, which writes there too: one of the two is lost, and \
             nothing says which, even where both write the same value",
            pair.other_lane
        ),
        _ => format!(
            "{who} is not ordered with an earlier {earlier} by {other}{}",
            hint(&pair, block, warp, access)
        ),
    };
    let buffer = host.and_then(|host| host.buffer_at(address));
    let buffer = buffer.map(|(name, begin, size)| (name, size, address.wrapping_sub(begin) as i64));
    Box::new(Violation {
        kind,
        lane,
        message,
        target: Some(Target { space, address, bytes, buffer }),
        other: Some((pair.write, pair.other.block, pair.other.warp * WARP as u32 + pair.other_lane)),
    })
}

fn other(pair: &Pair, block: u32) -> String {
    let whose = if pair.other.block == block {
        "the same block".to_owned()
    } else {
        format!("block {}", pair.other.block)
    };
    format!("warp {} lane {} of {whose}", pair.other.warp, pair.other_lane)
}

fn same_instruction(pair: &Pair, block: u32, warp: u32, access: &Access<'_>) -> bool {
    let (mine, theirs) = (pair.lane as usize, pair.other_lane as usize);
    let overlap = match (access.addresses.get(mine), access.addresses.get(theirs)) {
        (Some(mine), Some(theirs)) => mine.abs_diff(*theirs) < u64::from(access.bytes),
        _ => false,
    };
    access.kind == AccessKind::Store
        && pair.write
        && (pair.other.block, pair.other.warp) == (block, warp)
        && mine != theirs
        && access.active >> (theirs & 31) & 1 == 1
        && overlap
}

/// What would order them.
fn hint(pair: &Pair, block: u32, warp: u32, access: &Access<'_>) -> &'static str {
    let strong = super::class::Class::of(access).strong();
    if strong && pair.other.class.strong() {
        return ": both are strong, but their scopes do not take in each other's thread, or their sizes differ";
    }
    if pair.other.block != block {
        ": only a fence and a flag, or another launch, order blocks"
    } else if pair.other.warp != warp {
        ": a barrier between them would"
    } else {
        ": __syncwarp() between them would; shuffles and votes do not"
    }
}

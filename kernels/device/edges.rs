//! The edges of a graph, checked: the same for every device.

use super::ptx::Early;
use super::{Dependency, DeviceError, Function, GraphNode, Target};

/// Below this, a device has no programmatic edges.
const PROGRAMMATIC_FROM: Target = Target::new(9, 0);

/// An edge between two nodes, by their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) dependency: Dependency,
}

/// Every edge of a graph, as a device of this kind has it. `early`: what the code of a kernel says of those around it.
///
/// # Errors
/// [`DeviceError::Graph`] where there are no nodes, an edge does not lead forward or is there twice, one is programmatic
/// and its kernel does not wait, or one is full that the driver would not keep to.
pub(super) fn edges(
    nodes: &[GraphNode<'_>],
    target: Target,
    early: impl Fn(&Function) -> Early,
) -> Result<Vec<Edge>, DeviceError> {
    let problem = |problem: String| Err(DeviceError::Graph { problem });
    if nodes.is_empty() {
        return problem("it has no nodes, and replaying it would compute nothing".to_owned());
    }
    let mut edges: Vec<Edge> = Vec::with_capacity(nodes.len());
    for (to, node) in nodes.iter().enumerate() {
        let kernel = &node.function.kernel;
        let mut seen: Vec<usize> = Vec::with_capacity(node.after.len());
        for after in &node.after {
            let from = after.node;
            if from >= to {
                return problem(format!(
                    "node {to} ({kernel}) depends on node {from}, which does not come before it; list nodes in an \
                     order that keeps every dependency"
                ));
            }
            if seen.contains(&from) {
                return problem(format!("node {to} ({kernel}) depends twice on node {from}; name it once"));
            }
            seen.push(from);
            let mut dependency = after.dependency;
            if dependency == Dependency::Programmatic && target < PROGRAMMATIC_FROM {
                dependency = Dependency::Full;
            }
            if dependency == Dependency::Programmatic && !early(node.function).waits {
                return problem(format!(
                    "node {to} depends on node {from} with its beginning, and kernel {kernel} never waits for the end; \
                     call wait_for_predecessor() of dependent.cuh in it, or give it a full dependency"
                ));
            }
            edges.push(Edge { from, to, dependency });
        }
    }
    match programmatic(&edges) {
        0 => Ok(edges),
        _ => held(nodes, edges, early),
    }
}

/// In a graph with programmatic edges, a full one does not hold back a kernel from one that lets its successor start:
/// seen on an NVIDIA H200, driver 580.159.04, CUDA 13.0, as logits that were read before they were written. So such a kernel has to
/// wait by itself.
fn held(
    nodes: &[GraphNode<'_>],
    edges: Vec<Edge>,
    early: impl Fn(&Function) -> Early,
) -> Result<Vec<Edge>, DeviceError> {
    let kernel = |node: usize| nodes.get(node).map(|node| node.function);
    let loose = edges.iter().find_map(|edge| {
        let (from, to) = (kernel(edge.from)?, kernel(edge.to)?);
        (early(from).lets_start && !early(to).waits).then_some((edge, from, to))
    });
    let Some((Edge { from, to, .. }, before, after)) = loose else { return Ok(edges) };
    let (before, after) = (&before.kernel, &after.kernel);
    let problem = format!(
        "node {to} ({after}) never waits, and node {from} ({before}) before it lets its successor start: a full \
         dependency does not hold where others are programmatic; call wait_for_predecessor() of dependent.cuh in \
         {after}, or give every node a full dependency"
    );
    Err(DeviceError::Graph { problem })
}

/// How many of these edges are programmatic.
pub(super) fn programmatic(edges: &[Edge]) -> usize {
    edges.iter().filter(|edge| edge.dependency == Dependency::Programmatic).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{After, Launch};
    use Dependency::{Full, Programmatic};

    /// The edges of three nodes, each after these; the kernel of the third never waits.
    fn of(
        after: [&[(usize, Dependency)]; 3],
        target: Target,
    ) -> Result<Vec<(usize, usize, Dependency)>, String> {
        let functions =
            ["rope", "rmsnorm", "bias"].map(|kernel| Function { kernel: kernel.to_owned(), handle: 0 });
        let launch = Launch { grid: [1; 3], block: [1; 3], shared: 0 };
        let after =
            after.map(|list| list.iter().map(|&(node, dependency)| After { node, dependency }).collect());
        let nodes: Vec<GraphNode<'_>> = functions
            .iter()
            .zip(after)
            .map(|(function, after)| GraphNode { function, launch, arguments: Vec::new(), after })
            .collect();
        let early = |function: &Function| Early {
            waits: function.kernel != "bias",
            lets_start: function.kernel == "rmsnorm",
        };
        match edges(&nodes, target, early) {
            Ok(edges) => Ok(edges.iter().map(|edge| (edge.from, edge.to, edge.dependency)).collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn edges_lead_forward_and_are_there_once() {
        let hopper = Target::new(9, 0);
        let all = of([&[], &[(0, Full)], &[(0, Full), (1, Full)]], hopper);
        assert_eq!(all, Ok(vec![(0, 1, Full), (0, 2, Full), (1, 2, Full)]));
        for (after, said) in [
            (
                [&[][..], &[(1, Full)], &[]],
                "node 1 (rmsnorm) depends on node 1, which does not come before it",
            ),
            ([&[(2, Full)], &[], &[]], "node 0 (rope) depends on node 2"),
            ([&[], &[], &[(9, Full)]], "node 2 (bias) depends on node 9"),
            ([&[], &[(0, Full), (0, Programmatic)], &[]], "depends twice on node 0"),
        ] {
            let error = of(after, hopper).unwrap_err();
            assert!(error.contains(said), "{said}: {error}");
        }
        let none = edges(&[], hopper, |_| Early::default()).unwrap_err();
        assert!(none.to_string().contains("it has no nodes"), "{none}");
    }

    #[test]
    fn only_a_kernel_that_waits_begins_early_and_only_where_that_is_possible() {
        let after: [&[_]; 3] = [&[], &[(0, Programmatic)], &[(1, Programmatic)]];
        let error = of(after, Target::new(9, 0)).unwrap_err();
        assert!(error.contains("kernel bias never waits") && error.contains("full dependency"), "{error}");
        assert_eq!(of(after, Target::new(8, 9)), Ok(vec![(0, 1, Full), (1, 2, Full)]));
    }

    #[test]
    fn a_full_edge_is_refused_where_the_driver_does_not_keep_to_it() {
        // rmsnorm lets its successor start, and bias does not wait.
        let mixed: [&[_]; 3] = [&[], &[(0, Programmatic)], &[(1, Full)]];
        let error = of(mixed, Target::new(9, 0)).unwrap_err();
        assert!(error.contains("node 2 (bias) never waits, and node 1 (rmsnorm)"), "{error}");
        assert_eq!(of(mixed, Target::new(8, 9)), Ok(vec![(0, 1, Full), (1, 2, Full)]));
        // Not where it comes after another, nor where every edge is full.
        let other: [&[_]; 3] = [&[], &[(0, Programmatic)], &[(0, Full)]];
        assert_eq!(of(other, Target::new(9, 0)), Ok(vec![(0, 1, Programmatic), (0, 2, Full)]));
    }
}

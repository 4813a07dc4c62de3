//! The edges of a graph, checked: the same for every device.

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

/// Every edge of a graph, as a device of this kind has it. `waits`: whether the code of a kernel waits for what it
/// depends on.
///
/// # Errors
/// [`DeviceError::Graph`] where there are no nodes, an edge does not lead forward or is there twice, or one is programmatic
/// and its kernel does not wait.
pub(super) fn edges(
    nodes: &[GraphNode<'_>],
    target: Target,
    waits: impl Fn(&Function) -> bool,
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
            if dependency == Dependency::Programmatic && !waits(node.function) {
                return problem(format!(
                    "node {to} depends on node {from} with its beginning, and kernel {kernel} never waits for the end; \
                     call wait_for_predecessor() of dependent.cuh in it, or give it a full dependency"
                ));
            }
            edges.push(Edge { from, to, dependency });
        }
    }
    Ok(edges)
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
        match edges(&nodes, target, |function| function.kernel != "bias") {
            Ok(edges) => Ok(edges.iter().map(|edge| (edge.from, edge.to, edge.dependency)).collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn edges_lead_forward_and_are_there_once() {
        let hopper = Target::new(9, 0);
        let all = of([&[], &[(0, Programmatic)], &[(0, Full), (1, Full)]], hopper);
        assert_eq!(all, Ok(vec![(0, 1, Programmatic), (0, 2, Full), (1, 2, Full)]));
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
        let none = edges(&[], hopper, |_| true).unwrap_err();
        assert!(none.to_string().contains("it has no nodes"), "{none}");
    }

    #[test]
    fn only_a_kernel_that_waits_begins_early_and_only_where_that_is_possible() {
        let after: [&[_]; 3] = [&[], &[(0, Programmatic)], &[(1, Programmatic)]];
        let error = of(after, Target::new(9, 0)).unwrap_err();
        assert!(error.contains("kernel bias never waits") && error.contains("full dependency"), "{error}");
        assert_eq!(of(after, Target::new(8, 9)), Ok(vec![(0, 1, Full), (1, 2, Full)]));
    }
}

//! Circles among things that depend on each other.

use std::collections::HashMap;

/// Something with an id, and what it depends on.
pub(super) struct Dependent<'a> {
    pub(super) id: &'a str,
    pub(super) depends_on: &'a [String],
}

/// How many circles of one graph are found. Mending one often mends others.
const MOST: usize = 16;

/// Members of a circle, each with the index of the dependency that leads to the next one.
pub(super) type Circle = Vec<(usize, usize)>;

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Entered,
    Done,
}

/// The circles that a walk along the dependencies runs into. Each member is entered once, so the time is proportional to
/// what is written.
pub(super) fn circles(all: &[Dependent<'_>]) -> Vec<Circle> {
    let mut index: HashMap<&str, usize> = HashMap::new();
    for (at, dependent) in all.iter().enumerate() {
        index.entry(dependent.id).or_insert(at);
    }
    let mut states = vec![State::New; all.len()];
    let mut found: Vec<Circle> = Vec::new();
    for start in 0..all.len() {
        let mut walk: Circle = Vec::new();
        enter(start, &mut states, &mut walk);
        // For each member, which of its dependencies is next.
        while let Some((node, next)) = walk.last_mut() {
            let Some(name) = all.get(*node).and_then(|dependent| dependent.depends_on.get(*next)) else {
                if let Some(state) = states.get_mut(*node) {
                    *state = State::Done;
                }
                walk.pop();
                continue;
            };
            *next += 1;
            let Some(other) = index.get(name.as_str()).copied() else { continue };
            if states.get(other) == Some(&State::Entered) && found.len() < MOST {
                let begin = walk.iter().position(|(node, _)| *node == other).unwrap_or(0);
                found.push(
                    walk.iter().skip(begin).map(|(node, next)| (*node, next.saturating_sub(1))).collect(),
                );
            }
            enter(other, &mut states, &mut walk);
        }
    }
    found
}

/// Walks on to a member, unless it was entered before.
fn enter(node: usize, states: &mut [State], walk: &mut Circle) {
    if let Some(state) = states.get_mut(node).filter(|state| **state == State::New) {
        *state = State::Entered;
        walk.push((node, 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(graph: &[(&str, &[&str])]) -> Vec<Circle> {
        let depends_on: Vec<Vec<String>> =
            graph.iter().map(|(_, on)| on.iter().map(|id| (*id).to_owned()).collect()).collect();
        let all: Vec<Dependent<'_>> =
            graph.iter().zip(&depends_on).map(|((id, _), depends_on)| Dependent { id, depends_on }).collect();
        circles(&all)
    }

    #[test]
    fn circles_are_found_once_and_diamonds_are_none() {
        assert_eq!(found(&[("a", &["a"])]), [vec![(0, 0)]]);
        assert_eq!(found(&[("a", &["c", "b"]), ("b", &["c", "a"]), ("c", &[])]), [vec![(0, 1), (1, 1)]]);
        let diamond: &[(&str, &[&str])] =
            &[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &["nowhere"])];
        assert_eq!(found(diamond), Vec::<Circle>::new());
        // Who only leads to a circle is not in it.
        assert_eq!(found(&[("x", &["a"]), ("a", &["b"]), ("b", &["a"])]), [vec![(1, 0), (2, 0)]]);
    }

    #[test]
    fn a_long_chain_is_walked_without_recursion() {
        let names: Vec<String> = (0..20_000).map(|at| at.to_string()).collect();
        let next: Vec<[&str; 1]> =
            (0..names.len()).map(|at| [names[(at + 1) % names.len()].as_str()]).collect();
        let graph: Vec<(&str, &[&str])> =
            names.iter().zip(&next).map(|(name, next)| (name.as_str(), next.as_slice())).collect();
        assert_eq!(found(&graph)[0].len(), names.len());
    }
}

//! The values that each field of a filter can take, to notice what is misspelled.

use contracts::nearest;

use super::{Field, Filter, FilterError, Node};

/// Every name that there is, by field.
#[derive(Debug, Clone, Default)]
pub struct Known<'a> {
    /// Claim ids.
    pub ids: Vec<&'a str>,
    /// Falsifier kinds.
    pub kinds: Vec<&'a str>,
    /// Models.
    pub models: Vec<&'a str>,
    /// Contract ids.
    pub contracts: Vec<&'a str>,
    /// Tiers.
    pub tiers: Vec<&'a str>,
    /// Lanes.
    pub lanes: Vec<&'a str>,
    /// Mutants.
    pub mutants: Vec<&'a str>,
}

impl<'a> Known<'a> {
    /// The values of a field.
    pub(super) fn of(&self, field: Field) -> &[&'a str] {
        match field {
            Field::Id => &self.ids,
            Field::Kind => &self.kinds,
            Field::Model => &self.models,
            Field::Contract => &self.contracts,
            Field::Tier => &self.tiers,
            Field::Lane => &self.lanes,
            Field::Kills => &self.mutants,
        }
    }
}

impl Filter {
    /// Refuses an expression in which a glob matches no value that there is.
    ///
    /// Such a glob is misspelled: by itself it would silently choose nothing, and behind `!` or beside `|` it would
    /// silently choose other claims than those that were meant.
    pub fn check(&self, known: &Known<'_>) -> Result<(), FilterError> {
        self.node.check(self, known)
    }
}

impl Node {
    fn check(&self, filter: &Filter, known: &Known<'_>) -> Result<(), FilterError> {
        match self {
            Self::Any(nodes) | Self::All(nodes) => {
                nodes.iter().try_for_each(|node| node.check(filter, known))
            }
            Self::Not(node) => node.check(filter, known),
            Self::Is { field, glob, at } => {
                let values = known.of(*field);
                if values.iter().any(|value| glob.is_match(value)) {
                    return Ok(());
                }
                let written = glob.glob().glob();
                let hint = match nearest(written, values.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => few(values),
                };
                let problem = format!("no {} matches `{written}` ({hint})", field.noun());
                Err(FilterError::new(&filter.source, problem, *at))
            }
        }
    }
}

/// Some of the values, for someone who was not near any.
fn few(values: &[&str]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<&str> = values.iter().take(SHOWN).copied().collect();
    match values.len() {
        0 => "there is none".to_owned(),
        count if count > SHOWN => format!("there are {} and {} more", shown.join(", "), count - SHOWN),
        _ => format!("there are {}", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filter: &str) -> Result<(), String> {
        let known = Known {
            ids: vec!["FALSIFY-QWEN2-001"],
            kinds: vec!["oracle_parity", "finiteness", "determinism", "loss_bound", "golden_output"],
            models: vec!["qwen2-tiny", "micro/qwen3-dense"],
            contracts: vec!["qwen2"],
            tiers: vec!["ci", "long"],
            lanes: vec!["cpu", "simt", "cuda"],
            mutants: vec!["rope@theta-10000"],
        };
        Filter::parse(filter).unwrap().check(&known).map_err(|error| error.to_string())
    }

    #[test]
    fn what_exists_is_let_through() {
        for good in
            ["kind(oracle_*)", "FALSIFY-*", "!tier(long)", "model(micro/*) | lane(cuda)", "kills(rope@*)"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_matches_nothing_is_named_wherever_it_stands() {
        for (bad, words) in [
            (
                "kind(oracle_partiy)",
                "no kind matches `oracle_partiy` (did you mean `oracle_parity`?) at character 6",
            ),
            ("!kind(finitness)", "did you mean `finiteness`?"),
            (
                "kind(oracle_parity) | model(qwen2-tinny)",
                "no model matches `qwen2-tinny` (did you mean `qwen2-tiny`?)",
            ),
            (
                "FALSIFY-QWEN2-01",
                "no claim id matches `FALSIFY-QWEN2-01` (did you mean `FALSIFY-QWEN2-001`?)",
            ),
            ("tier(ci) & (lane(gpu) | lane(cpu))", "no lane matches `gpu`"),
            ("kind(x)", "there are oracle_parity, finiteness, determinism, loss_bound and 1 more"),
            ("kills(rope@theta-1000)", "no mutant matches"),
        ] {
            let error = check(bad).unwrap_err();
            assert!(error.contains(words), "{bad}: {error}");
        }
    }
}

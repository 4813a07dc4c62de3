//! Choosing claims by expression.
//!
//! ```text
//! expression := term ("|" term)*
//! term       := factor ("&" factor)*
//! factor     := "!" factor | "(" expression ")" | NAME "(" GLOB ")" | GLOB
//! NAME       := id | kind | model | contract | tier | lane | kills
//! ```
//!
//! `!` binds closest, then `&`, then `|`. A glob by itself is matched against the claim's id. `model` and `kills` hold
//! if any of the claim's models or mutants matches. A glob that matches no value that there is, is an error
//! ([`Filter::check`]).

mod complete;
mod known;

use globset::{Glob, GlobMatcher};

pub use complete::complete;
pub use known::Known;

/// What a filter can look at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Claim id.
    pub id: &'a str,
    /// Falsifier kind.
    pub kind: &'a str,
    /// Models the claim runs on.
    pub models: &'a [String],
    /// Contract id.
    pub contract: &'a str,
    /// Tier.
    pub tier: &'a str,
    /// Lane.
    pub lane: &'a str,
    /// Mutants that the claim must kill.
    pub kills: &'a [String],
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Filter {
    source: String,
    node: Node,
}

#[derive(Debug, Clone)]
enum Node {
    Any(Vec<Node>),
    All(Vec<Node>),
    Not(Box<Node>),
    Is {
        field: Field,
        glob: GlobMatcher,
        /// Where the glob begins, in bytes.
        at: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Id,
    Kind,
    Model,
    Contract,
    Tier,
    Lane,
    Kills,
}

impl Field {
    /// What its values are, in words.
    const fn noun(self) -> &'static str {
        match self {
            Self::Id => "claim id",
            Self::Kind => "kind",
            Self::Model => "model",
            Self::Contract => "contract",
            Self::Tier => "tier",
            Self::Lane => "lane",
            Self::Kills => "mutant",
        }
    }
}

const FIELDS: &[(&str, Field)] = &[
    ("id", Field::Id),
    ("kind", Field::Kind),
    ("model", Field::Model),
    ("contract", Field::Contract),
    ("tier", Field::Tier),
    ("lane", Field::Lane),
    ("kills", Field::Kills),
];

/// Why an expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "filter `{source_text}`: {problem} at character {at}; an example is `kind(oracle_parity) & !model(micro/*)`"
)]
pub struct FilterError {
    source_text: String,
    problem: String,
    at: usize,
}

impl FilterError {
    /// A problem of `source`, at a byte of it.
    fn new(source: &str, problem: impl Into<String>, at: usize) -> Self {
        let at = source.get(..at).map_or(0, |before| before.chars().count()) + 1;
        Self { source_text: source.to_owned(), problem: problem.into(), at }
    }
}

/// How deep parentheses may nest.
const DEEPEST: usize = 64;

impl Filter {
    /// Compiles an expression.
    pub fn parse(source: &str) -> Result<Self, FilterError> {
        let mut parser = Parser { source, at: 0, depth: 0 };
        let node = parser.any()?;
        parser.space();
        match parser.peek() {
            None => Ok(Self { source: source.to_owned(), node }),
            Some(other) => Err(parser.error(format!("unexpected `{other}`"))),
        }
    }

    /// The expression as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether a claim is chosen.
    #[must_use]
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        self.node.matches(facts)
    }
}

impl Node {
    fn matches(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Any(nodes) => nodes.iter().any(|node| node.matches(facts)),
            Self::All(nodes) => nodes.iter().all(|node| node.matches(facts)),
            Self::Not(node) => !node.matches(facts),
            Self::Is { field, glob, .. } => match field {
                Field::Id => glob.is_match(facts.id),
                Field::Kind => glob.is_match(facts.kind),
                Field::Model => facts.models.iter().any(|model| glob.is_match(model)),
                Field::Contract => glob.is_match(facts.contract),
                Field::Tier => glob.is_match(facts.tier),
                Field::Lane => glob.is_match(facts.lane),
                Field::Kills => facts.kills.iter().any(|mutant| glob.is_match(mutant)),
            },
        }
    }
}

struct Parser<'s> {
    source: &'s str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn error(&self, problem: impl Into<String>) -> FilterError {
        FilterError::new(self.source, problem, self.at)
    }

    fn peek(&self) -> Option<char> {
        self.source.get(self.at..)?.chars().next()
    }

    fn space(&mut self) {
        while let Some(c) = self.peek().filter(|c| c.is_whitespace()) {
            self.at += c.len_utf8();
        }
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.space();
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn any(&mut self) -> Result<Node, FilterError> {
        let mut nodes = vec![self.all()?];
        while self.eat('|') {
            nodes.push(self.all()?);
        }
        Ok(Node::Any(nodes))
    }

    fn all(&mut self) -> Result<Node, FilterError> {
        let mut nodes = vec![self.factor()?];
        while self.eat('&') {
            nodes.push(self.factor()?);
        }
        Ok(Node::All(nodes))
    }

    fn factor(&mut self) -> Result<Node, FilterError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error("nested too deeply"));
        }
        let node = if self.eat('!') {
            Node::Not(Box::new(self.factor()?))
        } else if self.eat('(') {
            let node = self.any()?;
            if !self.eat(')') {
                return Err(self.error("expected `)`"));
            }
            node
        } else {
            self.predicate()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn word(&mut self) -> &str {
        self.space();
        let start = self.at;
        while let Some(c) = self.peek().filter(|c| !c.is_whitespace() && !"()&|!".contains(*c)) {
            self.at += c.len_utf8();
        }
        self.source.get(start..self.at).unwrap_or_default()
    }

    fn predicate(&mut self) -> Result<Node, FilterError> {
        let word = self.word().to_owned();
        if word.is_empty() {
            return Err(self.error("expected a predicate or a claim id"));
        }
        if self.peek() != Some('(') {
            return self.glob(Field::Id, &word);
        }
        let Some(&(_, field)) = FIELDS.iter().find(|(name, _)| *name == word) else {
            let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
            let near = contracts::nearest(&word, names.iter().copied());
            let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
            let known = names.join(", ");
            return Err(self.error(format!("unknown predicate `{word}`{near} (known are {known})")));
        };
        self.at += 1;
        let glob = self.word().to_owned();
        if glob.is_empty() {
            return Err(self.error("expected a glob"));
        }
        let node = self.glob(field, &glob)?;
        if !self.eat(')') {
            return Err(self.error("expected `)`"));
        }
        Ok(node)
    }

    /// The glob that was read last.
    fn glob(&self, field: Field, glob: &str) -> Result<Node, FilterError> {
        let at = self.at.saturating_sub(glob.len());
        let glob = Glob::new(glob).map_err(|error| self.error(error.to_string()))?;
        Ok(Node::Is { field, glob: glob.compile_matcher(), at })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(filter: &str) -> bool {
        let models = ["qwen2-tiny".to_owned(), "micro/qwen3-dense".to_owned()];
        let kills = ["rope@theta-10000".to_owned()];
        Filter::parse(filter).unwrap().matches(&Facts {
            id: "FALSIFY-QWEN2-001",
            kind: "oracle_parity",
            models: &models,
            contract: "qwen2",
            tier: "ci",
            lane: "cpu",
            kills: &kills,
        })
    }

    #[test]
    fn predicates_and_operators() {
        for yes in [
            "FALSIFY-QWEN2-*",
            "kind(oracle_parity)",
            "model(micro/*) & kind(oracle_*)",
            "kind(finiteness) | contract(qwen2)",
            "!kind(finiteness)",
            "!(kind(finiteness) | tier(long))",
            "kills(rope@*)",
            " lane( cpu ) ",
        ] {
            assert!(matches(yes), "{yes}");
        }
        for no in ["qwen2", "kind(oracle)", "model(llama*)", "kind(oracle_parity) & tier(long)", "!lane(cpu)"]
        {
            assert!(!matches(no), "{no}");
        }
    }

    #[test]
    fn errors_say_where_and_what_is_known() {
        let error = Filter::parse("knd(oracle_parity)").unwrap_err().to_string();
        assert!(
            error.contains("unknown predicate `knd`, did you mean `kind`? (known are id, kind, model"),
            "{error}"
        );
        for bad in ["", "kind(", "kind()", "kind(a", "a & ", "(a", "a)", "a b", "&", "kind([)"] {
            assert!(Filter::parse(bad).is_err(), "{bad}");
        }
        assert!(Filter::parse(&"(".repeat(100_000)).is_err());
        assert!(Filter::parse(&"!".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = Filter::parse(&text);
        }
    }
}

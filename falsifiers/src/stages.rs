//! Choosing stages by glob, as contracts and commands do.

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::stop::Stop;

/// A set of globs over canonical stage names.
#[derive(Debug, Clone)]
pub struct Selection {
    globs: Vec<String>,
    set: GlobSet,
}

impl Selection {
    /// Compiles globs; `*` is every stage.
    pub fn new<S: AsRef<str>>(globs: &[S]) -> Result<Self, Stop> {
        let mut builder = GlobSetBuilder::new();
        for glob in globs {
            let glob = glob.as_ref();
            builder.add(
                Glob::new(glob).map_err(|error| Stop::Errored(format!("stage glob `{glob}`: {error}")))?,
            );
        }
        let set = builder.build().map_err(|error| Stop::Errored(error.to_string()))?;
        Ok(Self { globs: globs.iter().map(|glob| glob.as_ref().to_owned()).collect(), set })
    }

    /// Whether a stage is chosen.
    #[must_use]
    pub fn matches(&self, stage: &str) -> bool {
        self.set.is_match(stage)
    }

    /// The first glob that matches none of `stages`: what it was to choose was not looked at.
    pub fn unmatched<'s>(&self, stages: impl Iterator<Item = &'s str>) -> Option<&str> {
        let mut matched = vec![false; self.globs.len()];
        for stage in stages {
            for index in self.set.matches(stage) {
                if let Some(matched) = matched.get_mut(index) {
                    *matched = true;
                }
            }
        }
        let index = matched.iter().position(|matched| !matched)?;
        self.globs.get(index).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_that_matches_nothing_is_named() {
        let selection = Selection::new(&["lm_head", "model.layers.*.mlp.*"]).unwrap();
        assert_eq!(selection.unmatched(["lm_head", "model.layers.0.mlp.act_fn"].into_iter()), None);
        assert_eq!(selection.unmatched(["lm_head"].into_iter()), Some("model.layers.*.mlp.*"));
        assert!(Selection::new(&["["]).is_err());
    }
}

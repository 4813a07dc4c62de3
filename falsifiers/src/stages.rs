//! Choosing stages by glob, as contracts and commands do.

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::stop::Stop;

/// A set of globs over canonical stage names.
#[derive(Debug, Clone)]
pub struct Selection(GlobSet);

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
        builder.build().map(Self).map_err(|error| Stop::Errored(error.to_string()))
    }

    /// Whether a stage is chosen.
    #[must_use]
    pub fn matches(&self, stage: &str) -> bool {
        self.0.is_match(stage)
    }
}

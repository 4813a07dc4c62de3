//! Names in a file become canonical ones: some checkpoints omit `model.`, others put `language_model.` in front.

/// An ordered list of replacements for the beginning of a name; the first that fits is applied, once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Prefix {
    rules: Vec<(String, String)>,
}

impl Prefix {
    /// Leaves every name as it is.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a rule: a name that begins with `from` begins with `to` instead. An empty `from` fits every name,
    /// and equal `from` and `to` protect names from the rules after.
    #[must_use]
    pub fn rule(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.rules.push((from.into(), to.into()));
        self
    }

    /// For checkpoints of a bare tower, which omit `model.`.
    pub fn bare() -> Self {
        Self::none().rule("model.", "model.").rule("lm_head.", "lm_head.").rule("", "model.")
    }

    /// For the language part of a multimodal checkpoint, in both spellings.
    pub fn language_model() -> Self {
        Self::none().rule("model.language_model.", "model.").rule("language_model.", "")
    }

    /// The canonical name of a name in a file.
    pub fn canonical(&self, name: &str) -> String {
        let found = self.rules.iter().find_map(|(from, to)| Some((to, name.strip_prefix(from.as_str())?)));
        match found {
            Some((to, rest)) => format!("{to}{rest}"),
            None => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_is_applied_once() {
        let cases = [
            (Prefix::none(), "layers.0.w", "layers.0.w"),
            (Prefix::bare(), "layers.0.w", "model.layers.0.w"),
            (Prefix::bare(), "model.norm.weight", "model.norm.weight"),
            (Prefix::bare(), "lm_head.weight", "lm_head.weight"),
            (Prefix::language_model(), "language_model.model.norm.weight", "model.norm.weight"),
            (Prefix::language_model(), "model.language_model.norm.weight", "model.norm.weight"),
            (Prefix::language_model(), "vision_tower.x", "vision_tower.x"),
            (Prefix::none().rule("a.", "b.").rule("b.", "c."), "a.x", "b.x"),
        ];
        for (prefix, stored, canonical) in cases {
            assert_eq!(prefix.canonical(stored), canonical, "{prefix:?}");
        }
    }
}

//! The digest that names an artifact.
//!
//! The key is a digest of everything that decides what the compiler makes: kernel, axes, source after include
//! expansion, options, compiler version and target. What is digested, the preimage, is stored beside the artifact and
//! compared when it is loaded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Axis, KernelSpec, Version};
use crate::device::Target;
use crate::seam::Point;

/// What a key is the digest of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preimage {
    /// The kernel.
    pub kernel: String,
    /// Every axis.
    pub axes: BTreeMap<String, Axis>,
    /// The source after include expansion.
    pub source: String,
    /// The options, exactly as the compiler gets them.
    pub options: Vec<String>,
    /// The compiler's version.
    pub compiler: Version,
    /// The target.
    pub target: Target,
}

impl Preimage {
    /// Of a spec.
    #[must_use]
    pub fn new(
        spec: &KernelSpec,
        source: String,
        options: Vec<String>,
        compiler: Version,
        target: Target,
    ) -> Self {
        Self { kernel: spec.kernel.clone(), axes: spec.axes.clone(), source, options, compiler, target }
    }

    /// The canonical text: JSON whose keys are sorted.
    #[must_use]
    pub fn text(&self) -> String {
        // Strings, numbers and maps with string keys always serialize; non-finite axes become null, and are refused
        // before they come here.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The key, in hexadecimal.
    #[must_use]
    pub fn key(&self) -> String {
        blake3::hash(self.text().as_bytes()).to_hex().to_string()
    }
}

/// Where a mutant can take something out of what a key is made from.
#[derive(Debug)]
pub struct KeyPoint;

impl Point for KeyPoint {
    const NAME: &'static str = "key";
    type Value<'a> = Preimage;
}

//! The text that is compiled: a `.cu` file with its includes put in place, line numbers kept.

use crate::launch::{COMMON, KernelInfo};
use crate::seam::Point;

/// Where a mutant can rewrite the source of a kernel.
#[derive(Debug)]
pub struct SourcePoint;

/// The value at [`SourcePoint`].
#[derive(Debug)]
pub struct SourceValue<'a> {
    /// The kernel.
    pub kernel: &'a str,
    /// Its text after include expansion.
    pub text: &'a mut String,
}

impl Point for SourcePoint {
    const NAME: &'static str = "source";
    type Value<'a> = SourceValue<'a>;
}

impl SourceValue<'_> {
    /// Replaces every `from` by `to`, and says whether there was one.
    pub fn replace(&mut self, from: &str, to: &str) -> bool {
        let found = self.text.contains(from);
        if found {
            *self.text = self.text.replace(from, to);
        }
        found
    }
}

/// The line that includes the common header.
const INCLUDE: &str = "#include \"common.cuh\"\n";

/// What the compiler calls a file of the folder `kernels`. Absolute, because the compiler joins a relative name with
/// the current folder and writes it into the artifact, which must not depend on that.
#[must_use]
pub fn file_name(file: &str) -> String {
    format!("/kernels/{file}")
}

/// The text of a kernel with the common header in place of its include. `#line` lets errors point at the right file.
#[must_use]
pub fn expanded(kernel: &KernelInfo) -> String {
    let Some((before, after)) = kernel.source.split_once(INCLUDE) else { return kernel.source.to_owned() };
    let next = before.lines().count() + 2;
    let (common, own) = (file_name("common.cuh"), file_name(&format!("{}.cu", kernel.name)));
    format!("{before}#line 1 \"{common}\"\n{COMMON}#line {next} \"{own}\"\n{after}")
}

//! The text that is compiled: a `.cu` file with its includes put in place, line numbers kept.

use crate::launch::{HEADERS, KernelInfo};
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

/// What the compiler calls a file of the folder `kernels`. Absolute, because the compiler joins a relative name with
/// the current folder and writes it into the artifact, which must not depend on that.
#[must_use]
pub fn file_name(file: &str) -> String {
    format!("/kernels/{file}")
}

/// The text of a kernel with its headers in place of their includes, each once and also those that headers include.
/// `#line` lets errors point at the right file.
#[must_use]
pub fn expanded(kernel: &KernelInfo) -> String {
    let mut placed = Vec::new();
    placed_in(kernel.source, &format!("{}.cu", kernel.name), &mut placed)
}

fn placed_in(text: &str, file: &str, placed: &mut Vec<&'static str>) -> String {
    let mut out = String::with_capacity(text.len());
    for (number, line) in (2..).zip(text.split_inclusive('\n')) {
        let included = line.strip_prefix("#include \"").and_then(|rest| rest.strip_suffix("\"\n"));
        let Some((name, header)) = included.and_then(|name| HEADERS.iter().find(|header| header.0 == name))
        else {
            out.push_str(line);
            continue;
        };
        if !placed.contains(name) {
            placed.push(name);
            out.push_str(&format!("#line 1 \"{}\"\n", file_name(name)));
            out.push_str(&placed_in(header, name, placed));
        }
        out.push_str(&format!("#line {number} \"{}\"\n", file_name(file)));
    }
    out
}

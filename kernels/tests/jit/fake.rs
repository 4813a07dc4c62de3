//! A compiler whose output says what it was made from.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kernels::Dtype;
use kernels::device::Target;
use kernels::jit::{Compiled, Compiler, Jit, JitError, JitOptions, KernelSpec, Resources, Version};
use kernels::seam::Seam;

/// Gives back what it was asked for, and counts.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) version: Version,
    pub(crate) calls: Arc<AtomicU64>,
    pub(crate) pause: Duration,
}

impl Default for Fake {
    fn default() -> Self {
        Self { version: Version { major: 13, minor: 0 }, calls: Arc::default(), pause: Duration::ZERO }
    }
}

impl Compiler for Fake {
    fn version(&self) -> Version {
        self.version
    }

    fn compile(
        &self,
        name: &str,
        entry: &str,
        source: &str,
        options: &[String],
    ) -> Result<Compiled, JitError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(self.pause);
        if source.contains("#error planted") {
            return Err(JitError::Compile { spec: entry.to_owned(), log: format!("{name}(1): error") });
        }
        let ptx = format!("// {} {name} {entry} {}\n{source}", self.version, options.join(" "));
        // Every byte value occurs.
        let cubin = ptx.bytes().chain(0..=255).collect();
        let registers = options.len() as u32;
        Ok(Compiled { ptx, cubin, resources: Resources { registers, shared: 7, ..Resources::default() } })
    }
}

/// A `Jit` over `fake`, with a folder or without.
pub(crate) fn jit_with(fake: &Fake, cache: Option<&Path>, seam: Seam) -> Jit {
    let options = JitOptions { cache: cache.map(Path::to_owned), seam: Arc::new(seam) };
    Jit::new(Box::new(fake.clone()), Target::new(9, 0), options)
}

/// A `Jit` over a new compiler.
pub(crate) fn jit(cache: Option<&Path>) -> Jit {
    jit_with(&Fake::default(), cache, Seam::empty())
}

/// A spec with axes of every kind.
pub(crate) fn spec() -> KernelSpec {
    KernelSpec::new("rmsnorm")
        .with("FEATURES", 256)
        .with("EPS", 1e-6)
        .with("WEIGHT_DTYPE", Dtype::BF16)
        .with("ACT_DTYPE", Dtype::F32)
}

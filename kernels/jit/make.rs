//! From a spec to an artifact.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::cache::Cache;
use super::{
    Artifact, Compiled, Compiler, JitError, KernelSpec, KeyPoint, Preimage, SourcePoint, SpecPoint, Version,
    source,
};
use crate::device::Target;
use crate::launch;
use crate::seam::Seam;

/// Where artifacts are kept and what is rewritten on the way.
#[derive(Debug, Clone)]
pub struct JitOptions {
    /// The folder of compiled kernels; `None` keeps them in memory only. Not used while anything rewrites keys: what
    /// is stored under a false key would outlive the rewrite.
    pub cache: Option<PathBuf>,
    /// The rewrites in force.
    pub seam: Arc<Seam>,
}

/// How often artifacts came from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Compiled now.
    pub compiled: u64,
    /// Read from the folder of compiled kernels.
    pub from_disk: u64,
    /// Already answered by this [`Jit`].
    pub from_memory: u64,
}

/// The artifact of one key, once there is one. Who holds the lock is making it.
type Slot = Arc<Mutex<Option<Arc<Artifact>>>>;

/// Answers specs with artifacts. Everything takes `&self`, from any number of threads; a key is compiled once, however
/// many ask for it at the same time.
pub struct Jit {
    compiler: Box<dyn Compiler>,
    target: Target,
    seam: Arc<Seam>,
    cache: Option<Cache>,
    memory: Mutex<HashMap<String, Slot>>,
    compiled: AtomicU64,
    from_disk: AtomicU64,
    from_memory: AtomicU64,
    progress: fn(usize, usize),
}

impl Jit {
    /// With this compiler, for this target.
    #[must_use]
    pub fn new(compiler: Box<dyn Compiler>, target: Target, options: JitOptions) -> Self {
        let JitOptions { cache, seam } = options;
        let cache = cache.filter(|_| !seam.is_active::<KeyPoint>()).map(Cache::new);
        Self {
            compiler,
            target,
            seam,
            cache,
            memory: Mutex::default(),
            compiled: AtomicU64::new(0),
            from_disk: AtomicU64::new(0),
            from_memory: AtomicU64::new(0),
            progress: |_, _| {},
        }
    }

    /// The same, telling how many kernels of how many are there while they are made ahead of time; from any thread.
    #[must_use]
    pub fn with_progress(self, progress: fn(usize, usize)) -> Self {
        Self { progress, ..self }
    }

    /// The target.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target
    }

    /// What the key of a spec is made from, and the spec after the rewrites.
    ///
    /// # Errors
    /// `UnknownKernel`, and `Axis` for an axis that is no number.
    pub fn preimage(&self, spec: &KernelSpec) -> Result<(KernelSpec, Preimage), JitError> {
        let kernel =
            launch::find(&spec.kernel).ok_or_else(|| JitError::UnknownKernel(spec.kernel.clone()))?;
        let mut spec = spec.clone();
        self.seam.apply::<SpecPoint>(&mut spec);
        spec.check()?;
        let mut text = source::expanded(kernel);
        self.seam.apply::<SourcePoint>(&mut source::SourceValue { kernel: kernel.name, text: &mut text });
        let options = compiler_options(&spec, self.target);
        Ok((spec.clone(), Preimage::new(&spec, text, options, self.compiler.version(), self.target)))
    }

    /// The artifact of a spec: from memory, from disk, or compiled now.
    pub fn artifact(&self, spec: &KernelSpec) -> Result<Arc<Artifact>, JitError> {
        let (spec, honest) = self.preimage(spec)?;
        let mut preimage = honest.clone();
        self.seam.apply::<KeyPoint>(&mut preimage);
        let key = preimage.key();
        let slot = Arc::clone(lock(&self.memory).entry(key.clone()).or_default());
        // Others that ask for this key wait here until it is made.
        let mut slot = lock(&slot);
        if let Some(artifact) = &*slot {
            self.from_memory.fetch_add(1, Ordering::Relaxed);
            return Ok(Arc::clone(artifact));
        }
        let Compiled { ptx, cubin, resources } = match self.stored(&key, &preimage) {
            Some(compiled) => compiled,
            None => self.compile(&spec, &honest, &key)?,
        };
        let artifact = Arc::new(Artifact { key, spec, ptx, cubin, resources });
        *slot = Some(Arc::clone(&artifact));
        Ok(artifact)
    }

    fn stored(&self, key: &str, preimage: &Preimage) -> Option<Compiled> {
        let compiled = self.cache.as_ref()?.load(key, preimage)?;
        self.from_disk.fetch_add(1, Ordering::Relaxed);
        Some(compiled)
    }

    fn compile(&self, spec: &KernelSpec, preimage: &Preimage, key: &str) -> Result<Compiled, JitError> {
        let name = source::file_name(&format!("{}.cu", spec.kernel));
        let compiled = self
            .compiler
            .compile(&name, &spec.kernel, &preimage.source, &preimage.options)
            .map_err(|error| match error {
                JitError::Compile { log, .. } => JitError::Compile { spec: spec.to_string(), log },
                other => other,
            })?;
        self.compiled.fetch_add(1, Ordering::Relaxed);
        if let Some(cache) = &self.cache {
            cache.store(key, preimage, &compiled);
        }
        Ok(compiled)
    }

    /// Makes every artifact now, in parallel, through [`Jit::artifact`]: under the keys that launching asks for.
    /// `progress` is told how many of how many are there, from any thread.
    ///
    /// # Errors
    /// Of the first spec that has one; the others are made all the same.
    pub fn prewarm(
        &self,
        specs: &[KernelSpec],
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<(), JitError> {
        let done = AtomicUsize::new(0);
        progress(0, specs.len());
        let outcomes: Vec<Result<(), JitError>> = specs
            .par_iter()
            .map(|spec| {
                let outcome = self.artifact(spec).map(drop);
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                progress(done, specs.len());
                (self.progress)(done, specs.len());
                outcome
            })
            .collect();
        outcomes.into_iter().collect()
    }

    /// Every artifact that there is in memory, in the order of their keys.
    #[must_use]
    pub fn artifacts(&self) -> Vec<Arc<Artifact>> {
        let slots: Vec<Slot> = lock(&self.memory).values().map(Arc::clone).collect();
        let mut artifacts: Vec<_> = slots.into_iter().filter_map(|slot| lock(&slot).clone()).collect();
        artifacts.sort_by(|a, b| a.key.cmp(&b.key));
        artifacts
    }

    /// The key of every artifact that there is in memory, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.artifacts().iter().map(|artifact| artifact.key.clone()).collect()
    }

    /// How often artifacts came from where so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            compiled: self.compiled.load(Ordering::Relaxed),
            from_disk: self.from_disk.load(Ordering::Relaxed),
            from_memory: self.from_memory.load(Ordering::Relaxed),
        }
    }
}

/// The options that the compiler gets for a spec.
fn compiler_options(spec: &KernelSpec, target: Target) -> Vec<String> {
    // Instructions that a compute capability has for itself are had by its name with an `a` (PTX ISA 8.8, section 11.1.2).
    let own = launch::find(&spec.kernel).and_then(launch::KernelInfo::only_for) == Some(target);
    let mut options = vec![
        format!("--gpu-architecture={target}{}", if own { "a" } else { "" }),
        "--std=c++17".to_owned(),
        "--fmad=false".to_owned(),
        "--generate-line-info".to_owned(),
        "--ptxas-options=-v".to_owned(),
        // NVRTC keeps results of its own, and has no log for those; ours are checked against their preimage.
        "--no-cache".to_owned(),
    ];
    options.extend(spec.defines());
    options
}

/// The key that a spec has today, for a compiler and a target that need not be here: what a record is held to.
///
/// # Errors
/// `UnknownKernel`, and `Axis` for an axis that is no number.
pub fn key_of(spec: &KernelSpec, compiler: Version, target: Target) -> Result<String, JitError> {
    let kernel = launch::find(&spec.kernel).ok_or_else(|| JitError::UnknownKernel(spec.kernel.clone()))?;
    spec.check()?;
    let (source, options) = (source::expanded(kernel), compiler_options(spec, target));
    Ok(Preimage::new(spec, source, options, compiler, target).key())
}

/// A thread that panicked while it held the lock left nothing half-done: slots are set whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

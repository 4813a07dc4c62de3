//! From a spec to an artifact.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Artifact, Compiler, JitError, KernelSpec, KeyPoint, Preimage, SourcePoint, SpecPoint, source};
use crate::device::Target;
use crate::launch;
use crate::seam::Seam;

/// Where artifacts are kept and what is rewritten on the way.
#[derive(Debug, Clone)]
pub struct JitOptions {
    /// The folder of compiled kernels; `None` keeps them in memory only.
    pub cache: Option<PathBuf>,
    /// The rewrites in force.
    pub seam: Arc<Seam>,
}

/// Answers specs with artifacts. Everything takes `&self`, from any number of threads.
pub struct Jit {
    compiler: Box<dyn Compiler>,
    target: Target,
    options: JitOptions,
    memory: Mutex<HashMap<String, Arc<Artifact>>>,
}

impl Jit {
    /// With this compiler, for this target.
    #[must_use]
    pub fn new(compiler: Box<dyn Compiler>, target: Target, options: JitOptions) -> Self {
        Self { compiler, target, options, memory: Mutex::default() }
    }

    /// The target.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target
    }

    /// What the key of a spec is made from, and the spec after the rewrites.
    pub fn preimage(&self, spec: &KernelSpec) -> Result<(KernelSpec, Preimage), JitError> {
        let kernel =
            launch::find(&spec.kernel).ok_or_else(|| JitError::UnknownKernel(spec.kernel.clone()))?;
        let mut spec = spec.clone();
        self.options.seam.apply::<SpecPoint>(&mut spec);
        let mut text = source::expanded(kernel);
        self.options
            .seam
            .apply::<SourcePoint>(&mut source::SourceValue { kernel: kernel.name, text: &mut text });
        let options = self.compiler_options(&spec);
        Ok((spec.clone(), Preimage::new(&spec, text, options, self.compiler.version(), self.target)))
    }

    fn compiler_options(&self, spec: &KernelSpec) -> Vec<String> {
        let mut options = vec![
            format!("--gpu-architecture={}", self.target),
            "--std=c++17".to_owned(),
            "--fmad=false".to_owned(),
            "--generate-line-info".to_owned(),
            "--ptxas-options=-v".to_owned(),
        ];
        options.extend(spec.defines());
        options
    }

    /// The artifact of a spec: from memory, from disk, or compiled now.
    pub fn artifact(&self, spec: &KernelSpec) -> Result<Arc<Artifact>, JitError> {
        let (spec, mut preimage) = self.preimage(spec)?;
        let (source, options) = (preimage.source.clone(), preimage.options.clone());
        self.options.seam.apply::<KeyPoint>(&mut preimage);
        let key = preimage.key();
        let memory = || self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(artifact) = memory().get(&key) {
            return Ok(Arc::clone(artifact));
        }
        let name = source::file_name(&format!("{}.cu", spec.kernel));
        let compiled = self.compiler.compile(&name, &spec.kernel, &source, &options)?;
        let artifact = Arc::new(Artifact {
            key: key.clone(),
            spec,
            ptx: compiled.ptx,
            cubin: compiled.cubin,
            resources: compiled.resources,
        });
        Ok(Arc::clone(memory().entry(key).or_insert(artifact)))
    }
}

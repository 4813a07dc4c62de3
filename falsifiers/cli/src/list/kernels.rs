//! `pv list kernels`: every variant of every kernel, as it is compiled for each target.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kernels::device::Target;
use kernels::jit::{Compiler, Jit, JitError, JitOptions, KernelSpec};
use kernels::launch::{KERNELS, KernelInfo};
use kernels::seam::Seam;
use serde_json::{Value, json};

use super::List;

/// Letters of a key that are shown; a folder of the cache begins with them.
const KEY: usize = 12;

/// The rows, and what does not compile. An error only if nothing can be compiled at all.
pub(super) fn list(
    targets: &[Target],
    compiler: &dyn Fn() -> Result<Box<dyn Compiler>, JitError>,
    cache: Option<PathBuf>,
) -> Result<(List, Vec<String>), JitError> {
    let targets = if targets.is_empty() { Target::ALL } else { targets };
    let variants: Vec<(&KernelInfo, KernelSpec)> = KERNELS
        .iter()
        .flat_map(|kernel| (kernel.variants)().into_iter().map(|spec| (*kernel, spec)))
        .collect();
    let of = |target: Target| variants.iter().filter(move |(kernel, _)| kernel.compiles_for(target));
    let bar = bar(targets.iter().map(|&target| of(target).count() as u64).sum());
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for &target in targets {
        let options = JitOptions { cache: cache.clone(), seam: Arc::new(Seam::empty()) };
        let jit = Jit::new(compiler()?, target, options);
        let before = bar.position();
        // What does not compile is told one by one below.
        let specs: Vec<KernelSpec> = of(target).map(|(_, spec)| spec.clone()).collect();
        let _ = jit.prewarm(&specs, &|done, _| bar.set_position(before + done as u64));
        for (kernel, spec) in of(target) {
            match row(&jit, kernel, spec) {
                Ok(row) => rows.push(row),
                Err(error) => problems.push(format!("{target}: {error}")),
            }
        }
    }
    bar.finish_and_clear();
    let columns = &["kernel", "target", "key", "registers", "spills", "shared", "axes"];
    Ok((List { columns, rows }, problems))
}

fn row(jit: &Jit, kernel: &KernelInfo, spec: &KernelSpec) -> Result<Value, JitError> {
    let artifact = jit.artifact(spec)?;
    let resources = artifact.resources;
    let axes: Vec<String> = spec.axes.iter().map(|(name, axis)| format!("{name}={axis}")).collect();
    Ok(json!({
        "kernel": kernel.name,
        "op": kernel.op,
        "axes": axes,
        "target": jit.target(),
        "key": artifact.key.get(..KEY),
        "registers": resources.registers,
        // Bytes, both ways.
        "spills": resources.spill_stores + resources.spill_loads,
        // Bytes that the kernel declares itself; what a launch adds depends on the launch.
        "shared": resources.shared,
        "stack": resources.stack,
    }))
}

/// A bar on a terminal, nothing in a pipe.
fn bar(length: u64) -> ProgressBar {
    let target = match io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len} {elapsed} compiling kernels") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use kernels::jit::{Compiled, Resources, Version};

    use super::*;
    use crate::list::show;

    /// Refuses one kernel.
    struct Fake;

    impl Compiler for Fake {
        fn version(&self) -> Version {
            Version { major: 13, minor: 0 }
        }

        fn compile(&self, _: &str, entry: &str, _: &str, _: &[String]) -> Result<Compiled, JitError> {
            if entry == "bias" {
                return Err(JitError::Compile { spec: String::new(), log: "planted".to_owned() });
            }
            let resources =
                Resources { registers: 32, spill_stores: 4, spill_loads: 8, shared: 96, stack: 16 };
            Ok(Compiled { ptx: String::new(), cubin: Vec::new(), resources })
        }
    }

    fn fake() -> Result<Box<dyn Compiler>, JitError> {
        Ok(Box::new(Fake))
    }

    fn variants(kernel: &str) -> usize {
        KERNELS.iter().filter(|info| info.name == kernel).map(|info| (info.variants)().len()).sum()
    }

    #[test]
    fn every_variant_has_a_row_for_every_target_and_a_key_of_its_own() {
        let (list, problems) = list(&[], &fake, None).unwrap();
        let of = |target: &Target| -> usize {
            let kernels = KERNELS.iter().filter(|kernel| kernel.compiles_for(*target));
            kernels.map(|kernel| (kernel.variants)().len()).sum()
        };
        let all: usize = Target::ALL.iter().map(of).sum();
        assert_eq!(problems.len(), variants("bias") * Target::ALL.len());
        assert_eq!(list.rows.len(), all - variants("bias") * Target::ALL.len());
        let keys: HashSet<&str> = list.rows.iter().map(|row| row["key"].as_str().unwrap()).collect();
        assert_eq!(keys.len(), list.rows.len());
        assert!(keys.iter().all(|key| key.len() == KEY));
        assert!(problems[0].contains("sm_80: bias(") && problems[0].contains("planted"), "{problems:?}");
    }

    #[test]
    fn a_target_that_is_asked_for_is_the_only_one() {
        let (list, _) = list(&[Target::new(9, 0)], &fake, None).unwrap();
        assert!(!list.rows.is_empty() && list.rows.iter().all(|row| row["target"] == "sm_90"));
        let mut text = Vec::new();
        show(&list, (false, None), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let row: Vec<&str> =
            text.lines().find(|line| line.starts_with(" argmax")).unwrap().split_whitespace().collect();
        assert_eq!((row[1], row[3], row[4], row[5]), ("sm_90", "32", "12", "96"), "{text}");
    }

    #[test]
    fn without_a_compiler_there_is_no_list() {
        let none = || Err(JitError::NoCompiler { searched: "nowhere".to_owned() });
        let failure = crate::failure::Failure::from(list(&[], &none, None).map(|_| ()).unwrap_err());
        assert_eq!(failure.exit(), evidence::Exit::Incomplete);
        assert!(failure.to_string().contains("make nvrtc"), "{failure}");
    }
}

//! `cache_key_distinctness`: what is compiled differently has another key, and what has one key is one artifact.

use std::collections::HashMap;

use contracts::Lane;
use contracts::kinds::{CacheKeyDistinctness, Vary};
use engine::plan::Phase;
use engine::trace::Tensor;
use kernels::Dtype;
use kernels::device::Target;
use kernels::jit::{Axis, Jit, KernelSpec, KeyPoint, Preimage, SourcePoint, Version};
use kernels::launch::{KERNELS, KernelInfo, find};
use kernels::seam::Seam;

use super::{Case, Passed, none_found};
use crate::compare::Limit;
use crate::machine::jit_stop;
use crate::on_device::{LM_HEAD, failed, logits};
use crate::parity::options;
use crate::stop::{Defect, Stop};
use crate::subject::Subject;
use crate::tally::Tally;

pub(super) fn cases(parameters: &CacheKeyDistinctness) -> Vec<Case<'_>> {
    let Vary::All = parameters.vary;
    let mut cases = Vec::new();
    for name in &parameters.kernel {
        let kernels: Vec<&'static KernelInfo> = match name.as_str() {
            "*" => KERNELS.to_vec(),
            name => find(name).into_iter().collect(),
        };
        if kernels.is_empty() {
            let message = format!("no kernel is called `{name}`; `pv list kernels` shows all");
            cases.push(Case {
                id: format!("cache_key_distinctness(kernel={name})"),
                attempt: Box::new(move |_| Err(Stop::Errored(message.clone()))),
            });
        }
        cases.extend(kernels.into_iter().map(|kernel| Case {
            id: format!("cache_key_distinctness(kernel={})", kernel.name),
            attempt: Box::new(move |subject| of_kernel(subject, kernel)),
        }));
    }
    if let [a, b] = parameters.model.as_slice() {
        cases.push(Case {
            id: format!("cache_key_distinctness(models={a}+{b})"),
            attempt: Box::new(move |subject| of_models(subject, a, b)),
        });
    }
    cases
}

/// Every variant of a kernel and every change of it has a key of its own.
fn of_kernel(subject: &Subject, kernel: &KernelInfo) -> Result<Passed, Stop> {
    let jit = subject.keys(Target::ALL.first().copied().ok_or_else(no_target)?);
    let mut seen: HashMap<String, (String, String)> = HashMap::new();
    for variant in (kernel.variants)() {
        for spec in changes(&variant) {
            let artifact = jit.artifact(&spec).map_err(|error| jit_stop(&error))?;
            let again = jit.artifact(&spec).map_err(|error| jit_stop(&error))?;
            if artifact.key != again.key || artifact.ptx != again.ptx {
                return Err(clash(format!("{spec} has another key or artifact when it is asked for again")));
            }
            let this = (spec.to_string(), artifact.ptx.clone());
            match seen.get(&artifact.key) {
                Some((other, ptx)) if *other != this.0 || *ptx != this.1 => {
                    return Err(clash(format!("{spec} and {other} share one key, and so one artifact")));
                }
                _ => seen.insert(artifact.key.clone(), this),
            };
        }
        around(subject, &jit, &variant)?;
    }
    if matches!(subject.lane(), Lane::Simt | Lane::Cuda) {
        compiled(subject, kernel)?;
    }
    if seen.is_empty() {
        return Err(Stop::Vacuous(evidence::Vacuity::NoElements));
    }
    Ok(none_found(seen.len() as u64, "shared_keys"))
}

fn no_target() -> Stop {
    Stop::Errored("no target is known".to_owned())
}

fn clash(message: String) -> Stop {
    Defect::counted("shared_keys", 1.0, message).into()
}

/// A spec, the same with each axis changed, and the same with each two axes of one type exchanged.
fn changes(spec: &KernelSpec) -> Vec<KernelSpec> {
    let mut all = vec![spec.clone()];
    let mut put = |changed: &[(&String, Axis)]| {
        let mut next = spec.clone();
        for (name, axis) in changed {
            next.axes.insert((*name).clone(), *axis);
        }
        all.push(next);
    };
    for (name, axis) in &spec.axes {
        match axis {
            Axis::Int(value) => {
                put(&[(name, Axis::Int(value + 1))]);
                put(&[(name, Axis::Int(value * 2 + 3))]);
            }
            Axis::Float(value) => {
                put(&[(name, Axis::Float(value * 10.0 + 1.0))]);
                // The last binary digit counts too: keys do not round.
                put(&[(name, Axis::Float(f64::from_bits(value.to_bits() ^ 1)))]);
            }
            Axis::Dtype(dtype) => {
                for other in [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::E4M3] {
                    if other != *dtype {
                        put(&[(name, Axis::Dtype(other))]);
                    }
                }
            }
        }
        for (other, value) in
            spec.axes.range::<String, _>((std::ops::Bound::Excluded(name), std::ops::Bound::Unbounded))
        {
            let same_type = std::mem::discriminant(axis) == std::mem::discriminant(value);
            if same_type && axis != value {
                put(&[(name, *value), (other, *axis)]);
            }
        }
    }
    all
}

/// A change of what a key is made from, by its name.
type Change<'a> = (&'a str, &'a dyn Fn(&mut Preimage));

/// Source, options, compiler and target are part of the key too.
fn around(subject: &Subject, jit: &Jit, spec: &KernelSpec) -> Result<(), Stop> {
    let (_, preimage) = jit.preimage(spec).map_err(|error| jit_stop(&error))?;
    let key = |change: &dyn Fn(&mut Preimage)| {
        let mut changed = preimage.clone();
        change(&mut changed);
        // What is left out of the key is left out of a changed one as well.
        subject.seam().apply::<KeyPoint>(&mut changed);
        changed.key()
    };
    let base = key(&|_| {});
    let changes: [Change<'_>; 4] = [
        ("source", &|preimage| preimage.source.push_str("\n// changed")),
        ("options", &|preimage| preimage.options.push("--use_fast_math".to_owned())),
        ("compiler", &|preimage| preimage.compiler = Version { major: 12, minor: 9 }),
        ("target", &|preimage| {
            let other = Target::ALL.iter().find(|target| **target != preimage.target);
            preimage.target = other.copied().unwrap_or(preimage.target);
        }),
    ];
    for (what, change) in changes {
        if key(change) == base {
            return Err(clash(format!("{spec} has the same key with another {what}")));
        }
    }
    if key(&|_| {}) != base {
        return Err(clash(format!("{spec} has another key when it is asked for again")));
    }
    Ok(())
}

/// On a device: an artifact that is asked for again is the one that was compiled, and so is one that is compiled anew.
fn compiled(subject: &Subject, kernel: &KernelInfo) -> Result<(), Stop> {
    let machine = subject.machine()?;
    let other = subject.fresh().machine()?;
    // What is for another capability alone has keys, and no code here.
    let specs = if kernel.compiles_for(machine.jit.target()) { (kernel.variants)() } else { Vec::new() };
    for spec in specs {
        let of = |jit: &Jit| jit.artifact(&spec).map_err(|error| jit_stop(&error));
        let (first, hit, anew) = (of(&machine.jit)?, of(&machine.jit)?, of(&other.jit)?);
        if *first != *hit {
            return Err(clash(format!("{spec}: the cache answers with another artifact than was compiled")));
        }
        if first.key != anew.key || first.ptx != anew.ptx || first.cubin != anew.cubin {
            return Err(clash(format!("{spec}: compiled anew, it is another artifact")));
        }
        if first.spec != spec && subject.seam().applied() == 0 {
            return Err(clash(format!("{spec}: the artifact is that of {}", first.spec)));
        }
    }
    Ok(())
}

/// Two models in one process compute what each computes alone, in both orders.
fn of_models(subject: &Subject, a: &str, b: &str) -> Result<Passed, Stop> {
    if subject.lane() == Lane::Cpu {
        let message = "cache_key_distinctness of two models runs on a device; say `lanes: [cuda]`";
        return Err(Stop::Errored(message.to_owned()));
    }
    let compute = |subject: &Subject, model: &str| -> Result<Tensor, Stop> {
        let ids = subject.loaded(model)?.config().vocab_size as u32;
        let tokens: Vec<u32> = (0..9).map(|at| (at * 37 + 11) % ids.max(1)).collect();
        let device = subject.device_model(model, |loaded| options(loaded, tokens.len(), 1))?;
        let (before, last) = tokens.split_at(tokens.len() - 1);
        launched_as_warmed(subject, &device)?;
        logits(&device, &[(Phase::Prefill, before), (Phase::Decode, last)]).map_err(failed(subject))
    };
    let alone = [compute(&alone(subject, "first"), a)?, compute(&alone(subject, "second"), b)?];
    let mut tally = Tally::default();
    for order in [[0, 1], [1, 0]] {
        let shared = subject.fresh();
        let counted = |at: usize| if at == 0 { a } else { b };
        for at in order {
            let model = counted(at);
            let found = compute(&shared, model)?;
            let Some(truth) = alone.get(at) else { continue };
            tally.hold((truth, &found), Limit::Bitwise, Some(LM_HEAD), 0, || {
                format!("{model} computes other logits beside {} than alone", counted(1 - at))
            });
        }
    }
    tally.passed()
}

/// A subject whose kernels are nobody else's: each has a comment in its source, so that no key, whatever is missing from
/// it, leads to a kernel of another model. A device remembers what it has loaded for as long as the process lives.
fn alone(subject: &Subject, who: &'static str) -> Subject {
    subject.with(Seam::empty().with::<SourcePoint>(move |source| {
        source.text.push_str("\n// Alone: ");
        source.text.push_str(who);
        true
    }))
}

/// What was prepared at load has the keys that launching asks for.
fn launched_as_warmed(subject: &Subject, model: &engine::device::DeviceModel) -> Result<(), Stop> {
    let machine = subject.machine()?;
    for phase in [Phase::Prefill, Phase::Decode] {
        for step in &model.plan(phase).steps {
            let artifact = machine.jit.artifact(&step.spec).map_err(|error| jit_stop(&error))?;
            let warmed = model.kernel_keys().get(&step.spec.to_string());
            if warmed != Some(&artifact.key) {
                let warmed = warmed.map_or("nothing", String::as_str);
                return Err(clash(format!(
                    "{}: {warmed} was prepared, {} is launched",
                    step.spec, artifact.key
                )));
            }
        }
    }
    Ok(())
}

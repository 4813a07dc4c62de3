//! What tells two kernels apart.

use std::collections::{HashMap, HashSet};

use kernels::Dtype;
use kernels::device::Target;
use kernels::jit::{Axis, JitError, JitOptions, KernelSpec, Preimage, SourcePoint, SpecPoint, Version};
use kernels::launch::KERNELS;
use kernels::seam::Seam;

use crate::fake::{Fake, jit, jit_with, spec};

fn key(spec: &KernelSpec) -> String {
    jit(None).artifact(spec).unwrap().key.clone()
}

/// Every variant of every kernel.
fn variants() -> Vec<KernelSpec> {
    KERNELS.iter().flat_map(|kernel| (kernel.variants)()).collect()
}

/// Other values of the same type; for a number the nearest ones.
fn others(axis: Axis) -> Vec<Axis> {
    match axis {
        Axis::Int(value) => vec![Axis::Int(value + 1), Axis::Int(value ^ (1 << 40))],
        Axis::Float(value) => {
            vec![Axis::Float(value.next_up()), Axis::Float(-value), Axis::Float(value * 2.0)]
        }
        Axis::Dtype(value) => [Dtype::F32, Dtype::F16, Dtype::BF16]
            .into_iter()
            .filter(|other| *other != value)
            .map(Axis::Dtype)
            .collect(),
    }
}

#[test]
fn another_value_on_any_axis_of_any_kernel_is_another_key_and_another_option() {
    let mut flipped = 0;
    for spec in variants() {
        let own = (key(&spec), spec.defines());
        for (name, axis) in &spec.axes {
            for other in others(*axis).into_iter().filter(|other| other != axis) {
                let mut changed = spec.clone();
                changed.axes.insert(name.clone(), other);
                assert_ne!(key(&changed), own.0, "{spec}: {name}={other}");
                // What the key tells apart, the compiler must see.
                assert_ne!(changed.defines(), own.1, "{spec}: {name}={other}");
                flipped += 1;
            }
        }
    }
    assert!(flipped > 100, "{flipped}");
}

#[test]
fn values_swapped_between_two_axes_are_another_key() {
    let mut swapped = 0;
    for spec in variants() {
        let own = key(&spec);
        let names: Vec<&String> = spec.axes.keys().collect();
        for (index, a) in names.iter().enumerate() {
            for b in names.iter().skip(index + 1).filter(|b| spec.axes[**b] != spec.axes[*a]) {
                let mut changed = spec.clone();
                changed.axes.insert((*a).clone(), spec.axes[*b]);
                changed.axes.insert((*b).clone(), spec.axes[*a]);
                assert_ne!(key(&changed), own, "{spec}: {a} and {b}");
                swapped += 1;
            }
        }
    }
    assert!(swapped > 50, "{swapped}");
}

#[test]
fn different_specs_have_different_keys_whatever_is_in_them() {
    let mut specs: HashMap<String, KernelSpec> = HashMap::new();
    for spec in variants() {
        if let Some(other) = specs.insert(key(&spec), spec.clone()) {
            assert_eq!(other, spec);
        }
    }
    // Of one spec: an axis more, an axis less, another type, another name, and a value that runs into the next.
    let base = KernelSpec::new("rmsnorm").with("A", 1usize).with("B", 23usize);
    let keys: HashSet<String> = [
        base.clone(),
        base.clone().with("C", 0usize),
        KernelSpec::new("rmsnorm").with("A", 1usize),
        base.clone().with("A", 1.0),
        KernelSpec::new("rmsnorm").with("A", 1usize).with("C", 23usize),
        KernelSpec::new("rmsnorm").with("A", 12usize).with("B", 3usize),
        KernelSpec { kernel: "rope".to_owned(), ..base },
    ]
    .iter()
    .map(key)
    .collect();
    assert_eq!(keys.len(), 7);
}

#[test]
fn compiler_target_and_source_are_part_of_the_key() {
    let own = key(&spec());
    let newer = Fake { version: Version { major: 13, minor: 1 }, ..Fake::default() };
    let compiler = jit_with(&newer, None, Seam::empty());
    let options = JitOptions { cache: None, seam: Seam::empty().into() };
    let target = kernels::jit::Jit::new(Box::new(Fake::default()), Target::new(8, 0), options);
    let comment = Seam::empty().with::<SourcePoint>(|value| {
        value.text.push(' ');
        true
    });
    let source = jit_with(&Fake::default(), None, comment);
    let keys: Vec<String> =
        [compiler, target, source].iter().map(|jit| jit.artifact(&spec()).unwrap().key.clone()).collect();
    let distinct: HashSet<&String> = keys.iter().chain([&own]).collect();
    assert_eq!(distinct.len(), 4);
}

#[test]
fn every_part_of_a_preimage_is_part_of_the_key() {
    let base = jit(None).preimage(&spec()).unwrap().1;
    let changed = |change: &dyn Fn(&mut Preimage)| {
        let mut preimage = base.clone();
        change(&mut preimage);
        preimage.key()
    };
    let keys: HashSet<String> = [
        base.key(),
        changed(&|preimage| preimage.kernel.push('x')),
        changed(&|preimage| preimage.axes.retain(|name, _| name != "EPS")),
        changed(&|preimage| preimage.source.push(' ')),
        changed(&|preimage| drop(preimage.options.pop())),
        changed(&|preimage| preimage.options.swap(0, 1)),
        changed(&|preimage| preimage.compiler.major += 1),
        changed(&|preimage| preimage.compiler.minor += 1),
        changed(&|preimage| preimage.target = Target::new(8, 0)),
    ]
    .into();
    assert_eq!(keys.len(), 9);
}

#[test]
fn what_a_mutant_rewrites_in_the_spec_is_what_is_compiled_and_keyed() {
    let seam = Seam::empty()
        .with::<SpecPoint>(|spec| spec.axes.insert("FEATURES".to_owned(), Axis::Int(128)).is_some());
    let artifact = jit_with(&Fake::default(), None, seam).artifact(&spec()).unwrap();
    assert_eq!(artifact.key, key(&spec().with("FEATURES", 128)));
    assert!(artifact.ptx.contains("-DFEATURES=128") && !artifact.ptx.contains("-DFEATURES=256"));
}

#[test]
fn an_axis_that_is_no_number_is_refused_before_the_compiler_sees_it() {
    let fake = Fake::default();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = jit_with(&fake, None, Seam::empty()).artifact(&spec().with("EPS", value)).unwrap_err();
        assert!(matches!(&error, JitError::Axis { axis, .. } if axis == "EPS"), "{error:?}");
    }
    // Also when a rewrite puts it there.
    let seam = Seam::empty()
        .with::<SpecPoint>(|spec| spec.axes.insert("EPS".to_owned(), Axis::Float(f64::NAN)).is_some());
    assert!(matches!(jit_with(&fake, None, seam).artifact(&spec()), Err(JitError::Axis { .. })));
    assert_eq!(fake.calls.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[test]
fn a_kernel_that_nobody_knows_is_an_error() {
    let error = jit(None).artifact(&KernelSpec::new("rmsnrm")).unwrap_err();
    assert_eq!(error, JitError::UnknownKernel("rmsnrm".to_owned()));
}

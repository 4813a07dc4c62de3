//! One `Jit`: hits, many threads, pre-warming.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use kernels::jit::{Counts, JitError, KernelSpec, KeyPoint, SourcePoint};
use kernels::launch::KERNELS;
use kernels::seam::Seam;

use crate::fake::{Fake, jit, jit_with, spec};

#[test]
fn a_hit_is_the_artifact_itself() {
    let jit = jit(None);
    let (miss, hit) = (jit.artifact(&spec()).unwrap(), jit.artifact(&spec()).unwrap());
    assert!(Arc::ptr_eq(&miss, &hit));
    assert_eq!(jit.counts(), Counts { compiled: 1, from_disk: 0, from_memory: 1 });
    assert_eq!(jit.keys(), [miss.key.as_str()]);
}

#[test]
fn many_threads_that_ask_for_one_key_compile_it_once() {
    let fake = Fake { pause: Duration::from_millis(50), ..Fake::default() };
    let jit = jit_with(&fake, None, Seam::empty());
    let barrier = Barrier::new(8);
    let keys: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    jit.artifact(&spec()).unwrap().key.clone()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!((fake.calls.load(Ordering::SeqCst), keys.len()), (1, 8));
    assert_eq!(jit.counts(), Counts { compiled: 1, from_disk: 0, from_memory: 7 });
}

#[test]
fn launching_after_pre_warming_compiles_nothing_more() {
    let specs: Vec<KernelSpec> = KERNELS.iter().flat_map(|kernel| (kernel.variants)()).collect();
    let fake = Fake::default();
    let warm = jit_with(&fake, None, Seam::empty());
    let most = AtomicUsize::new(0);
    warm.prewarm(&specs, &|done, all| {
        assert_eq!(all, specs.len());
        most.fetch_max(done, Ordering::SeqCst);
    })
    .unwrap();
    assert_eq!(most.load(Ordering::SeqCst), specs.len());
    let after = fake.calls.load(Ordering::SeqCst);
    assert_eq!(after, warm.keys().len() as u64);
    let cold = jit(None);
    for spec in &specs {
        assert_eq!(warm.artifact(spec).unwrap(), cold.artifact(spec).unwrap(), "{spec}");
    }
    assert_eq!(fake.calls.load(Ordering::SeqCst), after);
    assert_eq!(warm.keys(), cold.keys());
}

#[test]
fn pre_warming_gives_the_first_error_and_makes_the_rest() {
    let specs = [spec(), KernelSpec::new("b"), KernelSpec::new("a"), spec().with("FEATURES", 3)];
    for _ in 0..20 {
        let jit = jit(None);
        let error = jit.prewarm(&specs, &|_, _| ()).unwrap_err();
        assert_eq!(error, JitError::UnknownKernel("b".to_owned()));
        assert_eq!(jit.keys().len(), 2);
    }
}

#[test]
fn a_source_that_does_not_compile_is_an_error_each_time_and_leaves_nothing() {
    let seam = Seam::empty().with::<SourcePoint>(|value| {
        value.text.push_str("#error planted\n");
        true
    });
    let folder = tempfile::tempdir().unwrap();
    let jit = jit_with(&Fake::default(), Some(folder.path()), seam);
    for _ in 0..2 {
        let JitError::Compile { spec: said, log } = jit.artifact(&spec()).unwrap_err() else { panic!() };
        assert_eq!(said, spec().to_string());
        assert_eq!(log, "/kernels/rmsnorm.cu(1): error");
    }
    assert!(jit.keys().is_empty());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The mutant that this point is for: something is taken out of what keys are made from, so two kernels share one.
#[test]
fn a_key_that_forgets_an_axis_answers_with_the_other_kernel_and_stays_off_the_disk() {
    let forget = || {
        Seam::empty().with::<KeyPoint>(|preimage| {
            preimage.options.retain(|option| !option.starts_with("-DEPS"));
            preimage.axes.remove("EPS").is_some()
        })
    };
    let folder = tempfile::tempdir().unwrap();
    let jit = jit_with(&Fake::default(), Some(folder.path()), forget());
    let (first, second) = (jit.artifact(&spec()).unwrap(), jit.artifact(&spec().with("EPS", 1e-5)).unwrap());
    assert!(Arc::ptr_eq(&first, &second));
    // The first was compiled from what was asked for, not from what is left of the preimage.
    assert!(first.ptx.contains("-DEPS=1e-6"), "{}", first.ptx);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // Nor is read what an honest run stored.
    crate::fake::jit(Some(folder.path())).artifact(&spec()).unwrap();
    let again = jit_with(&Fake::default(), Some(folder.path()), forget());
    again.artifact(&spec()).unwrap();
    assert_eq!(again.counts(), Counts { compiled: 1, ..Counts::default() });
}

//! Several processes on one cache, and killed ones.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kernels::jit::{Counts, KernelSpec};
use kernels::seam::Seam;

use crate::fake::{Fake, jit, jit_with, spec};

/// The variable that tells a child where the cache is.
const CACHE: &str = "TOUCHSTONE_TEST_CACHE";

fn specs() -> Vec<KernelSpec> {
    (1..40usize).map(|features| spec().with("FEATURES", features)).collect()
}

/// What a child does.
fn work(cache: &Path) {
    let fake = Fake { pause: Duration::from_millis(2), ..Fake::default() };
    let jit = jit_with(&fake, Some(cache), Seam::empty());
    for spec in specs() {
        let artifact = jit.artifact(&spec).unwrap();
        println!("artifact={} {}", artifact.key, blake3::hash(&artifact.cubin));
    }
}

fn start(cache: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "processes::processes_at_once_on_one_cache_all_succeed_with_the_same_artifacts",
            "--nocapture",
        ])
        .env(CACHE, cache)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Everything the cache should hold, and nothing else.
fn check(cache: &Path) {
    let jit = jit(Some(cache));
    let fresh = crate::fake::jit(None);
    for spec in specs() {
        assert_eq!(jit.artifact(&spec).unwrap(), fresh.artifact(&spec).unwrap(), "{spec}");
    }
    let all = specs().len() as u64;
    assert_eq!(jit.counts(), Counts { from_disk: all, ..Counts::default() });
}

#[test]
fn processes_at_once_on_one_cache_all_succeed_with_the_same_artifacts() {
    if let Some(cache) = std::env::var_os(CACHE) {
        return work(Path::new(&cache));
    }
    let cache = tempfile::tempdir().unwrap();
    let children: Vec<Child> = (0..4).map(|_| start(cache.path())).collect();
    let outputs: Vec<(bool, Vec<String>)> = children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let artifacts =
                text.lines().filter_map(|line| line.split_once("artifact=")).map(|(_, said)| said.to_owned());
            (output.status.success(), artifacts.collect())
        })
        .collect();
    for (success, artifacts) in &outputs {
        assert!(*success);
        assert_eq!((artifacts.len(), artifacts), (specs().len(), &outputs[0].1));
    }
    check(cache.path());
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), specs().len(), "something is left behind");
}

#[test]
fn a_process_killed_at_any_time_leaves_nothing_that_is_used_wrongly() {
    for round in 0..6u32 {
        let cache = tempfile::tempdir().unwrap();
        let mut child = start(cache.path());
        // Killed once it has stored something.
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::fs::read_dir(cache.path()).unwrap().count() <= round as usize * 3 {
            assert!(Instant::now() < deadline, "the child stores nothing");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let jit = jit(Some(cache.path()));
        let fresh = crate::fake::jit(None);
        for spec in specs() {
            assert_eq!(jit.artifact(&spec).unwrap(), fresh.artifact(&spec).unwrap(), "{spec}");
        }
        check(cache.path());
    }
}

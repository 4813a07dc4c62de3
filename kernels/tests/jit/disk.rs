//! The folder of compiled kernels, whole and damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kernels::jit::{Artifact, Counts, KernelSpec, SourcePoint};
use kernels::seam::Seam;

use crate::fake::{Fake, jit, jit_with, spec};

const COMPILED: Counts = Counts { compiled: 1, from_disk: 0, from_memory: 0 };
const READ: Counts = Counts { compiled: 0, from_disk: 1, from_memory: 0 };

/// The artifact of a spec from a new `Jit` over this folder, and where it came from.
fn ask(cache: &Path, spec: &KernelSpec) -> (Artifact, Counts) {
    let jit = jit(Some(cache));
    let artifact = jit.artifact(spec).unwrap();
    ((*artifact).clone(), jit.counts())
}

/// A cache with the spec in it, and its folder.
fn stored() -> (tempfile::TempDir, Artifact, PathBuf) {
    let cache = tempfile::tempdir().unwrap();
    let (artifact, counts) = ask(cache.path(), &spec());
    assert_eq!(counts, COMPILED);
    let folder = cache.path().join(&artifact.key);
    (cache, artifact, folder)
}

#[test]
fn a_hit_on_disk_equals_the_miss_in_every_byte() {
    let (cache, miss, folder) = stored();
    let (hit, counts) = ask(cache.path(), &spec());
    assert_eq!((hit, counts), (miss.clone(), READ));
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["artifact.json", "kernel.cubin", "kernel.ptx", "preimage.json", "source.cu"]);
    // The key can be checked from outside.
    assert_eq!(blake3::hash(&fs::read(folder.join("preimage.json")).unwrap()).to_hex().as_str(), miss.key);
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
}

/// Its name, and what it does to the folder of an artifact.
type Damage = (String, Box<dyn Fn(&Path)>);

/// Sets a value of the record, and seals it as a newer program would.
fn rewrite(folder: &Path, key: &str, value: u64) {
    let path = folder.join("artifact.json");
    let mut record: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let seal = record["seal"].clone();
    record["seal"] = "".into();
    let digest =
        |record: &serde_json::Value| blake3::hash(record.to_string().as_bytes()).to_hex().to_string();
    assert_eq!(seal, digest(&record), "the seal is made in another way");
    record[key] = value.into();
    record["seal"] = digest(&record).into();
    fs::write(&path, record.to_string()).unwrap();
}

/// Every damage to the folder of an artifact.
fn damages() -> Vec<Damage> {
    let mut damages: Vec<Damage> = Vec::new();
    for name in ["artifact.json", "kernel.cubin", "kernel.ptx", "preimage.json", "source.cu"] {
        damages.push((
            format!("{name} cut"),
            Box::new(move |folder| {
                let bytes = fs::read(folder.join(name)).unwrap();
                fs::write(folder.join(name), &bytes[..bytes.len() / 2]).unwrap();
            }),
        ));
        damages.push((
            format!("{name} with one bit changed"),
            Box::new(move |folder| {
                let mut bytes = fs::read(folder.join(name)).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(folder.join(name), bytes).unwrap();
            }),
        ));
        damages.push((
            format!("{name} removed"),
            Box::new(move |folder| fs::remove_file(folder.join(name)).unwrap()),
        ));
        damages.push((
            format!("{name} empty"),
            Box::new(move |folder| fs::write(folder.join(name), "").unwrap()),
        ));
    }
    damages.push(("another layout, sealed".to_owned(), Box::new(|folder| rewrite(folder, "layout", 2))));
    damages.push((
        "an entry that nobody knows, sealed".to_owned(),
        Box::new(|folder| rewrite(folder, "extra", 2)),
    ));
    damages.push((
        "another number of registers".to_owned(),
        Box::new(|folder| {
            let text = fs::read_to_string(folder.join("artifact.json")).unwrap();
            let changed = text.replace("\"registers\": ", "\"registers\": 1");
            assert_ne!(text, changed);
            fs::write(folder.join("artifact.json"), changed).unwrap();
        }),
    ));
    damages.push((
        "no digest of the machine code".to_owned(),
        Box::new(|folder| {
            let text = fs::read_to_string(folder.join("artifact.json")).unwrap();
            let changed = text.replace("kernel.cubin", "kernel.cubout");
            assert_ne!(text, changed);
            fs::write(folder.join("artifact.json"), changed).unwrap();
        }),
    ));
    damages.push((
        "everything gone".to_owned(),
        Box::new(|folder| {
            for entry in fs::read_dir(folder).unwrap() {
                fs::remove_file(entry.unwrap().path()).unwrap();
            }
        }),
    ));
    damages.push((
        "a file in place of the folder".to_owned(),
        Box::new(|folder| {
            fs::remove_dir_all(folder).unwrap();
            fs::write(folder, "x").unwrap();
        }),
    ));
    damages
}

#[test]
fn what_is_damaged_is_compiled_again_and_replaced() {
    for (name, damage) in damages() {
        let (cache, whole, folder) = stored();
        damage(&folder);
        let (again, counts) = ask(cache.path(), &spec());
        assert_eq!((&again, counts), (&whole, COMPILED), "{name}");
        let (hit, counts) = ask(cache.path(), &spec());
        assert_eq!((&hit, counts), (&whole, READ), "{name}: not replaced");
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1, "{name}: something is left behind");
    }
}

#[test]
fn another_kernel_under_this_key_is_not_used_even_if_it_is_whole() {
    let (cache, own, folder) = stored();
    let (other, _) = ask(cache.path(), &spec().with("EPS", 1e-5));
    fs::remove_dir_all(&folder).unwrap();
    fs::rename(cache.path().join(&other.key), &folder).unwrap();
    assert_eq!(ask(cache.path(), &spec()), (own, COMPILED));
}

#[test]
fn a_source_that_changed_is_compiled_and_the_old_one_stays_for_who_asks_for_it() {
    let (cache, old, _) = stored();
    let seam = Seam::empty().with::<SourcePoint>(|value| {
        value.text.push_str("// changed\n");
        true
    });
    let changed = jit_with(&Fake::default(), Some(cache.path()), seam);
    let new = changed.artifact(&spec()).unwrap();
    assert_eq!(changed.counts(), COMPILED);
    assert!(new.ptx.contains("// changed") && new.key != old.key);
    assert_eq!(ask(cache.path(), &spec()), (old, READ));
}

#[test]
fn a_cache_that_cannot_be_used_is_done_without() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    for cache in [file.clone(), file.join("below")] {
        let jit = jit(Some(&cache));
        jit.artifact(&spec()).unwrap();
        jit.artifact(&spec().with("FEATURES", 3)).unwrap();
        assert_eq!(jit.counts(), Counts { compiled: 2, ..Counts::default() });
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "x");
}

#[test]
fn what_a_killed_process_left_is_never_read_and_is_removed_after_a_day() {
    let (cache, own, folder) = stored();
    let age = |name: &str, hours: u64| {
        let path = cache.path().join(name);
        fs::create_dir(&path).unwrap();
        fs::copy(folder.join("kernel.ptx"), path.join("kernel.ptx")).unwrap();
        let time = SystemTime::now() - Duration::from_secs(hours * 3600);
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
        path
    };
    let (stale, young, foreign) = (age(".tmp-stale", 25), age(".tmp-young", 23), age("notes", 25));
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(ask(cache.path(), &spec()), (own, COMPILED));
    assert_eq!((stale.exists(), young.exists(), foreign.exists()), (false, true, true));
}

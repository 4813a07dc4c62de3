//! The models of the zoo, and options for them.

use std::path::PathBuf;

use engine::Loaded;
use engine::device::DeviceOptions;

/// The folders of all models.
pub(crate) fn models() -> Vec<PathBuf> {
    let zoo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("zoo");
    let folders = [zoo.clone(), zoo.join("micro")];
    let mut models: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("config.json").is_file())
        .collect();
    models.sort();
    assert!(models.len() >= 16, "{models:?}");
    models
}

/// A model of the zoo.
pub(crate) fn open(name: &str) -> Loaded {
    Loaded::open(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("zoo").join(name)).unwrap()
}

/// Small sizes, so that a run of the double is quick.
pub(crate) fn options(loaded: &Loaded) -> DeviceOptions {
    let options = DeviceOptions::new(loaded.config(), loaded.activation_dtype());
    DeviceOptions { max_tokens: 24, max_batch: 4, max_kv: 48, page_size: 4, ..options }
}

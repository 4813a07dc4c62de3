//! Where NVRTC is looked for. What it compiles is tested by `tests/compile`, which needs one.

use std::path::PathBuf;

use super::find::{Places, find, in_folder};

#[test]
fn every_place_is_named_when_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let absent = folder.path().join("absent");
    let places = Places { variable: None, folders: vec![absent.clone(), empty.clone()], system: false };
    let message = find(&places).unwrap_err().to_string();
    for part in
        [absent.to_str().unwrap(), &format!("{} holds no libnvrtc.so.13", empty.display()), "make nvrtc"]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn a_variable_that_names_no_nvrtc_is_an_error_even_if_there_is_one_elsewhere() {
    let places = Places { variable: Some(PathBuf::from("/nowhere")), folders: vec![], system: true };
    let message = find(&places).unwrap_err().to_string();
    assert!(message.contains("TOUCHSTONE_NVRTC is set, and /nowhere holds no libnvrtc.so.13"), "{message}");
}

#[test]
fn a_file_that_is_no_library_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libnvrtc.so.13");
    std::fs::write(&path, "not a library").unwrap();
    let message = in_folder(folder.path()).unwrap_err();
    assert!(message.contains(&format!("cannot load {}", path.display())), "{message}");
}

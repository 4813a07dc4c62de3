//! Where NVRTC is looked for.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use libloading::Library;

use super::{Api, Nvrtc};
use crate::jit::JitError;

/// What the library is called, newest first.
const NAMES: [&str; 3] = ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"];
/// Where the toolkit's installer puts it.
const TOOLKIT: &str = "/usr/local/cuda/lib64";

/// The places of a process.
pub(super) struct Places {
    /// What `TOUCHSTONE_NVRTC` says; empty counts as not set.
    pub(super) variable: Option<PathBuf>,
    /// Folders, in order.
    pub(super) folders: Vec<PathBuf>,
    /// Whether the system is searched.
    pub(super) system: bool,
}

impl Places {
    /// Those of this process.
    pub(super) fn of_process() -> Self {
        let variable =
            std::env::var_os("TOUCHSTONE_NVRTC").filter(|value| !value.is_empty()).map(PathBuf::from);
        let mut folders = Vec::new();
        if let Ok(current) = std::env::current_dir() {
            folders.extend(current.ancestors().map(|folder| folder.join("target/nvrtc")));
        }
        let program = std::env::current_exe().ok();
        if let Some(beside) = program.as_deref().and_then(Path::parent) {
            folders.push(beside.join("nvrtc"));
            folders.extend(beside.parent().map(|above| above.join("nvrtc")));
            folders.extend(beside.ancestors().map(|folder| folder.join("target/nvrtc")));
        }
        let mut seen = std::collections::HashSet::new();
        folders.retain(|folder| seen.insert(folder.clone()));
        Self { variable, folders, system: true }
    }
}

/// The first one there is.
pub(super) fn find(places: &Places) -> Result<Nvrtc, JitError> {
    if let Some(folder) = &places.variable {
        return in_folder(folder).map_err(|problem| JitError::NoCompiler {
            searched: format!("TOUCHSTONE_NVRTC is set, and {problem}"),
        });
    }
    let mut searched = Vec::new();
    let mut absent = Vec::new();
    for folder in &places.folders {
        if !folder.is_dir() {
            absent.push(folder.display().to_string());
            continue;
        }
        match in_folder(folder) {
            Ok(found) => return Ok(found),
            Err(problem) => {
                tracing::warn!("NVRTC in {} is not used: {problem}", folder.display());
                searched.push(problem);
            }
        }
    }
    if !absent.is_empty() {
        searched.insert(0, format!("there is none of the folders {}", absent.join(", ")));
    }
    if places.system {
        match on_system() {
            Ok(found) => return Ok(found),
            Err(problems) => searched.extend(problems),
        }
    }
    Err(JitError::NoCompiler { searched: searched.join("; ") })
}

/// What the dynamic loader finds by name, or the toolkit's folder has.
fn on_system() -> Result<Nvrtc, Vec<String>> {
    let mut problems = Vec::new();
    for name in NAMES {
        // SAFETY: the initialisers of NVRTC have no preconditions; a file of this name is NVRTC.
        match unsafe { Library::new(name) } {
            Ok(library) => match load(library, name.to_owned()) {
                Ok(found) => return Ok(found),
                Err(problem) => problems.push(format!("{name}: {problem}")),
            },
            Err(_) => problems.push(format!("the dynamic loader finds no {name}")),
        }
    }
    match in_folder(Path::new(TOOLKIT)) {
        Ok(found) => return Ok(found),
        Err(problem) => problems.push(problem),
    }
    Err(problems)
}

/// The one in a folder. The error says in words what is missing there.
pub(super) fn in_folder(folder: &Path) -> Result<Nvrtc, String> {
    let shown = folder.display();
    let Some(path) = NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file()) else {
        return Err(format!("{shown} holds no {}", NAMES.join(" or ")));
    };
    // The loader takes a path without a slash for a name to search for.
    let path = std::path::absolute(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let library = open(path.as_os_str())?;
    let found = load(library, path.display().to_string())?;
    // NVRTC opens these by name when it compiles for the first time: they have to be loaded by then, because the
    // loader does not search this folder.
    let builtins = path.with_file_name(format!("libnvrtc-builtins.so.{}", found.version));
    if !builtins.is_file() {
        return Err(format!("{} needs {}, which is not there", path.display(), builtins.display()));
    }
    std::mem::forget(open(builtins.as_os_str())?);
    Ok(found)
}

fn open(path: &OsStr) -> Result<Library, String> {
    // SAFETY: the initialisers of NVRTC and of its builtins have no preconditions; a file of this name is that.
    unsafe { Library::new(path) }
        .map_err(|error| format!("cannot load {}: {error}", Path::new(path).display()))
}

/// Binds the functions, asks for the version, and keeps the library loaded for good.
fn load(library: Library, path: String) -> Result<Nvrtc, String> {
    let api = Api::bind(&library)?;
    let version = api.version()?;
    std::mem::forget(library);
    tracing::debug!("NVRTC {version}: {path}");
    Ok(Nvrtc { api, version, path })
}

//! Contracts, models and sources, found from the arguments.

use std::path::{Path, PathBuf};

use contracts::{Date, Finding, Loaded, Severity, Vocabulary};
use evidence::Exit;

use crate::args::Place;
use crate::failure::Failure;

/// What a command works on.
pub(crate) struct Workspace {
    /// The contracts as they were read.
    pub(crate) loaded: Loaded,
    /// The root of the source tree that evidence is held to.
    pub(crate) root: PathBuf,
    /// The arguments.
    pub(crate) place: Place,
}

impl Workspace {
    /// Reads the contracts, and refuses if the linter finds errors in them: a claim that is not well-formed must
    /// not be able to pass.
    pub(crate) fn open(place: &Place) -> Result<Self, Failure> {
        if !place.zoo.is_dir() {
            let remedy = "name the folder of models with --zoo";
            return Err(Failure::NoFolder { path: place.zoo.clone(), remedy });
        }
        let loaded = contracts::load(&place.paths);
        let findings = contracts::lint(&loaded, &vocabulary(place), Date::today());
        let errors: Vec<&Finding> =
            findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        if !errors.is_empty() {
            let exit = match loaded.exit_code(&findings, false) {
                3 => Exit::Unreadable,
                4 => Exit::NothingRan,
                _ => Exit::Falsified,
            };
            let count = match errors.as_slice() {
                [one] => one.message.clone(),
                many => format!("{} errors in {}", many.len(), places(place)),
            };
            return Err(Failure::Findings { count, place: places(place), exit });
        }
        Ok(Self { loaded, root: root(place), place: place.clone() })
    }

    /// The paths as one word for messages.
    pub(crate) fn places(&self) -> String {
        places(&self.place)
    }
}

fn places(place: &Place) -> String {
    let paths: Vec<String> = place.paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(" ")
}

/// The names that contracts may use.
pub(crate) fn vocabulary(place: &Place) -> Vocabulary {
    falsifiers::vocabulary::vocabulary(&place.zoo)
}

/// The nearest folder above the contracts that is the root of a cargo workspace; the current one if there is none.
pub(crate) fn root(place: &Place) -> PathBuf {
    let from = place.paths.first().and_then(|path| path.canonicalize().ok());
    let found = from.as_deref().and_then(|path| {
        path.ancestors().find(|folder| {
            std::fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("[workspace]"))
        })
    });
    found.unwrap_or(Path::new(".")).to_owned()
}

//! What a shell and `man` know about `apr`: completion scripts, and man pages.

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_complete::env::Shells;

use crate::args::Cli;
use crate::failure::Failure;

/// The variable that makes `apr` complete instead of run. A script asks `apr` itself for what can come next.
pub(crate) const VARIABLE: &str = "APR_COMPLETE";

/// The script that a shell reads once to complete `apr`.
pub(crate) fn completions(shell: Shell) -> Result<String, Failure> {
    let shells = Shells::builtins();
    let mut script = Vec::new();
    match shells.completer(&shell.to_string()) {
        Some(completer) => completer.write_registration(VARIABLE, "apr", "apr", "apr", &mut script),
        None => Err(io::Error::other("not a shell that can be completed")),
    }
    .map_err(Failure::Output)?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// Writes the man pages of `apr` and of each of its commands into a folder, or gives the first of them.
pub(crate) fn man(folder: Option<&Path>) -> Result<String, Failure> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page as &mut dyn Write).map_err(Failure::Output)?;
        return Ok(String::from_utf8_lossy(&page).into_owned());
    };
    let failed = |source| Failure::CannotWrite { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    // Without the pages of `help`, which repeat the others.
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), folder).map_err(failed)?;
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markdown;

    #[test]
    fn docs_page_of_apr() {
        let note = "<!-- Made by `make reference`; what it says comes from the code. -->\n\n";
        let text = format!("{note}{}\n", markdown::page(Cli::command(), "The commands of apr").trim_end());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/apr.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, text).unwrap();
        } else {
            let found = std::fs::read_to_string(path).unwrap_or_default();
            assert!(found == text, "docs/reference/apr.md is stale; run `make reference`");
        }
    }

    #[test]
    fn every_command_has_a_page_and_every_shell_a_script() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(man(Some(folder.path())).unwrap(), "");
        let pages = std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(pages, Cli::command().get_subcommands().count() + 1);
        let page = std::fs::read_to_string(folder.path().join("apr-trace.1")).unwrap();
        assert!(page.contains(".SH OPTIONS") && page.contains("payload"), "{page}");
        assert!(man(None).unwrap().contains(".TH apr 1"));
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            assert!(completions(shell).unwrap().contains(VARIABLE), "{shell}");
        }
    }
}

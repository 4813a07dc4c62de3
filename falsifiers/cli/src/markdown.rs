//! A command line as Markdown, for the reference. Only tests write it.

use std::fmt::Write as _;

use clap::{Arg, Command};

/// The commands with their arguments, as one page.
pub(crate) fn page(mut command: Command, title: &str) -> String {
    command = command.disable_help_subcommand(true);
    command.build();
    let mut page = format!("# {title}\n\n");
    let _ = writeln!(page, "{}.\n", about(&command).trim_end_matches('.'));
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        section(sub.clone(), &mut page);
    }
    if let Some(after) = command.get_after_help() {
        let _ = writeln!(page, "{after}.");
    }
    page
}

fn section(mut command: Command, page: &mut String) {
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let _ = writeln!(
        page,
        "## `{name}`\n\n{}.\n\n```text\n{usage}\n```\n",
        about(&command).trim_end_matches('.')
    );
    let mut shown = false;
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set() && arg.get_id() != "help") {
        page.push_str(&line(arg));
        shown = true;
    }
    if shown {
        page.push('\n');
    }
}

fn about(command: &Command) -> String {
    let about = command.get_long_about().or(command.get_about());
    about.map(ToString::to_string).unwrap_or_default()
}

/// One argument in one line.
fn line(arg: &Arg) -> String {
    let values: Vec<String> =
        arg.get_value_names().into_iter().flatten().map(|name| format!("<{name}>")).collect();
    let takes = arg.get_action().takes_values();
    let name = match arg.get_long() {
        Some(long) if takes => format!("--{long} {}", values.join(" ")),
        Some(long) => format!("--{long}"),
        None => values.join(" "),
    };
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut line = format!("- `{name}`: {}.", help.trim_end_matches('.').replace('\n', " "));
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if takes && !defaults.is_empty() {
        let _ = write!(line, " Default: `{}`.", defaults.join(","));
    }
    line.push('\n');
    for value in arg.get_possible_values().iter().filter(|value| takes && !value.is_hide_set()) {
        let help = value.get_help().map(|help| format!(": {help}")).unwrap_or_default();
        let _ = writeln!(line, "  - `{}`{}", value.get_name(), help.trim_end_matches('.'));
    }
    line
}

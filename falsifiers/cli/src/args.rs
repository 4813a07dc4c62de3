//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use contracts::{ClaimId, GateId, Lane, Tier};
use falsifiers::runner::Shard;
use kernels::device::Target;

use crate::diagnostics::Format;
use crate::list::What;
use crate::validate::Fixes;

/// Validate contracts, run their falsifiers, prove that the checks can fail, and report.
#[derive(Debug, Parser)]
#[command(name = "pv", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all survived, 1 falsified or lint errors, 2 usage, 3 unreadable input, \
                          4 nothing ran, 5 incomplete (blocked or vacuous), 101 internal bug, 130 interrupted";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lint contracts, gates and waivers.
    Validate(Validate),
    /// Write the skeleton of a contract or a gate.
    New(New),
    /// Explain a lint rule, a falsifier kind, a mutant, a claim, a gate, or an exit code.
    Explain(Explain),
    /// List what there is.
    List(List),
    /// Run the falsifiers of contracts.
    Run(Run),
    /// Plant every mutant and run the claims that must kill it.
    Prove(Prove),
    /// Merge the shards of one run into one record.
    Merge(Merge),
    /// Compute gates from the evidence, show one run, or compare two.
    Report(Report),
    /// Make one attempt for another process; what to do comes as a line of JSON on standard input.
    #[command(hide = true)]
    Attempt,
    /// Print a JSON Schema, for editors and other tools.
    Schema {
        /// Which files it describes.
        #[arg(value_enum)]
        of: SchemaName,
    },
    /// Print the script that completes pv in a shell.
    #[command(after_help = "For bash, add `source <(pv completions bash)` to ~/.bashrc; \
                            docs/guides/shell.md has the other shells.")]
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write man pages.
    Man {
        /// Folder to write pv.1, pv-run.1 and so on into; without it, pv.1 is printed.
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// Where contracts and models are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// Contract files, or folders of them.
    #[arg(default_value = "contracts", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Folder of models.
    #[arg(long, default_value = "engine/zoo", value_name = "DIR")]
    pub(crate) zoo: PathBuf,
}

/// Which claims, and where.
#[derive(Debug, Clone, Args)]
pub(crate) struct Choice {
    /// Only this claim, whatever its tier; may be given more than once.
    #[arg(long, value_name = "ID", value_parser = |id: &str| Ok::<_, std::convert::Infallible>(ClaimId::from(id)))]
    pub(crate) claim: Vec<ClaimId>,
    /// Only claims that this expression lets through, such as `kind(oracle_parity) & !model(micro/*)`.
    #[arg(long, value_name = "EXPR", long_help = FILTER)]
    pub(crate) filter: Option<String>,
    /// Only the case of exactly this id, as counterexamples name it.
    #[arg(long, value_name = "ID")]
    pub(crate) case: Option<String>,
    /// Lanes to run in.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "cpu")]
    pub(crate) device: Vec<LaneName>,
    /// Tiers to run.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "ci")]
    pub(crate) tier: Vec<TierName>,
    /// Seed for everything that draws numbers, or `random` for one that is drawn and printed; recorded.
    #[arg(long, default_value = "0", value_name = "NUMBER", value_parser = seed)]
    pub(crate) seed: Seed,
}

/// The help of `--filter`: its grammar in whole.
const FILTER: &str = "\
Only claims that this expression lets through

  expression  term | term ...      either of them
  term        factor & factor ...  all of them; binds closer than |
  factor      !factor              not this
              (expression)
              NAME(GLOB)           the claim has a NAME that matches
              GLOB                 the same as id(GLOB)

  NAME        id, kind, model, contract, tier, lane, or kills,
              which is a mutant that the claim must kill
  GLOB        * for any text, ? for one character, [ab] for one of
              these, {a,b} for either; other letters as they are

A glob that matches nothing that exists is an error. Examples:

  'kind(oracle_parity) & !model(micro/*)'
  'contract(qwen3) | kills(rope@*)'
  'FALSIFY-QWEN2-00[1-3]'";

/// Where the numbers of a run come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seed {
    /// From this seed.
    Given(u64),
    /// From one that is drawn.
    Random,
}

fn seed(text: &str) -> Result<Seed, String> {
    match text {
        "random" => Ok(Seed::Random),
        _ => text.parse().map(Seed::Given).map_err(|_| "a seed is a whole number, or `random`".to_owned()),
    }
}

/// How claims are run.
#[derive(Debug, Clone, Args)]
pub(crate) struct Execution {
    /// Where attempts are made: each in a process of its own, or all in this one.
    #[arg(long, value_enum, default_value_t = IsolationName::Process)]
    pub(crate) isolation: IsolationName,
    /// The most that one attempt may take before its process is ended, in seconds [default: 300].
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) timeout: Option<u64>,
    /// How many attempts are made at once [default: one for each processor].
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Begin nothing any more after the first failure; what was cut off is recorded as such.
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Only part K of N of the selected claims; `pv merge` puts the parts together.
    #[arg(long, value_name = "K/N")]
    pub(crate) shard: Option<Shard>,
    /// Show what would run, and run nothing.
    #[arg(long)]
    pub(crate) list: bool,
}

/// Where attempts are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IsolationName {
    /// Each in a process of its own: a crash or an endless loop ends one attempt.
    Process,
    /// All in this process: quicker for many small attempts, but a crash ends the run, and there are no timeouts.
    None,
}

/// `pv validate`.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) place: Place,
    /// How findings are shown.
    #[arg(long, value_enum, default_value_t = Format::Full)]
    pub(crate) format: Format,
    /// What else counts as an error.
    #[arg(long, value_enum)]
    pub(crate) deny: Option<Deny>,
    /// Apply the fixes that findings carry, and show what remains.
    #[arg(long, conflicts_with = "diff")]
    pub(crate) fix: bool,
    /// Show as a diff what --fix would change first, and write nothing.
    #[arg(long, conflicts_with = "format")]
    pub(crate) diff: bool,
}

impl Validate {
    /// What becomes of findings that carry their fix.
    pub(crate) fn fixes(&self) -> Fixes {
        match (self.fix, self.diff) {
            (true, _) => Fixes::Written,
            (_, true) => Fixes::Shown,
            _ => Fixes::Told,
        }
    }
}

/// `pv new`.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// What to write.
    #[arg(value_enum)]
    pub(crate) what: crate::new::What,
    /// Its id, or a path that ends with .yaml.
    #[arg(value_name = "ID|PATH")]
    pub(crate) name: String,
    /// The falsifier kind of its first claim.
    #[arg(long, value_name = "KIND")]
    pub(crate) falsifier: Option<String>,
    /// Folder of contracts, in which an id gets its file.
    #[arg(long, default_value = "contracts", value_name = "DIR")]
    pub(crate) contracts: PathBuf,
}

/// `pv explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A rule's code or name, a falsifier kind, a mutant, a claim, a gate, or an exit code.
    pub(crate) code: String,
    /// Where claims and gates are looked up.
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `pv list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// What to list.
    #[arg(value_enum)]
    pub(crate) what: What,
    /// Where claims and gates are looked up.
    #[command(flatten)]
    pub(crate) place: Place,
    /// Of kernels: only as compiled for this target; may be given more than once. All of them without it.
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Vec<Target>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `pv run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) choice: Choice,
    #[command(flatten)]
    pub(crate) execution: Execution,
    /// Folder that the run is recorded in.
    #[arg(long, default_value = "runs", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Print events as JSON lines instead of a report.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `pv prove`.
#[derive(Debug, Args)]
pub(crate) struct Prove {
    #[command(flatten)]
    pub(crate) run: Run,
    /// Only this mutant.
    #[arg(long, value_name = "NAME")]
    pub(crate) mutant: Option<String>,
}

/// `pv merge`.
#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// The folders of the shards, or their ids in the folder of runs.
    #[arg(required = true, value_name = "RUN")]
    pub(crate) shards: Vec<PathBuf>,
    /// Folder of recorded runs, where shards are named by their ids.
    #[arg(long, default_value = "runs", value_name = "DIR")]
    pub(crate) runs: PathBuf,
    /// Folder that the merged run is recorded in [default: the folder of runs].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// `pv report`.
#[derive(Debug, Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only this gate; may be given more than once. All gates without it.
    #[arg(long, value_name = "NAME", value_parser = |id: &str| Ok::<_, std::convert::Infallible>(GateId::from(id)))]
    pub(crate) gate: Vec<GateId>,
    /// Folder of recorded runs.
    #[arg(long, default_value = "runs", value_name = "DIR")]
    pub(crate) runs: PathBuf,
    /// Show one run: its id, `latest`, or its folder. Gates are shown with it where --gate names them.
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Show what changed from one run to another, each by its id, `latest`, or its folder.
    #[arg(long, value_names = ["BEFORE", "AFTER"], num_args = 2, conflicts_with_all = ["run", "gate"])]
    pub(crate) compare: Vec<String>,
    /// How the report is shown.
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub(crate) format: ReportFormat,
    /// Write the report to a file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

macro_rules! names {
    ($(#[$doc:meta])* $name:ident as $target:ty { $($(#[$variant_doc:meta])* $variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub(crate) enum $name {
            $($(#[$variant_doc])* $variant),*
        }

        impl From<$name> for $target {
            fn from(name: $name) -> Self {
                match name {
                    $($name::$variant => <$target>::$variant),*
                }
            }
        }
    };
}

names! {
    /// Where claims run.
    LaneName as Lane {
        /// The CPU reference.
        Cpu,
        /// The virtual device.
        Simt,
        /// The GPU.
        Cuda,
    }
}

names! {
    /// Which claims run.
    TierName as Tier {
        /// Those that every change runs.
        Ci,
        /// Those that take longer.
        Long,
    }
}

/// A JSON Schema, by the files that it describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaName {
    /// Contracts.
    Contract,
    /// Ship gates.
    Gate,
    /// The file of waivers.
    Waivers,
}

impl SchemaName {
    /// The schema.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Contract => contracts::schema::CONTRACT,
            Self::Gate => contracts::schema::GATE,
            Self::Waivers => contracts::schema::WAIVERS,
        }
    }
}

/// What else counts as an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Deny {
    /// Warnings.
    Warnings,
}

/// How a report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For a terminal.
    Table,
    /// Markdown.
    #[value(alias = "markdown")]
    Md,
    /// A page for a browser that needs no other file.
    Html,
    /// For programs.
    Json,
    /// JUnit XML, for services that show tests.
    Junit,
}

//! What `pv run` and `pv prove` run, from their arguments.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evidence::{ClaimLane, RunRecord, ShardRecord};
use falsifiers::filter::Filter;
use falsifiers::runner::worker::Worker;
use falsifiers::runner::{self, Duel, Isolation, Options, Selected, Shard};
use falsifiers::select::{Request, Selection, select};
use serde_json::json;

use crate::args::{self, IsolationName, Seed};
use crate::failure::Failure;
use crate::list::{self, List};
use crate::workspace::Workspace;

/// The claims that were chosen, and the mutants to plant in them.
pub(crate) struct Chosen {
    /// What was asked for.
    pub(crate) request: Request,
    /// The claims of the whole run.
    pub(crate) selection: Selection,
    /// Which mutants are planted, where any are: only this one, or all.
    mutants: Option<Option<String>>,
    /// The part of the run to run.
    shard: Option<Shard>,
}

impl Chosen {
    /// Chooses from the contracts. With `mutants`, only claims that have one of them to kill.
    pub(crate) fn new(
        workspace: &Workspace,
        args: &args::Run,
        mutants: Option<Option<&str>>,
    ) -> Result<Self, Failure> {
        let request = request(&args.choice)?;
        let mut selection = select(&workspace.loaded, &request, &workspace.places())?;
        keep_case(&mut selection, args.choice.case.as_deref())?;
        if let Some(mutant) = mutants {
            let names = |name: &String| mutant.is_none_or(|wanted| wanted == name);
            selection.selected.retain(|claim| claim.test.kills.iter().any(names));
            if selection.selected.is_empty() {
                return Err(Failure::Nothing(
                    "no selected claim names that mutant; `pv list mutants` shows who must kill it"
                        .to_owned(),
                ));
            }
        }
        let mutants = mutants.map(|mutant| mutant.map(str::to_owned));
        Ok(Self { request, selection, mutants, shard: args.execution.shard })
    }

    /// The claims of this part of the run: all of them, where it is not split.
    pub(crate) fn part(&self) -> Result<Vec<Selected>, Failure> {
        let all = &self.selection.selected;
        let Some(shard) = self.shard else { return Ok(all.clone()) };
        let weights: Vec<u64> = all.iter().map(|claim| self.weight(claim)).collect();
        let part: Vec<Selected> =
            shard.part(&weights).into_iter().filter_map(|at| all.get(at).cloned()).collect();
        let (index, of, most) = (shard.index(), shard.of(), all.len());
        match part.is_empty() {
            true => Err(Failure::Nothing(format!(
                "shard {index}/{of} holds nothing, because only {most} claims are selected; \
                 split them into at most {most} shards"
            ))),
            false => Ok(part),
        }
    }

    /// How long a claim takes, roughly: its attempts.
    fn weight(&self, claim: &Selected) -> u64 {
        match &self.mutants {
            None => self.cases(claim) as u64,
            Some(mutant) => runner::duels(std::slice::from_ref(claim), mutant.as_deref()).len() as u64,
        }
    }

    fn cases(&self, claim: &Selected) -> usize {
        let wanted = self.request.case.as_ref();
        runner::case_ids(&claim.test).iter().filter(|id| wanted.is_none_or(|case| case == *id)).count()
    }

    /// The mutants to plant in these claims, if mutants are planted.
    pub(crate) fn duels(&self, claims: &[Selected]) -> Option<Vec<Duel>> {
        self.mutants.as_ref().map(|mutant| runner::duels(claims, mutant.as_deref()))
    }

    /// Makes the record of the whole run that of this part.
    pub(crate) fn narrow(&self, record: &mut RunRecord, part: &[Selected]) {
        if let Some(shard) = self.shard {
            let entry = |claim: &Selected| ClaimLane { claim: claim.test.id.clone(), lane: claim.lane };
            let whole = self.selection.selected.iter().map(entry).collect();
            record.shard = Some(ShardRecord { index: shard.index(), of: shard.of(), whole });
            record.claims_selected = runner::claim_ids(part);
        }
    }

    /// Shows what would run.
    pub(crate) fn list(&self, part: &[Selected], as_json: bool) -> io::Result<()> {
        let rows = part.iter().map(|claim| {
            let duels = self.duels(std::slice::from_ref(claim));
            json!({
                "claim": claim.test.id,
                "contract": claim.contract,
                "lane": claim.lane,
                "tier": claim.test.tier_in(claim.lane),
                "kind": claim.test.falsifier.kind(),
                "models": claim.test.falsifier.models(),
                "cases": self.cases(claim),
                "mutants": duels.map(|duels| duels.into_iter().map(|duel| duel.mutant).collect::<Vec<_>>()),
            })
        });
        let columns: &[&str] = match self.mutants {
            None => &["claim", "lane", "kind", "models", "cases"],
            Some(_) => &["claim", "lane", "kind", "models", "cases", "mutants"],
        };
        let list = List { columns, rows: rows.collect() };
        let mut out = io::stdout();
        list::show(&list, (as_json, list::width()), &mut out).and_then(|()| out.flush())
    }
}

fn request(choice: &args::Choice) -> Result<Request, Failure> {
    let mut lanes: Vec<_> = choice.device.iter().map(|&lane| lane.into()).collect();
    lanes.sort_unstable();
    lanes.dedup();
    let mut tiers: Vec<_> = choice.tier.iter().map(|&tier| tier.into()).collect();
    tiers.sort_unstable();
    tiers.dedup();
    let filter = choice.filter.as_deref().map(Filter::parse).transpose()?;
    Ok(Request { lanes, tiers, claims: choice.claim.clone(), filter, case: choice.case.clone() })
}

/// Keeps only the claims that have the case asked for: the others would have none.
fn keep_case(selection: &mut Selection, case: Option<&str>) -> Result<(), Failure> {
    let Some(wanted) = case else { return Ok(()) };
    selection.selected.retain(|claim| runner::case_ids(&claim.test).iter().any(|id| id == wanted));
    match selection.selected.is_empty() {
        true => Err(Failure::Nothing(format!(
            "no selected claim has the case `{wanted}`; `pv list claims` shows all"
        ))),
        false => Ok(()),
    }
}

/// How to run, from the arguments.
pub(crate) fn options(args: &args::Run) -> Result<Options, Failure> {
    let quoted = |path: &Path| match path.display().to_string() {
        plain if plain.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c)) => plain,
        other => format!("'{}'", other.replace('\'', "'\\''")),
    };
    let mut place = String::new();
    for path in args.place.paths.iter().filter(|path| *path != Path::new("contracts")) {
        place += &format!(" {}", quoted(path));
    }
    if args.place.zoo != Path::new("engine/zoo") {
        place += &format!(" --zoo {}", quoted(&args.place.zoo));
    }
    let seed = match args.choice.seed {
        Seed::Given(seed) => seed,
        Seed::Random => {
            let seed = drawn();
            // Also without a report: whoever wants the run again needs it.
            eprintln!("seed {seed}");
            seed
        }
    };
    let execution = &args.execution;
    let default = Options::default();
    let jobs = execution.jobs.unwrap_or(default.jobs);
    let isolation = isolation(execution, jobs, default.jobs)?;
    let (case, fail_fast) = (args.choice.case.clone(), execution.fail_fast);
    Ok(Options { seed, case, place, jobs, fail_fast, isolation })
}

/// The time for one attempt, where nothing else is said.
const TIMEOUT: u64 = 300;

fn isolation(
    execution: &args::Execution,
    jobs: NonZeroUsize,
    processors: NonZeroUsize,
) -> Result<Isolation, Failure> {
    match (execution.isolation, execution.timeout) {
        (IsolationName::None, None) => Ok(Isolation::None),
        (IsolationName::None, Some(_)) => Err(Failure::Usage(
            "an attempt in this process cannot be ended; use --timeout with `--isolation process`".to_owned(),
        )),
        (IsolationName::Process, timeout) => Ok(Isolation::Process(Worker {
            program: this_program()?,
            arguments: vec!["attempt".into()],
            timeout: Duration::from_secs(timeout.unwrap_or(TIMEOUT)),
            threads: (processors.get() / jobs.get()).max(1),
        })),
    }
}

/// This executable, also if another was built in its place meanwhile: a run is about one binary.
fn this_program() -> Result<PathBuf, Failure> {
    let running = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && running.exists() {
        return Ok(running.to_owned());
    }
    std::env::current_exe().map_err(|error| {
        Failure::Usage(format!("cannot find this executable: {error}; use `--isolation none`"))
    })
}

/// A seed that nobody chose, short enough to be typed.
fn drawn() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish() & u64::from(u32::MAX)
}

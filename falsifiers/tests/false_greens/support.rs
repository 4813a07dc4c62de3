//! A zoo to damage, claims to try on it, and runs to hand to gates.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use contracts::{ClaimId, Gate, Lane, Level, Requires, Tier};
use engine::trace::Tensor;
use evidence::record::SCHEMA;
use evidence::{
    BinaryDigest, ClaimResult, ClaimToday, Counts, DeviceRecord, Event, Kill, Outcome, Run, RunRecord,
    SourceDigest, Status, Timestamp, Today, Verdict, Worst,
};
use falsifiers::runner::{self, Options};
use falsifiers::select::{Request, Selection, select};
use falsifiers::subject::Subject;
use kernels::real::Values;
use kernels::seam::Seam;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use tempfile::TempDir;

/// The model of all attempts.
pub(crate) const MODEL: &str = "micro/qwen3-dense";

pub(crate) fn repository_zoo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/zoo")
}

pub(crate) fn tensor(shape: &[usize], values: &[f64]) -> Tensor {
    Tensor { shape: shape.to_vec(), values: Values::F64(values.to_vec()) }
}

pub(crate) fn row(values: &[f64]) -> Tensor {
    tensor(&[1, values.len()], values)
}

/// A zoo of one model.
pub(crate) struct Zoo(TempDir);

impl Zoo {
    pub(crate) fn new() -> Self {
        Self::with(MODEL)
    }

    /// The model under its name, with the files of another one.
    pub(crate) fn with(other: &str) -> Self {
        let zoo = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(zoo.dir()).unwrap();
        for entry in fs::read_dir(repository_zoo().join(other)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), zoo.dir().join(entry.file_name())).unwrap();
        }
        zoo
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.0.path().join(MODEL)
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.dir().join(file)).unwrap();
    }

    /// Rewrites the goldens: names, shapes, and bytes of every tensor.
    pub(crate) fn goldens(&self, change: impl Fn(&mut BTreeMap<String, (Vec<usize>, Vec<u8>)>)) {
        let path = self.dir().join("goldens.safetensors");
        let bytes = fs::read(&path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let mut tensors = BTreeMap::new();
        let mut dtypes = BTreeMap::new();
        for (name, view) in file.iter() {
            tensors.insert(name.to_owned(), (view.shape().to_vec(), view.data().to_vec()));
            dtypes.insert(name.to_owned(), view.dtype());
        }
        change(&mut tensors);
        let fallback = dtypes["short.f64.stage.model.norm"];
        let views: Vec<(&String, TensorView<'_>)> = tensors
            .iter()
            .map(|(name, (shape, data))| {
                let dtype = dtypes.get(name).copied().unwrap_or(fallback);
                (name, TensorView::new(dtype, shape.clone(), data).unwrap())
            })
            .collect();
        fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
    }

    /// What becomes of a claim here. `falsifier` is what the contract says, with `MODEL` for the model.
    pub(crate) fn attack(&self, falsifier: &str) -> Outcome {
        self.attack_with(falsifier, &options(), Seam::empty()).0
    }

    pub(crate) fn attack_with(
        &self,
        falsifier: &str,
        options: &Options,
        seam: Seam,
    ) -> (Outcome, Vec<Event>) {
        let (results, events) = attempt(&claim(falsifier, "cpu"), options, self.path(), seam);
        let [result] = <[ClaimResult; 1]>::try_from(results).unwrap();
        (result.outcome, events)
    }
}

pub(crate) fn options() -> Options {
    Options::default()
}

/// Runs a selection.
pub(crate) fn attempt(
    selection: &Selection,
    options: &Options,
    zoo: &Path,
    seam: Seam,
) -> (Vec<ClaimResult>, Vec<Event>) {
    let mut events = Vec::new();
    let subject = Subject::new(zoo, seam);
    let cancel = AtomicBool::new(false);
    let results =
        runner::run(&selection.selected, &subject, options, &cancel, &mut |event| events.push(event));
    (results, events)
}

/// A claim of the micro model with this falsifier, selected in these lanes. The linter is not asked: what it refuses
/// must not pass either.
pub(crate) fn claim(falsifier: &str, lanes: &str) -> Selection {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "metadata: {{id: tiny, version: 1.0.0, title: Tiny, kind: model}}
falsification_tests:
  - id: TINY-001
    rule: r
    prediction: p
    if_fails: f
    falsifier: {}
    lanes: [{lanes}]
    kills: [rope@theta-10000]
",
        falsifier.replace("MODEL", MODEL)
    );
    fs::write(folder.path().join("tiny.yaml"), text).unwrap();
    let loaded = contracts::load(&[folder.path().to_owned()]);
    let errors: Vec<&String> = loaded.findings.iter().map(|finding| &finding.message).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let request = Request {
        lanes: vec![Lane::Cpu, Lane::Simt, Lane::Cuda],
        tiers: vec![Tier::Ci, Tier::Long],
        ..Request::default()
    };
    select(&loaded, &request, "contracts").unwrap()
}

/// Parity with the goldens over one prompt, held to a limit that it keeps.
pub(crate) const PARITY: &str = "{oracle_parity: {model: MODEL, prompts: [short], arithmetic: [f64]}}\n    \
                                 tolerance: {row_l2: {max: 1.0e-5, because: measured}}";

pub(crate) fn digest(text: &str) -> String {
    evidence::digest::bytes(text.as_bytes())
}

pub(crate) fn survived(value: f64) -> Outcome {
    let worst = Worst {
        case: "case".to_owned(),
        stage: None,
        metric: "row_l2".to_owned(),
        value: value.into(),
        limit: 1e-5.into(),
    };
    Outcome::survived(1, 7, worst)
}

pub(crate) fn result(outcome: Outcome) -> ClaimResult {
    ClaimResult {
        claim: ClaimId::from("TINY-001"),
        contract: "tiny".to_owned(),
        lane: Lane::Cpu,
        tier: Tier::Ci,
        kind: "oracle_parity".to_owned(),
        models: vec![MODEL.to_owned()],
        arithmetic: Vec::new(),
        seed: 0,
        outcome,
        elapsed_ms: 1,
        curves: Vec::new(),
    }
}

/// How TINY-001 was falsified.
pub(crate) fn falsified() -> Outcome {
    let zoo = Zoo::new();
    zoo.attack(&PARITY.replace("1.0e-5", "1.0e-30"))
}

pub(crate) fn kill(verdict: Verdict) -> Kill {
    Kill {
        mutant: "rope@theta-10000".to_owned(),
        claim: ClaimId::from("TINY-001"),
        lane: Lane::Cpu,
        verdict,
        elapsed_ms: 1,
    }
}

pub(crate) fn killed() -> Verdict {
    let Outcome::Falsified { counterexample } = falsified() else { panic!("nothing was falsified") };
    Verdict::Killed { counterexample: Box::new(counterexample) }
}

/// A complete run of today.
pub(crate) fn run_of(outcomes: Vec<ClaimResult>, kills: Vec<Kill>) -> Run {
    let counts = Counts::of(&outcomes, &kills, &[]);
    let started: Timestamp = "2026-11-21T01:47:55.123Z".parse().unwrap();
    let record = RunRecord {
        schema: SCHEMA,
        run_id: "20261121T014755-nocommit-9a0b".parse().unwrap(),
        started,
        finished: Some(started),
        status: Status::Complete,
        command: vec!["run".to_owned()],
        lanes: vec![Lane::Cpu],
        tiers: vec![Tier::Ci],
        filter: None,
        case: None,
        contracts: BTreeMap::from([("tiny".to_owned(), digest("tiny"))]),
        models: BTreeMap::from([(MODEL.to_owned(), digest("model"))]),
        goldens: BTreeMap::from([(format!("{MODEL}/goldens.safetensors"), digest("goldens"))]),
        artifact: None,
        source: SourceDigest { tree: digest("tree"), commit: None, dirty: None },
        binary: BinaryDigest { built_from: digest("tree"), digest: digest("binary") },
        device: DeviceRecord { kind: Lane::Cpu, name: "cpu".to_owned(), driver: None, nvrtc: None },
        kernel_keys: BTreeMap::new(),
        seed: 0,
        claims_selected: vec![ClaimId::from("TINY-001")],
        shard: None,
        merged_from: Vec::new(),
        duels_selected: None,
        not_asked: Vec::new(),
        counts,
    };
    Run { record, outcomes, kills }
}

/// The run of all that is good.
pub(crate) fn good() -> Run {
    run_of(vec![result(survived(1e-7))], vec![kill(killed())])
}

/// A world in which [`good`] is fresh.
pub(crate) fn today() -> Today {
    let run = run_of(Vec::new(), Vec::new()).record;
    let claim = ClaimToday {
        contract: "tiny".to_owned(),
        advisory: false,
        lanes: vec![Lane::Cpu],
        models: vec![MODEL.to_owned()],
        goldens: vec![format!("{MODEL}/goldens.safetensors")],
        kills: vec!["rope@theta-10000".to_owned()],
    };
    Today {
        tree: digest("tree"),
        contracts: run.contracts,
        claims: BTreeMap::from([(ClaimId::from("TINY-001"), claim)]),
        models: run.models,
        goldens: run.goldens,
        kernel_keys: BTreeMap::new(),
    }
}

/// A gate over TINY-001 that asks for everything that the CPU can give.
pub(crate) fn gate() -> Gate {
    Gate {
        gate: "tiny-ready".into(),
        title: "Tiny".to_owned(),
        claims: vec![ClaimId::from("TINY-001")],
        lanes: vec![Lane::Cpu],
        requires: Requires { level: Level::Algorithm, fresh: true, mutants_killed: true },
    }
}

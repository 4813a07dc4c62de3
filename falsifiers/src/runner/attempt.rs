//! One attempt to falsify a claim: what is asked of it, what it answers, and how it is made in this process.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use contracts::{Falsifier, Lane, Tolerance};
use kernels::seam::Seam;
use serde::{Deserialize, Serialize};

use crate::kinds::{Case, Passed, cases};
use crate::mutants;
use crate::stop::Stop;
use crate::subject::Subject;

/// A panic inside a falsifier, which is a bug of the harness.
pub const PANIC: &str = "internal bug: ";

/// Everything that a process needs to know to make one attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The folder of models.
    pub zoo: PathBuf,
    /// Where it is made.
    pub lane: Lane,
    /// What is attacked.
    pub falsifier: Falsifier,
    /// How far it may be from the truth.
    pub tolerance: Option<Tolerance>,
    /// The case, by its id.
    pub case: String,
    /// The mutant to plant, by its name.
    pub mutant: Option<String>,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The case that was asked for, so that no answer is taken for that of another case.
    pub case: String,
    /// The mutant that was asked for.
    pub mutant: Option<String>,
    /// How many values the mutant changed.
    pub applied: u64,
    /// The key of every kernel that was compiled or loaded for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kernel_keys: BTreeMap<String, String>,
    /// What came of it.
    pub result: Result<Passed, Stop>,
}

impl Request {
    /// Makes the attempt, here and now.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let (case, mutant) = (self.case.clone(), self.mutant.clone());
        let answer = |applied, kernel_keys, result| Answer { case, mutant, applied, kernel_keys, result };
        let seam = match self.mutant.as_deref().map(|name| (name, mutants::find(name))) {
            None => Seam::empty(),
            Some((_, Some(mutant))) => (mutant.seam)(),
            Some((name, None)) => {
                let error = format!("no mutant is called `{name}`");
                return answer(0, BTreeMap::new(), Err(Stop::Errored(error)));
            }
        };
        let subject = Subject::new(&self.zoo, seam).on(self.lane);
        let all = cases(&self.falsifier, self.tolerance.as_ref());
        let result = match all.iter().find(|case| case.id == self.case) {
            Some(case) => attempt_here(case, &subject),
            None => Err(Stop::Errored(format!("the claim has no case `{}`", self.case))),
        };
        answer(subject.seam().applied(), subject.kernel_keys(), result)
    }
}

/// Makes an attempt in this process. A panic is an error of the attempt, and a bug of the harness.
pub(super) fn attempt_here(case: &Case<'_>, subject: &Subject) -> Result<Passed, Stop> {
    tracing::debug!(case = case.id, "attempt");
    catch_unwind(AssertUnwindSafe(|| (case.attempt)(subject))).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic without a message");
        Err(Stop::Errored(format!("{PANIC}{text}")))
    })
}

/// The longest request that is read.
const MAX_REQUEST: u64 = 16 << 20;

/// The other side of [`super::worker`]: reads one request as a line of JSON, makes the attempt, and answers with one
/// line. If the asker goes away meanwhile, which ends `input`, the process ends with status `gone`.
///
/// # Errors
///
/// If the request cannot be read, or the answer not be written.
pub fn serve(input: impl Read + Send + 'static, output: &mut impl Write, gone: i32) -> io::Result<()> {
    let mut input = BufReader::new(input.take(MAX_REQUEST));
    let mut line = String::new();
    input.read_line(&mut line)?;
    let request: Request = serde_json::from_str(&line).map_err(io::Error::other)?;
    // The asker holds this pipe open for as long as it wants the answer. Whatever ends it, an orphan must not go on.
    std::thread::spawn(move || {
        let mut byte = [0];
        while matches!(input.read(&mut byte), Ok(1..)) {}
        std::process::exit(gone);
    });
    let mut answer = serde_json::to_vec(&request.answer()).map_err(io::Error::other)?;
    answer.push(b'\n');
    output.write_all(&answer)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use evidence::{CurvePoint, Need, Vacuity};
    use proptest::prelude::*;

    use super::*;
    use crate::stop::Defect;

    fn request(case: &str, mutant: Option<&str>) -> Request {
        Request {
            zoo: std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/zoo"),
            lane: Lane::Cpu,
            falsifier: serde_json::from_str(r#"{"weights_consumed": {"model": "micro/qwen3-dense"}}"#)
                .unwrap(),
            tolerance: None,
            case: case.to_owned(),
            mutant: mutant.map(str::to_owned),
        }
    }

    #[test]
    fn a_request_is_answered_and_counts_what_its_mutant_changed() {
        let case = "weights_consumed(model=micro/qwen3-dense)";
        let clean = request(case, None).answer();
        assert!(matches!(&clean.result, Ok(passed) if passed.elements > 0), "{clean:?}");
        assert_eq!((clean.applied, clean.case.as_str()), (0, case));
        let stray = request(case, Some("checkpoint@stray-tensor")).answer();
        assert!(matches!(stray.result, Err(Stop::Falsified(_))), "{stray:?}");
        assert!(stray.applied > 0);
        for (request, words) in [
            (request("another", None), "no case `another`"),
            (request(case, Some("no@mutant")), "no mutant is called `no@mutant`"),
        ] {
            let Err(Stop::Errored(error)) = request.answer().result else {
                panic!("{request:?} was answered")
            };
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn requests_survive_json() {
        let falsifiers =
            contracts::KINDS.iter().map(|kind| contracts::parse::falsifier(kind.example).unwrap());
        for falsifier in falsifiers {
            let tolerance = Some(Tolerance::RowL2 { max: 1.1e-5, because: "measured".to_owned() });
            let request = Request { falsifier, tolerance, ..request("a", Some("b")) };
            let text = serde_json::to_string(&request).unwrap();
            assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
        }
    }

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![any::<f64>(), Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0)]
    }

    fn curve() -> impl Strategy<Value = Vec<CurvePoint>> {
        let point = (number(), number()).prop_map(|(value, limit)| CurvePoint {
            stage: "lm_head".to_owned(),
            value: value.into(),
            limit: limit.into(),
        });
        proptest::collection::vec(point, 0..3)
    }

    fn result() -> impl Strategy<Value = Result<Passed, Stop>> {
        let passed =
            (any::<u64>(), number(), number(), curve()).prop_map(|(elements, value, limit, curve)| {
                Ok(Passed { elements, stage: None, metric: "m".to_owned(), value, limit, curve })
            });
        let defect = (proptest::option::of(number()), number(), number(), curve());
        let falsified = defect.prop_map(|(truth, value, limit, curve)| {
            let defect = Defect::counted("m", value, "wrong");
            Err(Defect { truth, found: truth, limit, index: vec![1, 2], token: Some(3), curve, ..defect }
                .into())
        });
        let others = prop_oneof![
            Just(Err(Stop::Blocked(Need::Nvrtc))),
            Just(Err(Stop::Vacuous(Vacuity::NoElements))),
            "\\PC{0,9}".prop_map(|text| Err(Stop::Errored(text))),
        ];
        prop_oneof![passed, falsified, others]
    }

    proptest! {
        #[test]
        fn answers_survive_json_not_a_number_included(result in result(), applied: u64) {
            let answer = Answer {
                case: "a".to_owned(),
                mutant: None,
                applied,
                kernel_keys: BTreeMap::new(),
                result,
            };
            let text = serde_json::to_string(&answer).unwrap();
            prop_assert!(!text.contains('\n'));
            let read: Answer = serde_json::from_str(&text).unwrap();
            // Not by `==`, for which not a number differs from itself.
            prop_assert_eq!(format!("{read:?}"), format!("{answer:?}"));
        }
    }
}

//! What became of a claim. Five values, and only the first passes; a pass without cases or without elements
//! cannot be built.

use std::fmt;
use std::num::NonZeroU64;

use contracts::Lane;
use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::real::Real;

/// What became of one claim in one lane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// Every attack failed. The only value that passes.
    Survived {
        /// How many cases were attacked.
        cases: NonZeroU64,
        /// How many numbers were compared or inspected over all cases.
        elements: NonZeroU64,
        /// The measurement that came closest to its limit.
        worst: Worst,
    },
    /// An attack succeeded.
    Falsified {
        /// The attack, with what it takes to repeat it.
        counterexample: Counterexample,
    },
    /// The attack could not run here.
    Blocked {
        /// What is missing; never empty in a record.
        missing: Vec<Need>,
    },
    /// The attack ran and could not have found anything.
    Vacuous {
        /// Why nothing could have been found.
        why: Vacuity,
    },
    /// The falsifier itself broke.
    Errored {
        /// What broke, in one line.
        error: String,
    },
}

impl Outcome {
    /// What a finished attack that found nothing amounts to: survived, or vacuous where there was nothing to
    /// find, or errored where `worst` contradicts the verdict.
    pub fn survived(cases: u64, elements: u64, worst: Worst) -> Outcome {
        let Some(cases) = NonZeroU64::new(cases) else {
            return Outcome::Vacuous { why: Vacuity::NoCases };
        };
        let Some(elements) = NonZeroU64::new(elements) else {
            return Outcome::Vacuous { why: Vacuity::NoElements };
        };
        if !worst.holds() {
            return Outcome::Errored { error: format!("reported as survived, but {worst}") };
        }
        Outcome::Survived { cases, elements, worst }
    }

    /// Whether this is the one value that passes.
    pub const fn passes(&self) -> bool {
        matches!(self, Outcome::Survived { .. })
    }

    /// The outcome in one word.
    pub const fn word(&self) -> &'static str {
        match self {
            Outcome::Survived { .. } => "survived",
            Outcome::Falsified { .. } => "falsified",
            Outcome::Blocked { .. } => "blocked",
            Outcome::Vacuous { .. } => "vacuous",
            Outcome::Errored { .. } => "errored",
        }
    }

    /// The exit code of a command that saw only this outcome.
    pub const fn exit(&self) -> Exit {
        match self {
            Outcome::Survived { .. } => Exit::Survived,
            Outcome::Falsified { .. } | Outcome::Errored { .. } => Exit::Falsified,
            Outcome::Blocked { .. } | Outcome::Vacuous { .. } => Exit::Incomplete,
        }
    }

    /// What the outcome says against itself, if anything: a survival whose worst measurement is beyond its
    /// limit, or a blocked claim that lacks nothing. Such a record is neither written nor read.
    pub fn contradiction(&self) -> Option<String> {
        match self {
            Outcome::Survived { worst, .. } if !worst.holds() => Some(format!("survived, but {worst}")),
            Outcome::Blocked { missing } if missing.is_empty() => {
                Some("blocked, but nothing is missing".into())
            }
            _ => None,
        }
    }
}

/// The measurement that came closest to its limit. A measurement holds while `value <= limit`; a falsifier that
/// wants at least so much of something reports its shortfall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worst {
    /// The case, by its id.
    pub case: String,
    /// The stage, where the measurement belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// What was measured: `row_l2`, `max_ulp`, `differing_bits`.
    pub metric: String,
    /// What it came to.
    pub value: Real,
    /// What it may come to at most.
    pub limit: Real,
}

impl Worst {
    /// How much of the limit was used: 0 is perfect, 1 is at the limit, and more is beyond it. Where the limit
    /// is zero, zero is 0 and everything else is infinite.
    pub fn margin(&self) -> Real {
        margin(self.value, self.limit)
    }

    /// Whether the measurement is within its limit: both are finite, and `value <= limit`.
    pub fn holds(&self) -> bool {
        self.value.is_finite() && self.limit.is_finite() && self.value.get() <= self.limit.get()
    }
}

impl fmt::Display for Worst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.metric, self.case)?;
        if let Some(stage) = &self.stage {
            write!(f, " at {stage}")?;
        }
        write!(f, " is {}, limit {}", self.value, self.limit)
    }
}

/// A successful attack, with what it takes to repeat it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counterexample {
    /// The case, by its id.
    pub case: String,
    /// The seed that the case was drawn with.
    pub seed: u64,
    /// The first stage that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The layer of that stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// The position of the token in its sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<u64>,
    /// The coordinates of the element in its tensor; empty where no single element is to blame.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub index: Vec<u64>,
    /// What the element should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<Real>,
    /// What the element is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Real>,
    /// What was measured.
    pub metric: String,
    /// What it came to.
    pub value: Real,
    /// What it may come to at most.
    pub limit: Real,
    /// What is wrong, in one line.
    pub message: String,
    /// The command that repeats it.
    pub command: String,
}

impl Counterexample {
    /// How far beyond its limit the measurement is, as [`Worst::margin`].
    pub fn margin(&self) -> Real {
        margin(self.value, self.limit)
    }
}

fn margin(value: Real, limit: Real) -> Real {
    let (value, limit) = (value.get(), limit.get());
    Real::new(if limit == 0.0 && value == 0.0 {
        0.0
    } else if limit == 0.0 && !value.is_nan() {
        f64::INFINITY
    } else {
        value / limit
    })
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (case {}", self.message, self.case)?;
        if let Some(stage) = &self.stage {
            write!(f, ", {stage}")?;
        }
        if let Some(token) = self.token {
            write!(f, ", token {token}")?;
        }
        if !self.index.is_empty() {
            write!(f, ", element {:?}", self.index)?;
        }
        if let (Some(truth), Some(found)) = (self.truth, self.found) {
            match truth.to_string() == found.to_string() && truth != found {
                // Rounded they look the same; every digit tells them apart.
                true => write!(f, ", truth {}, found {}", truth.get(), found.get())?,
                false => write!(f, ", truth {truth}, found {found}")?,
            }
        }
        write!(f, "): {} {}, limit {}", self.metric, self.value, self.limit)
    }
}

/// Something that a falsifier cannot run without. [`Need::remedy`] says how to come by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Need {
    /// A device for this lane.
    Device(Lane),
    /// NVRTC, which compiles the kernels.
    Nvrtc,
    /// A library of the device that multiplies matrices.
    Library,
    /// So many bytes of device memory, of which fewer are free.
    Memory {
        /// Bytes that are needed at once.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The configuration and weights of a model.
    Weights {
        /// The model, by its name in the zoo or by its folder.
        model: String,
    },
    /// One golden of a model.
    Golden {
        /// The model.
        model: String,
        /// The golden.
        name: String,
    },
    /// The tokenizer of a model.
    Tokenizer {
        /// The model.
        model: String,
    },
    /// The chat template of a model.
    ChatTemplate {
        /// The model.
        model: String,
    },
}

impl Need {
    /// The one thing to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Need::Device(Lane::Cuda) => {
                "install the NVIDIA driver and make a device visible (`nvidia-smi` lists it), or do not ask for it".into()
            }
            Need::Device(lane) => format!("use a build that has the {lane} lane, or do not ask for it"),
            Need::Nvrtc => {
                "install the CUDA toolkit, or let `make nvrtc` put the pinned one under target/".into()
            }
            Need::Library => {
                "install cuBLAS 13, or name the folder of libcublasLt.so.13 in LD_LIBRARY_PATH".into()
            }
            Need::Memory { .. } => {
                "use a device with more memory, or end what else is on it".into()
            }
            Need::Weights { model } => {
                format!("put config.json and the safetensors of {model} into its folder under engine/zoo/")
            }
            Need::Golden { model, name } => {
                format!("make golden `{name}` of {model} with falsifiers/oracle/")
            }
            Need::Tokenizer { model } => format!("put tokenizer.json into the folder of {model}"),
            Need::ChatTemplate { model } => {
                format!("put tokenizer_config.json or chat_template.jinja into the folder of {model}")
            }
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Need::Device(lane) => write!(f, "no {lane} device")?,
            Need::Nvrtc => write!(f, "no NVRTC")?,
            Need::Library => write!(f, "no library for matrix products")?,
            Need::Memory { needed, free } => {
                write!(f, "{needed} bytes of device memory are needed, and {free} are free")?;
            }
            Need::Weights { model } => write!(f, "no weights of {model}")?,
            Need::Golden { model, name } => write!(f, "no golden `{name}` of {model}")?,
            Need::Tokenizer { model } => write!(f, "no tokenizer of {model}")?,
            Need::ChatTemplate { model } => write!(f, "no chat template of {model}")?,
        }
        write!(f, ": {}", self.remedy())
    }
}

/// Why an attack could not have found anything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Vacuity {
    /// The claim expanded to no cases.
    NoCases,
    /// The cases held no element to compare.
    NoElements,
    /// A mutant that the claim must kill survived it.
    SurvivingMutant {
        /// The mutant.
        mutant: String,
    },
    /// A mutant that the claim must kill changed nothing, so that killing it was never tried.
    InertMutant {
        /// The mutant.
        mutant: String,
    },
}

impl fmt::Display for Vacuity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Vacuity::NoCases => write!(f, "no cases: the claim attacks nothing"),
            Vacuity::NoElements => write!(f, "no elements: nothing was compared"),
            Vacuity::SurvivingMutant { mutant } => {
                write!(f, "mutant {mutant} survived it: the claim does not see the defect that it names")
            }
            Vacuity::InertMutant { mutant } => {
                write!(f, "mutant {mutant} changed nothing here: the claim was never tried against it")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(value: f64, limit: f64) -> Worst {
        Worst {
            case: "fib".into(),
            stage: Some("lm_head".into()),
            metric: "row_l2".into(),
            value: value.into(),
            limit: limit.into(),
        }
    }

    #[test]
    fn a_pass_on_nothing_cannot_be_built() {
        assert_eq!(Outcome::survived(0, 9, worst(0.0, 1.0)), Outcome::Vacuous { why: Vacuity::NoCases });
        assert_eq!(Outcome::survived(9, 0, worst(0.0, 1.0)), Outcome::Vacuous { why: Vacuity::NoElements });
        for json in [
            r#"{"survived":{"cases":0,"elements":1,"worst":{"case":"a","metric":"m","value":0.0,"limit":1.0}}}"#,
            r#"{"survived":{"cases":1,"elements":0,"worst":{"case":"a","metric":"m","value":0.0,"limit":1.0}}}"#,
            r#"{"survived":{"cases":1,"elements":1}}"#,
            r#"{"survived":{"cases":-1,"elements":1,"worst":{"case":"a","metric":"m","value":0.0,"limit":1.0}}}"#,
            r#""survived""#,
        ] {
            assert!(serde_json::from_str::<Outcome>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_pass_beyond_its_limit_is_an_error() {
        for (value, limit) in [
            (1.1, 1.0),
            (f64::NAN, 1.0),
            (0.0, f64::NAN),
            (0.0, f64::INFINITY),
            (f64::NEG_INFINITY, 0.0),
            (f64::INFINITY, f64::INFINITY),
        ] {
            let outcome = Outcome::survived(1, 1, worst(value, limit));
            assert!(matches!(outcome, Outcome::Errored { .. }), "{value} {limit}");
        }
        assert!(Outcome::survived(1, 1, worst(1.0, 1.0)).passes());
        assert!(Outcome::survived(1, 1, worst(0.0, 0.0)).passes());
    }

    #[test]
    fn margins() {
        assert_eq!(worst(0.5, 1.0).margin(), Real::new(0.5));
        assert_eq!(worst(0.0, 0.0).margin(), Real::new(0.0));
        assert_eq!(worst(1.0, 0.0).margin(), Real::new(f64::INFINITY));
        assert_eq!(worst(f64::NAN, 0.0).margin(), Real::new(f64::NAN));
        assert_eq!(worst(f64::NAN, 1.0).margin(), Real::new(f64::NAN));
    }

    fn every_outcome() -> Vec<Outcome> {
        let counterexample = Counterexample {
            case: "fib".into(),
            seed: 7,
            stage: Some("model.layers.0.self_attn.q_proj".into()),
            layer: Some(0),
            token: Some(3),
            index: vec![3, 17],
            truth: Some(1.25.into()),
            found: Some(f64::NAN.into()),
            metric: "row_l2".into(),
            value: f64::INFINITY.into(),
            limit: 1e-6.into(),
            message: "a value is not finite".into(),
            command: "pv run --claim C".into(),
        };
        vec![
            Outcome::survived(3, 4096, worst(1e-7, 1e-6)),
            Outcome::Falsified { counterexample },
            Outcome::Blocked { missing: vec![Need::Device(Lane::Cuda), Need::Nvrtc] },
            Outcome::Vacuous { why: Vacuity::SurvivingMutant { mutant: "qwen2@k-bias-dropped".into() } },
            Outcome::Vacuous { why: Vacuity::NoCases },
            Outcome::Errored { error: "boom".into() },
        ]
    }

    #[test]
    fn json_round_trip_keeps_nan_and_infinity() {
        for outcome in every_outcome() {
            let text = serde_json::to_string(&outcome).unwrap();
            assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome, "{text}");
        }
    }

    #[test]
    fn unknown_fields_and_variants_are_refused() {
        for json in [
            r#"{"passed":{}}"#,
            r#"{"errored":{"error":"x","also":1}}"#,
            r#"{"vacuous":{"why":"because"}}"#,
            r#"{"blocked":{"missing":[{"device":"tpu"}]}}"#,
        ] {
            assert!(serde_json::from_str::<Outcome>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn only_survival_passes() {
        for outcome in every_outcome() {
            assert_eq!(outcome.passes(), outcome.word() == "survived");
            assert_eq!(outcome.passes(), outcome.exit() == Exit::Survived);
        }
    }

    #[test]
    fn values_that_round_alike_are_told_apart() {
        let (truth, found) = (-11.476841926574707, -11.476843823272752);
        let near = Counterexample {
            truth: Some(truth.into()),
            found: Some(found.into()),
            ..crate::samples::counterexample("A")
        };
        assert!(near.to_string().contains(&format!("truth {truth}, found {found}")), "{near}");
    }

    #[test]
    fn contradictions_are_named() {
        assert!(Outcome::Blocked { missing: vec![] }.contradiction().is_some());
        let outcome =
            Outcome::Survived { cases: NonZeroU64::MIN, elements: NonZeroU64::MIN, worst: worst(2.0, 1.0) };
        assert!(outcome.contradiction().is_some());
        for outcome in every_outcome() {
            assert_eq!(outcome.contradiction(), None);
        }
    }

    #[test]
    fn every_need_names_its_remedy() {
        let model = || "qwen2-tiny".to_owned();
        for need in [
            Need::Device(Lane::Cuda),
            Need::Device(Lane::Simt),
            Need::Nvrtc,
            Need::Library,
            Need::Memory { needed: 2, free: 1 },
            Need::Weights { model: model() },
            Need::Golden { model: model(), name: "fib".into() },
            Need::Tokenizer { model: model() },
            Need::ChatTemplate { model: model() },
        ] {
            assert!(need.to_string().ends_with(&need.remedy()));
        }
    }
}

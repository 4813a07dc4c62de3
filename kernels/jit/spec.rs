//! What a kernel is compiled from: the kernel, and every axis that it is specialised for.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::JitError;
use crate::Dtype;
use crate::seam::Point;

/// One value that a kernel is specialised for.
///
/// A kernel can only see a constant that is an axis, because the `-D` strings are made from axes and from nothing
/// else; and every axis is part of the key. So a constant that differs makes another kernel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// A count, a size or a choice.
    Int(u64),
    /// A real constant, such as an epsilon. Always finite.
    Float(f64),
    /// A storage format.
    Dtype(Dtype),
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            // The shortest digits that read back as the same binary64; with an exponent, so that C++ reads a double.
            Self::Float(value) => write!(f, "{value:e}"),
            Self::Dtype(dtype) => write!(f, "{dtype}"),
        }
    }
}

impl From<usize> for Axis {
    fn from(value: usize) -> Self {
        Self::Int(value as u64)
    }
}

impl From<f64> for Axis {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<Dtype> for Axis {
    fn from(value: Dtype) -> Self {
        Self::Dtype(value)
    }
}

/// A kernel with all its axes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KernelSpec {
    /// Name of the kernel, a member of [`crate::launch::KERNELS`]; also its entry point.
    pub kernel: String,
    /// Each axis by the name of its macro.
    pub axes: BTreeMap<String, Axis>,
}

impl KernelSpec {
    /// A kernel without axes.
    #[must_use]
    pub fn new(kernel: &str) -> Self {
        Self { kernel: kernel.to_owned(), axes: BTreeMap::new() }
    }

    /// The same with one more axis.
    #[must_use]
    pub fn with(mut self, axis: &str, value: impl Into<Axis>) -> Self {
        self.axes.insert(axis.to_owned(), value.into());
        self
    }

    /// A whole-number axis; `None` where there is none of that name.
    #[must_use]
    pub fn int(&self, axis: &str) -> Option<u64> {
        match self.axes.get(axis) {
            Some(Axis::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// A storage-format axis; `None` where there is none of that name.
    #[must_use]
    pub fn dtype(&self, axis: &str) -> Option<Dtype> {
        match self.axes.get(axis) {
            Some(Axis::Dtype(value)) => Some(*value),
            _ => None,
        }
    }

    /// Whether every axis is the name of a macro with a value that a macro can have: numbers are finite.
    pub fn check(&self) -> Result<(), JitError> {
        for (name, axis) in &self.axes {
            let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
            let problem = if !first || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                "is no name of a macro".to_owned()
            } else if let Axis::Float(value) = axis
                && !value.is_finite()
            {
                format!("is {value}; it must be a finite number")
            } else {
                continue;
            };
            return Err(JitError::Axis { spec: self.to_string(), axis: name.clone(), problem });
        }
        Ok(())
    }

    /// One `-D` option for each axis, in the order of their names.
    #[must_use]
    pub fn defines(&self) -> Vec<String> {
        self.axes
            .iter()
            .map(|(name, axis)| match axis {
                Axis::Dtype(dtype) => format!("-D{name}=DT_{dtype}"),
                other => format!("-D{name}={other}"),
            })
            .collect()
    }
}

impl fmt::Display for KernelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes: Vec<String> = self.axes.iter().map(|(name, axis)| format!("{name}={axis}")).collect();
        write!(f, "{}({})", self.kernel, axes.join(","))
    }
}

/// What is wrong with the text of a spec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kernel with axes; it is written as rmsnorm(EPS=1e-6,FEATURES=256)")]
pub struct NoSpec(String);

impl FromStr for KernelSpec {
    type Err = NoSpec;

    /// Reads what [`fmt::Display`] writes: a dtype by its name, a real number by its exponent, else a whole number.
    fn from_str(text: &str) -> Result<Self, NoSpec> {
        let wrong = || NoSpec(text.to_owned());
        let (kernel, axes) =
            text.strip_suffix(')').and_then(|text| text.split_once('(')).ok_or_else(wrong)?;
        let mut spec = Self::new(kernel);
        for axis in axes.split(',').filter(|axis| !axis.is_empty()) {
            let (name, value) = axis.split_once('=').ok_or_else(wrong)?;
            let dtypes = [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::E4M3];
            let value = match dtypes.into_iter().find(|dtype| dtype.to_string() == value) {
                Some(dtype) => Axis::Dtype(dtype),
                None if value.contains('e') => Axis::Float(value.parse().map_err(|_| wrong())?),
                None => Axis::Int(value.parse().map_err(|_| wrong())?),
            };
            spec.axes.insert(name.to_owned(), value);
        }
        Ok(spec)
    }
}

/// Where a mutant can rewrite the spec that a kernel is compiled from, after the plan was checked.
#[derive(Debug)]
pub struct SpecPoint;

impl Point for SpecPoint {
    const NAME: &'static str = "spec";
    type Value<'a> = KernelSpec;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for kernel in crate::launch::KERNELS {
            for spec in (kernel.variants)() {
                assert_eq!(spec.to_string().parse::<KernelSpec>().unwrap(), spec);
            }
        }
        for text in ["", "rmsnorm", "rmsnorm(EPS)", "rmsnorm(EPS=x)", "rmsnorm(EPS=1e-6", "rmsnorm(N=-1)"] {
            assert!(text.parse::<KernelSpec>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_axis_becomes_one_define() {
        let spec =
            KernelSpec::new("rmsnorm").with("FEATURES", 256).with("EPS", 1e-6).with("ACT_DTYPE", Dtype::BF16);
        assert_eq!(spec.defines(), ["-DACT_DTYPE=DT_BF16", "-DEPS=1e-6", "-DFEATURES=256"]);
        assert_eq!(spec.to_string(), "rmsnorm(ACT_DTYPE=BF16,EPS=1e-6,FEATURES=256)");
        assert_eq!(
            (spec.int("FEATURES"), spec.dtype("ACT_DTYPE"), spec.int("EPS")),
            (Some(256), Some(Dtype::BF16), None)
        );
    }

    #[test]
    fn an_axis_that_no_macro_can_have_is_refused() {
        assert_eq!(KernelSpec::new("rmsnorm").with("EPS", -1e-6).with("_X2", 3).check(), Ok(()));
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = KernelSpec::new("rmsnorm").with("EPS", value).check().unwrap_err().to_string();
            assert!(error.contains("axis EPS is") && error.contains("finite"), "{error}");
        }
        for name in ["", "1X", "A B", "A=1 -DB"] {
            assert!(KernelSpec::new("rmsnorm").with(name, 1).check().is_err(), "{name}");
        }
    }
}

//! What the op suite computes on one device, held to what it computed on another.
//!
//! A record has, of each output of each case, a digest of all bits: where digests are equal the devices agree bit by bit. Of
//! kernels that need not agree so it has the bits of some elements too, which say how far the devices are apart.

use std::collections::BTreeMap;

use contracts::Lane;
use engine::trace::Tensor;
use kernels::Dtype;
use kernels::real::Values;
use serde::{Deserialize, Serialize};

use super::{CASES, Draw, Group, OpCase};
use crate::kinds::op_parity::launch;
use crate::machine::{Machine, jit_stop};
use crate::stop::Stop;

/// Kernels that take an exponential, which hardware approximates.
pub const APPROXIMATE: &[&str] = &[
    "attention_decode",
    "attention_flash",
    "attention_merge",
    "attention_plain",
    "attention_prefill",
    "attention_split",
    "mla_attention_flash",
    "mla_attention_plain",
    "mla_attention_split",
    "mla_unabsorbed",
    "moe_gate_up_matvec",
    "moe_route",
    "moe_route_bias",
    "norm_gate_up_matvec",
    "silu_and_mul",
];

/// Elements of an output of such a kernel that are kept.
const KEPT: usize = 128;

/// What a device computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// What its maker calls it.
    pub device: String,
    /// The driver's version.
    pub driver: String,
    /// The compiler's version.
    pub nvrtc: String,
    /// Each case by its name: `rmsnorm/BF16/rows=3,features=256`.
    pub cases: BTreeMap<String, Computed>,
}

/// What one case gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Computed {
    /// The key of the kernel: with another key it is another kernel.
    pub key: String,
    /// Its outputs, in the order of the kernel's parameters.
    pub outputs: Vec<Output>,
}

/// One output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// How many elements it has.
    pub elements: usize,
    /// How they are stored.
    pub dtype: String,
    /// A digest of all values.
    pub digest: String,
    /// Some of them, evenly spread: the bits in hexadecimal, of f32 (f64 for F64). Empty where all have to be the same.
    pub kept: String,
}

/// How one output of two devices compares.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// The case.
    pub case: String,
    /// How many elements.
    pub elements: usize,
    /// Whether every bit is the same.
    pub bitwise: bool,
    /// The largest distance of kept elements, in units in the last place of the stored format at the largest kept
    /// magnitude; infinite where one is NaN and the other is not, and where none was kept and bits differ.
    pub ulp: f64,
}

/// Runs the cases that `wanted` lets through, by name.
///
/// # Errors
/// Of the first case that does not run.
pub fn record(
    machine: &Machine,
    lane: Lane,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<String, Computed>, Stop> {
    let mut cases = BTreeMap::new();
    for group in shared() {
        for case in &group.cases {
            let name = name_of(&group, case);
            if wanted(&name) {
                cases.insert(name, compute(machine, lane, &group, case)?);
            }
        }
    }
    Ok(cases)
}

/// The name of every case.
#[must_use]
pub fn names() -> Vec<String> {
    shared().iter().flat_map(|group| group.cases.iter().map(|case| name_of(group, case))).collect()
}

/// The groups of kernels that both devices run.
fn shared() -> Vec<Group> {
    let all = CASES.iter().flat_map(|(_, groups)| groups());
    all.filter(|group| !group.of_one_capability()).collect()
}

fn name_of(group: &Group, case: &OpCase) -> String {
    format!("{}/{}/{}", group.kernel, group.activation, case.name)
}

fn compute(machine: &Machine, lane: Lane, group: &Group, case: &OpCase) -> Result<Computed, Stop> {
    let name = format!("{}({})", group.kernel, case.name);
    let run = (case.make)(&mut Draw::new(&name));
    let key = machine.jit.artifact(&run.spec).map_err(|error| jit_stop(&error))?.key.clone();
    let found = launch(machine, lane, &name, &run)?;
    let most = if APPROXIMATE.contains(&group.kernel) { KEPT } else { 0 };
    Ok(Computed {
        key,
        outputs: found.iter().map(|(tensor, stored)| output(tensor, *stored, most)).collect(),
    })
}

/// With `most` elements kept.
fn output(tensor: &Tensor, stored: Dtype, most: usize) -> Output {
    let bits: Vec<u64> = match &tensor.values {
        Values::F32(values) => values.iter().map(|value| u64::from(value.to_bits())).collect(),
        Values::F64(values) => values.iter().map(|value| value.to_bits()).collect(),
    };
    let width = if matches!(tensor.values, Values::F32(_)) { 8 } else { 16 };
    let bytes: Vec<u8> = bits.iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let step = bits.len().div_ceil(most.max(1)).max(1);
    let kept = bits.iter().step_by(step).take(most).map(|bits| format!("{bits:0width$x}")).collect();
    Output {
        elements: bits.len(),
        dtype: stored.to_string(),
        digest: crate::digest(&bytes)[..16].to_owned(),
        kept,
    }
}

impl Output {
    /// The elements that were kept.
    fn values(&self) -> Vec<f64> {
        let wide = self.dtype == Dtype::F64.to_string();
        let digits = self.kept.as_bytes().chunks(if wide { 16 } else { 8 });
        let bits = digits
            .map(|digits| u64::from_str_radix(&String::from_utf8_lossy(digits), 16).unwrap_or(u64::MAX));
        let value =
            |bits: u64| if wide { f64::from_bits(bits) } else { f64::from(f32::from_bits(bits as u32)) };
        bits.map(value).collect()
    }

    /// Binary digits of the significand of the stored format.
    fn digits(&self) -> i32 {
        match self.dtype.as_str() {
            "F64" => 53,
            "F32" => 24,
            "F16" => 11,
            "BF16" => 8,
            _ => 4,
        }
    }
}

/// Compares what both devices computed with the same kernels. Cases that only one has, or whose kernels differ, are left
/// out.
#[must_use]
pub fn compare(a: &BTreeMap<String, Computed>, b: &BTreeMap<String, Computed>) -> Vec<Agreement> {
    let mut all = Vec::new();
    for (case, computed) in a {
        let Some(other) = b.get(case).filter(|other| other.key == computed.key) else { continue };
        for (one, two) in computed.outputs.iter().zip(&other.outputs) {
            let (bitwise, elements) = (one == two, one.elements);
            let apart = elements != two.elements || one.kept.is_empty() && !bitwise;
            let ulp = if apart { f64::INFINITY } else { distance(one, two) };
            all.push(Agreement { case: case.clone(), elements, bitwise, ulp });
        }
    }
    all
}

fn distance(one: &Output, two: &Output) -> f64 {
    let (a, b) = (one.values(), two.values());
    let largest = a
        .iter()
        .filter(|value| value.is_finite())
        .fold(f64::MIN_POSITIVE, |most, value| most.max(value.abs()));
    let unit = largest.log2().floor().exp2() * f64::from(1 - one.digits()).exp2();
    a.iter().zip(&b).fold(0.0, |worst: f64, (a, b)| {
        let same = a == b || a.is_nan() && b.is_nan();
        let apart = if same { 0.0 } else { (a - b).abs() / unit };
        worst.max(if apart.is_nan() { f64::INFINITY } else { apart })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: Vec<f32>, stored: Dtype) -> BTreeMap<String, Computed> {
        let tensor = Tensor { shape: vec![values.len()], values: Values::F32(values) };
        let computed = Computed { key: "k".to_owned(), outputs: vec![output(&tensor, stored, KEPT)] };
        [("c".to_owned(), computed)].into()
    }

    #[test]
    fn bits_and_distances_are_told_apart() {
        let one = of(vec![1.0, -3.0, f32::NAN], Dtype::F32);
        assert!(compare(&one, &one)[0].bitwise);
        let near = compare(&one, &of(vec![1.0 + f32::EPSILON, -3.0, f32::NAN], Dtype::F32));
        assert!(!near[0].bitwise && near[0].ulp == 0.5, "{near:?}");
        let nan = compare(&one, &of(vec![1.0, -3.0, 2.0], Dtype::F32));
        assert_eq!(nan[0].ulp, f64::INFINITY);
        let coarse = compare(&of(vec![256.0], Dtype::BF16), &of(vec![258.0], Dtype::BF16));
        assert_eq!(coarse[0].ulp, 1.0);
        // Another kernel is not compared.
        let mut other = one.clone();
        other.get_mut("c").unwrap().key = "l".to_owned();
        assert!(compare(&one, &other).is_empty());
    }

    #[test]
    fn what_was_not_kept_still_counts() {
        let mut values = vec![1.0; 1000];
        let one = of(values.clone(), Dtype::F32);
        values[3] = 2.0;
        let other = compare(&one, &of(values, Dtype::F32));
        assert!(!other[0].bitwise && other[0].ulp == 0.0);
    }

    #[test]
    fn where_nothing_is_kept_every_bit_has_to_be_the_same() {
        let of = |value: f32| {
            let mut computed = of(vec![value], Dtype::F32);
            computed.get_mut("c").unwrap().outputs[0].kept.clear();
            computed
        };
        assert_eq!(compare(&of(1.0), &of(1.0))[0].ulp, 0.0);
        let other = compare(&of(1.0), &of(2.0));
        assert!(!other[0].bitwise && other[0].ulp == f64::INFINITY);
    }
}

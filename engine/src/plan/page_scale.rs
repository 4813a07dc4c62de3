//! The scales of pages of E4M3: a code that a page holds, times the scale of its layer, is the key or the value.
//!
//! They are what vLLM calls `k_scale` and `v_scale`, one f32 each a layer, measured when a checkpoint was calibrated. They
//! are passed to kernels as numbers and baked into none, so that all layers share theirs.

use std::fmt;
use std::path::PathBuf;

use kernels::seam::Seam;

use crate::stage::StageName;
use crate::weights::{Weights, WeightsError};

/// Names of the scale of keys below `model.layers.N.self_attn`: of compressed-tensors, of vLLM's own modules, and of older
/// files.
const KEYS: [&str; 3] = ["k_scale", "attn.k_scale", "k_proj.k_scale"];
/// The same of values, in the same order.
const VALUES: [&str; 3] = ["v_scale", "attn.v_scale", "v_proj.v_scale"];

/// What codes of a layer's pages are multiplied by. Both are 1 where pages are not E4M3, or the checkpoint says nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PageScales {
    /// That of keys; of a whole row where pages hold latents.
    pub keys: f32,
    /// That of values. Latents are values too, and have no other.
    pub values: f32,
}

impl PageScales {
    /// Where a page holds keys and values as they are.
    pub const NONE: Self = Self { keys: 1.0, values: 1.0 };
}

/// A scale that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}: tensor \"{tensor}\" {problem}", file.display())]
pub struct PageScaleError {
    /// The file, or the folder of a sharded checkpoint.
    pub file: PathBuf,
    /// The tensor.
    pub tensor: String,
    /// What is wrong with it.
    pub problem: PageScaleProblem,
}

/// What is wrong with the scale of a layer's pages.
#[derive(Debug, Clone, PartialEq)]
pub enum PageScaleProblem {
    /// Not one number.
    Shape(Vec<usize>),
    /// No number that anything can be divided by and multiplied with.
    Value(f32),
    /// The file has it under another name too.
    Twice(String),
    /// The other one of the layer, of this name, is not there.
    Alone(String),
}

impl fmt::Display for PageScaleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(found) => write!(
                f,
                "has shape {found:?}, and the pages of a layer have one scale; store it with shape [] or [1]"
            ),
            Self::Value(found) => write!(
                f,
                "is {found}, and a scale of pages is finite and larger than 0; calibrate it again, or leave it out for 1"
            ),
            Self::Twice(other) => write!(
                f,
                "and tensor \"{other}\" are both the scale of the same pages; leave one of them out"
            ),
            Self::Alone(other) => write!(
                f,
                "is there and \"{other}\" is not; store the scales of keys and of values, or leave both out for 1"
            ),
        }
    }
}

/// The tensors of a checkpoint that are scales of a layer's pages, whichever their names.
pub(super) fn tensors(weights: &Weights, layer: usize) -> Vec<String> {
    let names = KEYS.into_iter().chain(VALUES).map(|name| full(layer, name));
    names.filter(|name| weights.contains(name)).collect()
}

/// The scales of a layer's pages of E4M3, with the tensors that they are taken from. `latent`: pages hold latents, which
/// have that of keys alone.
pub(super) fn read(
    weights: &Weights,
    seam: &Seam,
    layer: usize,
    latent: bool,
) -> Result<(PageScales, Vec<String>), WeightsError> {
    let of = |names: [&str; 3]| only(weights, layer, names);
    let (keys, values) = (of(KEYS)?, if latent { None } else { of(VALUES)? });
    let alone = |name: &String, place: usize, others: [&str; 3]| {
        let other = others.get(place).map_or_else(String::new, |other| full(layer, other));
        Err(refused(weights, name, PageScaleProblem::Alone(other)))
    };
    match (keys, values) {
        (None, None) => Ok((PageScales::NONE, Vec::new())),
        (Some((_, name)), None) if latent => {
            let scale = number(weights, seam, &name)?;
            Ok((PageScales { keys: scale, values: scale }, vec![name]))
        }
        (Some((place, name)), None) => alone(&name, place, VALUES),
        (None, Some((place, name))) => alone(&name, place, KEYS),
        (Some((_, k_name)), Some((_, v_name))) => {
            let scales =
                PageScales { keys: number(weights, seam, &k_name)?, values: number(weights, seam, &v_name)? };
            Ok((scales, vec![k_name, v_name]))
        }
    }
}

fn full(layer: usize, name: &str) -> String {
    format!("{}.{name}", StageName::layer(layer, "self_attn"))
}

fn refused(weights: &Weights, tensor: &str, problem: PageScaleProblem) -> WeightsError {
    PageScaleError { file: weights.source(), tensor: tensor.to_owned(), problem }.into()
}

/// The one of these that a checkpoint has, with its place among them.
fn only(weights: &Weights, layer: usize, names: [&str; 3]) -> Result<Option<(usize, String)>, WeightsError> {
    let names = names.into_iter().map(|name| full(layer, name)).enumerate();
    let mut found = names.filter(|(_, name)| weights.contains(name));
    match (found.next(), found.next()) {
        (Some((_, first)), Some((_, second))) => {
            Err(refused(weights, &first, PageScaleProblem::Twice(second)))
        }
        (one, _) => Ok(one),
    }
}

/// The number that a scale is.
fn number(weights: &Weights, seam: &Seam, name: &str) -> Result<f32, WeightsError> {
    let shape = weights.shape(name).unwrap_or_default().to_vec();
    if !(shape.is_empty() || shape == [1]) {
        return Err(refused(weights, name, PageScaleProblem::Shape(shape)));
    }
    let values = weights.reader(seam).values(name, None, &shape)?;
    let value = values.first().copied().unwrap_or(f32::NAN);
    // Written so that NaN is refused.
    match value > 0.0 && value.is_finite() {
        true => Ok(value),
        false => Err(refused(weights, name, PageScaleProblem::Value(value))),
    }
}

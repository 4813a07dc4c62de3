//! `kv_dtype`: keys and values are stored as asked for, and are no further from the truth than that costs.

use contracts::Tolerance;
use contracts::kinds::{CacheDtype, KvDtype};
use engine::device::{DeviceModel, DeviceOptions};
use engine::plan::{Element, Phase, Role};
use kernels::Dtype;

use super::{Case, Passed};
use crate::compare::row_l2;
use crate::on_device::{factor, failed, hold_logits, logits, rows, tokens};
use crate::parity::honest::truth_of_logits;
use crate::parity::{Run, Source, options};
use crate::stop::{Defect, Stop};
use crate::subject::Subject;
use crate::tally::Tally;

/// Tokens that are decoded one by one, at the end of a prompt.
const DECODED: usize = 4;

const fn dtype(name: CacheDtype) -> Dtype {
    match name {
        CacheDtype::F32 => Dtype::F32,
        CacheDtype::F16 => Dtype::F16,
        CacheDtype::Bf16 => Dtype::BF16,
        CacheDtype::E4m3 => Dtype::E4M3,
    }
}

pub(super) fn cases<'c>(parameters: &'c KvDtype, tolerance: Option<&'c Tolerance>) -> Vec<Case<'c>> {
    let each = parameters.dtypes.iter().map(|name| (name.as_str(), vec![dtype(*name)]));
    let all: Vec<Dtype> = parameters.dtypes.iter().map(|name| dtype(*name)).collect();
    let mixed = (all.len() > 1).then_some(("mixed", all));
    let layouts: Vec<(&str, Vec<Dtype>)> = each.chain(mixed).collect();
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        for prompt in &parameters.prompts {
            for (name, dtypes) in &layouts {
                let dtypes = dtypes.clone();
                cases.push(Case {
                    id: format!("kv_dtype(model={model},prompt={prompt},dtype={name})"),
                    attempt: Box::new(move |subject| attempt(subject, model, prompt, &dtypes, tolerance)),
                });
            }
        }
    }
    cases
}

/// `dtypes` are those of the first layers; the layers after them begin again with the first.
fn attempt(
    subject: &Subject,
    model: &str,
    prompt: &str,
    dtypes: &[Dtype],
    tolerance: Option<&Tolerance>,
) -> Result<Passed, Stop> {
    let factor = factor(tolerance, "kv_dtype")?;
    let tokens = tokens(subject, model, prompt, 2)?;
    let layers = subject.pristine().loaded(model)?.config().num_hidden_layers;
    let asked: Vec<Dtype> = dtypes.iter().copied().cycle().take(layers).collect();
    let device = subject.device_model(model, |loaded| DeviceOptions {
        kv_dtypes: asked.clone(),
        ..options(loaded, tokens.len(), 1)
    })?;
    stored_as_asked(&device, &asked, model)?;

    let plain = Source::new(&subject.dir(model));
    let source = plain.clone().with_cache(&asked, device.activation());
    let mut tally = Tally::default();
    let mut cost = 0.0f64;
    for run in [Run::prefill(tokens.clone()), Run::decode(tokens.clone(), DECODED.min(tokens.len() - 1))] {
        let found = logits(&device, &run.plan()).map_err(failed(subject))?;
        let found = rows(&found, run.first_judged(), run.judged());
        hold_logits(&mut tally, subject, (&device, &source), &run, &found, factor, || {
            format!("{model} is further from the truth over such pages in the {} of {prompt}", run.phase())
        })?;
        let unrounded = truth_of_logits(&plain, &run).map_err(|error| error.stop(subject.lane()))?;
        cost = cost.max(row_l2(&unrounded, &found));
    }
    let mut passed = tally.passed()?;
    passed.metric = format!("{} ({cost:.1e} from unrounded pages)", passed.metric);
    Ok(passed)
}

/// Whether the pages of every layer hold what was asked for, in both plans.
fn stored_as_asked(device: &DeviceModel, asked: &[Dtype], model: &str) -> Result<(), Stop> {
    for phase in [Phase::Prefill, Phase::Decode] {
        let buffers = &device.plan(phase).buffers;
        for (layer, asked) in asked.iter().enumerate() {
            // Latents are both.
            let latent = buffers.iter().any(|buffer| buffer.role == Role::Latents(layer));
            let both = [Role::Keys(layer), Role::Values(layer)];
            let roles = if latent { &[Role::Latents(layer)][..] } else { &both[..] };
            for &role in roles {
                let found = buffers.iter().find(|buffer| buffer.role == role).map(|buffer| buffer.element);
                if found != Some(Element::Float(*asked)) {
                    let found = match found {
                        Some(Element::Float(dtype)) => dtype.to_string(),
                        Some(Element::I32) => "I32".to_owned(),
                        None => "nothing".to_owned(),
                    };
                    let what = match role {
                        Role::Keys(_) => "keys",
                        Role::Latents(_) => "latents",
                        _ => "values",
                    };
                    let message = format!(
                        "{model} stores the {what} of layer {layer} as {found} for the {phase} plan, and {asked} was asked for"
                    );
                    return Err(Defect::counted("other_kv_dtype", 1.0, message).into());
                }
            }
        }
    }
    Ok(())
}

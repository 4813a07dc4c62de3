//! What templates of plans are written with: buffers by name, and steps over them.

use std::collections::BTreeMap;

use kernels::Dtype;
use kernels::device::Limits;
use kernels::jit::KernelSpec;
use kernels::launch::{Access, Expr, LaunchShape, find};
use kernels::seam::Seam;

use super::page_scale::{self, PageScales};
use super::{BufferId, Element, Input, Operand, Phase, Plan, PlanBuffer, Role, Step};
use crate::device::PoolLayout;
use crate::stage::StageName;
use crate::weights::{Weights, WeightsError};

/// What an architecture states of its plans.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    /// Adds every step of a forward pass.
    pub build: fn(&mut Builder<'_>, &crate::config::Config) -> Result<(), WeightsError>,
    /// Every stage that a forward pass has, in the order of execution.
    pub stages: fn(&crate::config::Config) -> Vec<StageName>,
}

/// A tensor of the checkpoint that a plan reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tensor {
    /// Its shape in the file.
    pub(crate) shape: Vec<usize>,
    /// The tensor that it is made from where that has another name: a tied head.
    pub(crate) source: Option<String>,
    /// The tensors that it is put together from, one after the other; none where it is one of the checkpoint.
    pub(crate) parts: Vec<Part>,
}

/// Rows of a tensor of the checkpoint, as part of one that is put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The tensor's name.
    pub name: String,
    /// Its shape in the file.
    pub shape: Vec<usize>,
    /// Which of its rows: elements along the last axis are one.
    pub rows: std::ops::Range<usize>,
}

/// A value between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// Where it is.
    pub id: BufferId,
    /// Features of a token.
    pub width: usize,
}

/// A tensor of the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Where it is.
    pub id: BufferId,
    /// How it is stored.
    pub dtype: Dtype,
}

/// The pages of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pages {
    /// Keys.
    pub keys: BufferId,
    /// Values.
    pub values: BufferId,
    /// How both are stored.
    pub dtype: Dtype,
    /// What their codes are multiplied by.
    pub scales: PageScales,
    /// Tokens of a page.
    pub page_size: usize,
}

/// The pages of a layer with latent attention.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatentPages {
    /// Latents, each with the turned key behind it.
    pub rows: BufferId,
    /// How they are stored.
    pub dtype: Dtype,
    /// What their codes are multiplied by: one number for the whole row.
    pub scale: f32,
    /// Tokens of a page.
    pub page_size: usize,
}

/// Builds one plan.
pub struct Builder<'a> {
    pub(super) weights: &'a Weights,
    /// The rewrites that weights go through.
    pub(super) seam: &'a Seam,
    pub(super) activation: Dtype,
    pub(super) layout: &'a PoolLayout,
    pub(super) limits: &'a Limits,
    /// Whether a tied head gets a copy of its own, because rewrites may make it differ from the table.
    pub(super) own_head: bool,
    /// Whether decode plans share the keys of a sequence out over blocks.
    pub(super) split_attention: bool,
    /// Whether prefill plans attend by products of warpgroups.
    pub(super) warpgroups: bool,
    pub(super) plan: Plan,
    pub(super) tensors: BTreeMap<String, Tensor>,
    /// Tensors that are passed as numbers.
    pub(super) numbers: Vec<String>,
    pub(super) ignored: Vec<(String, &'static str)>,
}

impl Builder<'_> {
    /// What the plan is for.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.plan.phase
    }

    /// How activations are stored.
    #[must_use]
    pub const fn activation(&self) -> Dtype {
        self.activation
    }

    /// What launches must stay within.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        self.limits
    }

    /// Whether decode plans share the keys of a sequence out over blocks, where the kernel fits.
    #[must_use]
    pub const fn split_attention(&self) -> bool {
        self.split_attention
    }

    /// Whether prefill plans attend by products of warpgroups, where the device has some and the kernel fits.
    #[must_use]
    pub const fn warpgroups(&self) -> bool {
        self.warpgroups
    }

    fn buffer(&mut self, buffer: PlanBuffer) -> BufferId {
        let found = self.plan.buffers.iter().position(|b| b.name == buffer.name && b.role == buffer.role);
        let index = found.unwrap_or_else(|| {
            self.plan.buffers.push(buffer);
            self.plan.buffers.len() - 1
        });
        BufferId(index)
    }

    /// The matrix `name [rows, columns]`, stored as in the file (F64 as F32).
    pub fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Parameter, WeightsError> {
        self.parameter(name, None, &shape)
    }

    /// The vector `name [length]`, stored as in the file (F64 as F32).
    pub fn vector(&mut self, name: &str, length: usize) -> Result<Parameter, WeightsError> {
        self.parameter(name, None, &[length])
    }

    /// The matrix `source [rows, columns]` in the place of `name`: one buffer for both, unless the two may differ.
    pub fn tied(&mut self, name: &str, source: &str, shape: [usize; 2]) -> Result<Parameter, WeightsError> {
        match self.own_head {
            true => self.parameter(name, Some(source), &shape),
            false => self.parameter(source, None, &shape),
        }
    }

    fn parameter(
        &mut self,
        name: &str,
        source: Option<&str>,
        shape: &[usize],
    ) -> Result<Parameter, WeightsError> {
        let dtype = self.weights.storage(source.unwrap_or(name), shape)?;
        let source = source.map(str::to_owned);
        let tensor = Tensor { shape: shape.to_owned(), source, parts: Vec::new() };
        self.tensors.insert(name.to_owned(), tensor);
        let (rows, width) = match shape {
            [rows, width] => (*rows, *width),
            other => (1, other.iter().product()),
        };
        let element = Element::Float(dtype);
        let (name, rows) = (name.to_owned(), rows.into());
        let id = self.buffer(PlanBuffer { name, element, rows, width, role: Role::Weight, slot: None });
        Ok(Parameter { id, dtype })
    }

    /// Whether the checkpoint has a tensor of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.weights.contains(name)
    }

    /// The matrix `name [rows, columns]`, put together from rows of tensors that are all stored alike: the experts of a layer.
    pub fn assembled(
        &mut self,
        name: &str,
        parts: Vec<Part>,
        [rows, columns]: [usize; 2],
    ) -> Result<Parameter, WeightsError> {
        let mut stored = None;
        for part in &parts {
            let found = self.weights.storage(&part.name, &part.shape)?;
            let expected = *stored.get_or_insert(found);
            if found != expected {
                let (file, tensor) = (self.weights.source(), part.name.clone());
                return Err(WeightsError::Unlike { file, tensor, found, expected });
            }
        }
        let dtype = stored.unwrap_or(self.activation);
        let tensor = Tensor { shape: vec![rows, columns], source: None, parts };
        self.tensors.insert(name.to_owned(), tensor);
        let (name, element, role) = (name.to_owned(), Element::Float(dtype), Role::Weight);
        let id =
            self.buffer(PlanBuffer { name, element, rows: rows.into(), width: columns, role, slot: None });
        Ok(Parameter { id, dtype })
    }

    /// What the host fills.
    pub fn input(&mut self, input: Input) -> BufferId {
        let pages_each = Expr::MaxKv.ceil_div(self.layout.page_size);
        let rows = match input {
            Input::InputIds | Input::Positions | Input::SlotMapping => Expr::Tokens,
            Input::QoIndptr | Input::KvPageIndptr => Expr::Batch + 1.into(),
            Input::KvPageIndices => Expr::Mul(Box::new(Expr::Batch), Box::new(pages_each)),
            Input::KvLen => Expr::Batch,
        };
        let (name, role) = (input.to_string(), Role::Input(input));
        self.buffer(PlanBuffer { name, element: Element::I32, rows, width: 1, role, slot: None })
    }

    /// The value of a stage, `[tokens, width]`, stored as activations are.
    pub fn stage(&mut self, stage: StageName, width: usize) -> Value {
        self.stage_in(stage, width, self.activation)
    }

    /// The value of a stage, `[tokens, width]`, stored as this dtype.
    pub fn stage_in(&mut self, stage: StageName, width: usize, dtype: Dtype) -> Value {
        let element = Element::Float(dtype);
        let (name, role) = (stage.to_string(), Role::Stage(stage));
        let buffer = PlanBuffer { name, element, rows: Expr::Tokens, width, role, slot: None };
        Value { id: self.buffer(buffer), width }
    }

    /// What a step leaves for a later one and is no stage, `[tokens, width]` in f32.
    pub fn scratch(&mut self, name: String, width: usize) -> BufferId {
        self.scratch_of(name, Element::Float(Dtype::F32), Expr::Tokens, width)
    }

    /// The same of any number of rows, in any format.
    pub fn scratch_of(&mut self, name: String, element: Element, rows: Expr, width: usize) -> BufferId {
        self.buffer(PlanBuffer { name, element, rows, width, role: Role::Scratch, slot: None })
    }

    /// What a step leaves for a later one and is no stage, `[tokens, width]`, stored as activations are.
    pub fn between(&mut self, name: String, width: usize) -> Value {
        let (element, role) = (Element::Float(self.activation), Role::Scratch);
        let buffer = PlanBuffer { name, element, rows: Expr::Tokens, width, role, slot: None };
        Value { id: self.buffer(buffer), width }
    }

    /// The pages of a layer with latent attention, `[num_pages * page_size, width]`: one entry of the list of dtypes, as for
    /// every other layer, and nothing that they fall back to.
    pub fn latent_pages(&mut self, layer: usize, width: usize) -> Result<LatentPages, WeightsError> {
        // The layout was held to the number of layers before any plan is built.
        let dtype = self.layout.dtypes.get(layer).copied().unwrap_or(self.activation);
        let (page_size, element) = (self.layout.page_size, Element::Float(dtype));
        let rows = Expr::from(self.layout.num_pages) * page_size;
        let name = format!("{}.latent_pages", StageName::layer(layer, "self_attn"));
        let role = Role::Latents(layer);
        let rows = self.buffer(PlanBuffer { name, element, rows, width, role, slot: None });
        let scale = self.scales(layer, dtype, true)?.keys;
        Ok(LatentPages { rows, dtype, scale, page_size })
    }

    /// The pages of a layer, `[num_pages * page_size, width]` each.
    pub fn pages(&mut self, layer: usize, width: usize) -> Result<Pages, WeightsError> {
        // The layout was held to the number of layers before any plan is built.
        let dtype = self.layout.dtypes.get(layer).copied().unwrap_or(self.activation);
        let (page_size, element) = (self.layout.page_size, Element::Float(dtype));
        let rows = Expr::from(self.layout.num_pages) * page_size;
        let mut pages = |kind: &str, role| {
            let name = format!("{}.{kind}_pages", StageName::layer(layer, "self_attn"));
            self.buffer(PlanBuffer { name, element, rows: rows.clone(), width, role, slot: None })
        };
        let (keys, values) = (pages("k", Role::Keys(layer)), pages("v", Role::Values(layer)));
        let scales = self.scales(layer, dtype, false)?;
        Ok(Pages { keys, values, dtype, scales, page_size })
    }

    /// What codes of a layer's pages are multiplied by. What of the checkpoint says so and is not used is left out.
    fn scales(&mut self, layer: usize, dtype: Dtype, latent: bool) -> Result<PageScales, WeightsError> {
        let (scales, taken) = match dtype {
            Dtype::E4M3 => page_scale::read(self.weights, self.seam, layer, latent)?,
            _ => (PageScales::NONE, Vec::new()),
        };
        let reason = match dtype {
            Dtype::E4M3 => "a row of latents has one scale, that of keys",
            _ => "only pages of E4M3 have scales, and those of the layer are not",
        };
        let left = page_scale::tensors(self.weights, layer).into_iter().filter(|name| !taken.contains(name));
        self.ignored.extend(left.map(|name| (name, reason)));
        self.numbers.extend(taken);
        Ok(scales)
    }

    /// Adds a step.
    pub fn step(
        &mut self,
        covers: &[StageName],
        spec: KernelSpec,
        shape: LaunchShape,
        buffers: &[BufferId],
        number: Expr,
    ) {
        let mut arguments: Vec<Operand> = buffers.iter().map(|&id| Operand::Buffer(id)).collect();
        arguments.push(Operand::Number(number));
        self.plan.steps.push(Step { covers: covers.to_vec(), spec, shape, arguments, library: None });
    }

    /// Adds a step over pages, whose kernel is passed as many of these scales, behind its number, as it has parameters for:
    /// those that read no pages of E4M3 have none.
    pub fn step_over_pages(
        &mut self,
        covers: &[StageName],
        (spec, shape): (KernelSpec, LaunchShape),
        buffers: &[BufferId],
        number: Expr,
        scales: &[f32],
    ) {
        let parameters = find(&spec.kernel).map_or(&[][..], |kernel| kernel.parameters);
        let taken = parameters.iter().filter(|parameter| parameter.access == Access::F32).count();
        self.step(covers, spec, shape, buffers, number);
        if let Some(step) = self.plan.steps.last_mut() {
            step.arguments.extend(scales.iter().take(taken).map(|&scale| Operand::Scale(scale)));
        }
    }

    /// Says something that a user should know, once.
    pub fn note(&mut self, note: String) {
        if !self.plan.notes.contains(&note) {
            self.plan.notes.push(note);
        }
    }

    /// Leaves out the tensors whose canonical names match a glob, and says why.
    pub fn ignore(&mut self, pattern: &'static str, reason: &'static str) {
        self.ignored.push((pattern.to_owned(), reason));
    }
}

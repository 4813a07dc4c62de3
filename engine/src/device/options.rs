//! How much of what a model on a device gets.

use kernels::Dtype;

use crate::config::Config;
use crate::plan::{ExtraReads, Phase};

/// What is wrong with how a model is to be put on a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// A size is zero, or larger than an index of 32 bits can name.
    #[error("`{field}` is {value}; it must be from 1 to {largest}")]
    Size {
        /// The field.
        field: &'static str,
        /// Its value.
        value: usize,
        /// The largest that is possible.
        largest: usize,
    },
    /// The longest sequence is longer than the model's context.
    #[error("`max_kv` is {max_kv}, beyond the context of {longest} (`max_position_embeddings`); lower it")]
    BeyondContext {
        /// What was asked for.
        max_kv: usize,
        /// The model's context.
        longest: usize,
    },
}

/// How a model is put on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceOptions {
    /// The most new tokens of one run, over all sequences; a longer prompt is computed in pieces.
    pub max_tokens: usize,
    /// The most sequences of one run.
    pub max_batch: usize,
    /// The longest sequence.
    pub max_kv: usize,
    /// Tokens of a page.
    pub page_size: usize,
    /// How the pages of each layer are stored: exactly one entry for each.
    pub kv_dtypes: Vec<Dtype>,
    /// Whether plans are fused where they can be.
    pub fusion: bool,
    /// Whether decode runs share the keys of a sequence out over blocks, where the kernel fits.
    pub split_attention: bool,
    /// Whether prefill runs attend by products of warpgroups (`attention_wgmma`), where the device has some and the kernel
    /// fits. It adds up in other tiles than `attention_flash`, so that tokens differ in their last bits.
    pub warpgroups: bool,
    /// Whether decode runs are replays of a graph.
    pub graph: GraphMode,
    /// Whether a kernel of a graph may start before the one before it has ended, where it waits for that itself.
    pub programmatic: bool,
    /// Whether every stage has memory of its own, so that all of them can be looked at after a run, in a graph too.
    pub keep_stages: bool,
    /// Whether a library of the device computes the products of prefill runs, where it has one: cuBLASLt, for BF16 and F16.
    /// It sums in its own order, and in another one for another number of tokens. So with it the same token need not have
    /// the same bits in another chunk, in another batch, or in a decode run; everything is still within the bounds of an
    /// honest run.
    pub library: bool,
    /// Whether a decode run ends with statistics of every stage, made on the device, as the last node of a graph too; every
    /// stage of a decode plan then has memory of its own. Without it a plan has not one step more.
    pub taps: bool,
    /// Whether statistics of every stage of a prefill run can be had too: each made on the device right after the step that
    /// stores it, before another stage takes its memory. Nothing is launched for it in a run that nobody watches.
    pub prefill_taps: bool,
    /// Weights that every decode run reads once more, for nothing: the negative control of the bench, by which a tenth of
    /// the work more has to show. None for everybody else.
    pub extra_reads: Option<ExtraReads>,
}

/// Whether decode runs are replays of a graph, or launches of one step after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GraphMode {
    /// As the compute capability says: [`used_by_default`](kernels::device::graph::used_by_default).
    #[default]
    Auto,
    /// Always. Where a graph cannot be made, steps are launched one by one, and the model says so.
    On,
    /// Never.
    Off,
}

impl DeviceOptions {
    /// For one sequence at a time, of 4,096 tokens at most, with pages stored as activations are.
    #[must_use]
    pub fn new(config: &Config, activation: Dtype) -> Self {
        let max_kv = config.max_position_embeddings.min(4096);
        Self {
            max_tokens: max_kv.min(512),
            max_batch: 1,
            max_kv,
            page_size: 16,
            kv_dtypes: vec![activation; config.num_hidden_layers],
            fusion: true,
            split_attention: true,
            warpgroups: true,
            graph: GraphMode::Auto,
            programmatic: true,
            keep_stages: false,
            library: true,
            taps: false,
            prefill_taps: false,
            extra_reads: None,
        }
    }

    /// Whether every stage of a phase has memory of its own.
    pub(crate) fn keeps(&self, phase: Phase) -> bool {
        self.keep_stages || (self.taps && phase == Phase::Decode)
    }

    /// Whether the sizes make sense for a model. How pages are stored is checked by the pool.
    pub(crate) fn check(&self, config: &Config) -> Result<(), OptionsError> {
        const LARGEST: usize = i32::MAX as usize;
        let sizes = [
            ("max_tokens", self.max_tokens),
            ("max_batch", self.max_batch),
            ("max_kv", self.max_kv),
            ("page_size", self.page_size),
        ];
        if let Some(&(field, value)) = sizes.iter().find(|(_, value)| !(1..=LARGEST).contains(value)) {
            return Err(OptionsError::Size { field, value, largest: LARGEST });
        }
        let (max_kv, longest) = (self.max_kv, config.max_position_embeddings);
        if max_kv > longest {
            return Err(OptionsError::BeyondContext { max_kv, longest });
        }
        Ok(())
    }
}

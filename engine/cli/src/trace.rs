//! `apr trace`.

use std::collections::BTreeMap;

use engine::device::DeviceModel;
use engine::forward::Forward;
use engine::models::Logits;
use engine::plan::Phase;
use engine::trace::{Recorded, Recorder};
use evidence::Exit;
use evidence::trace_file::{self, Data, StageDtype, StageRecord, StageStats, TraceError, TraceFile};
use falsifiers::stages::Selection;
use falsifiers::stop::Stop;
use kernels::Dtype;
use kernels::real::Values;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

use crate::args::{Device, Trace};
use crate::failure::Failure;
use crate::input;
use crate::output::show_lines;

/// Records every stage of one forward pass.
pub(crate) fn run(args: &Trace) -> Result<Exit, Failure> {
    // What is cheap to refuse is refused before the model is read and computed.
    let selections = selections(&args.stages)?;
    if let Some(folder) = args.out.as_deref().filter(|folder| folder.exists() && !folder.is_dir()) {
        return Err(Failure::Usage(format!("--out {}: it is not a folder; {WRITABLE}", folder.display())));
    }
    let loaded = input::open(&args.subject)?;
    let tokens = input::tokens(&loaded, &args.prompt, args.chat, None)?;
    let mut recorder = match selections.clone() {
        none if none.is_empty() => Recorder::all(),
        some => Recorder::only(move |stage| some.iter().any(|selection| selection.matches(stage))),
    };
    // A trace is how a wrong model is looked at, so nothing is admitted first.
    let (kernel_keys, fused, library) = match args.subject.device {
        Device::Cpu => {
            input::reference(&loaded, &args.subject)?.prefill(&tokens, &mut recorder)?;
            (BTreeMap::new(), BTreeMap::new(), BTreeMap::new())
        }
        device => {
            let machine = input::machine(device, &loaded)?;
            let options = input::device_options(&loaded, &args.subject);
            let model = DeviceModel::load(&loaded, machine.device, &machine.jit, options)?;
            model.start()?.extend(&tokens, Logits::All, &mut recorder)?;
            let fused = model.plan(Phase::Prefill).fused();
            let fused = fused.into_iter().map(|(stage, step)| (stage.to_string(), step)).collect();
            let name = model.library().unwrap_or_default();
            let of_library = model.plan(Phase::Prefill).steps.iter().filter(|step| step.library.is_some());
            let library = of_library.map(|step| (step.name(), name.to_owned())).collect();
            (model.kernel_keys().clone(), fused, library)
        }
    };
    for (glob, selection) in args.stages.iter().zip(&selections) {
        // Each by itself: a misspelled glob beside a good one would leave stages out without a word.
        if !recorder.stages.iter().any(|stage| selection.matches(&stage.name.to_string())) {
            return Err(Failure::Usage(format!(
                "--stages \"{glob}\" matches no stage of this model; stages are called model.embed_tokens, \
                 model.layers.0.self_attn.q_proj, model.layers.0, model.norm, lm_head; leave it out to see all"
            )));
        }
    }
    let trace = TraceFile {
        schema: trace_file::SCHEMA,
        model: input::name(&loaded),
        model_digest: loaded.digest(),
        arithmetic: args.subject.arithmetic_name(),
        device: args.subject.device.lane(),
        token_ids: tokens,
        kernel_keys,
        fused,
        library,
        stages: recorder.stages.iter().map(stage_record).collect(),
    };
    if let Some(folder) = &args.out {
        let payload: Option<Vec<_>> =
            args.payload.then(|| recorder.stages.into_iter().map(stage_payload).collect());
        trace_file::write(folder, &trace, payload.as_deref()).map_err(|error| match error {
            TraceError::Io { .. } => {
                Failure::Usage(format!("--out {}: {error}; {WRITABLE}", folder.display()))
            }
            other => Failure::Bug(other.to_string()),
        })?;
    }
    if args.json {
        show_lines(&(serde_json::to_string_pretty(&trace)? + "\n"))?;
    } else {
        show_lines(&table(&trace))?;
        if let Some(folder) = &args.out {
            show_lines(&format!("written to {}\n", folder.display()))?;
        }
    }
    Ok(Exit::Survived)
}

/// What to do about a folder that cannot be written to.
const WRITABLE: &str = "pass a folder that can be written to";

/// One selection for each glob.
fn selections(globs: &[String]) -> Result<Vec<Selection>, Failure> {
    let compile = |glob: &String| {
        Selection::new(&[glob]).map_err(|stop| match stop {
            Stop::Errored(message) => Failure::Usage(format!("--stages: {message}")),
            other => Failure::Bug(format!("{other:?}")),
        })
    };
    globs.iter().map(compile).collect()
}

fn stage_record(stage: &Recorded) -> StageRecord {
    let dtype = match stage.stored {
        Dtype::F64 => StageDtype::F64,
        Dtype::F32 => StageDtype::F32,
        Dtype::F16 => StageDtype::F16,
        Dtype::BF16 => StageDtype::BF16,
        Dtype::E4M3 => StageDtype::E4M3,
    };
    let stats = match &stage.tensor.values {
        Values::F32(values) => StageStats::of_f32(values),
        Values::F64(values) => StageStats::of_f64(values),
    };
    StageRecord::new(stage.name.to_string(), stage.tensor.shape.clone(), dtype, stats)
}

fn stage_payload(stage: Recorded) -> (String, Vec<usize>, Data) {
    let data = match stage.tensor.values {
        Values::F32(values) => Data::F32(values),
        Values::F64(values) => Data::F64(values),
    };
    (stage.name.to_string(), stage.tensor.shape, data)
}

fn table(trace: &TraceFile) -> String {
    let mut builder = Builder::default();
    builder.push_record(["stage", "shape", "dtype", "mean", "std", "min", "max", "NaN", "Inf"]);
    for stage in &trace.stages {
        let number = |value: evidence::Real| format!("{:.4}", value.get());
        builder.push_record([
            stage.name.clone(),
            format!("{:?}", stage.shape),
            format!("{:?}", stage.dtype),
            number(stage.mean),
            number(stage.std),
            number(stage.min),
            number(stage.max),
            stage.nan_count.to_string(),
            stage.inf_count.to_string(),
        ]);
    }
    for (stage, step) in &trace.fused {
        // Never stored, so nothing of it can be shown; it must not look as if it had been forgotten.
        builder.push_record([stage.clone(), format!("fused in {step}")]);
    }
    let of_library = match trace.library.first_key_value() {
        Some((_, library)) => {
            let shown = trace.stages.iter().filter(|stage| trace.library.contains_key(&stage.name));
            format!(", {} of them computed by {library}", shown.count())
        }
        None => String::new(),
    };
    let mut table = builder.build();
    table.with(Style::blank()).modify(Columns::new(3..), Alignment::right());
    let lines: Vec<String> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    format!(
        "{}, {} tokens, {} on {}, {} stages{of_library}\n\n{}\n",
        trace.model,
        trace.token_ids.len(),
        trace.arithmetic,
        trace.device,
        trace.stages.len(),
        lines.join("\n")
    )
}

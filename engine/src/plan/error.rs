//! What can be wrong with a plan.

use kernels::launch::Extent;

/// Why a plan is refused. Nothing was launched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The architecture has no plan: only the CPU computes it.
    #[error("the architecture {architecture} has no plan yet; run it with --device cpu")]
    NoTemplate {
        /// Its name.
        architecture: &'static str,
    },
    /// There is nothing to launch.
    #[error("the {phase} plan has no step; a forward pass has one at least")]
    Empty {
        /// Which plan.
        phase: super::Phase,
    },
    /// A step is wrong by itself.
    #[error("step {step} ({kernel}): {problem}")]
    Step {
        /// Name of the step.
        step: String,
        /// Its kernel.
        kernel: String,
        /// What is wrong, with what would be right.
        problem: Box<StepProblem>,
    },
    /// The stages that the plan covers are not those of the model.
    #[error("the {phase} plan {problem}")]
    Coverage {
        /// Which plan.
        phase: super::Phase,
        /// What is wrong, with what would be right.
        problem: String,
    },
    /// A tensor of the checkpoint reaches no step.
    #[error("the {phase} plan reads \"{weight}\" nowhere; pass it to a step, or leave it out with a reason")]
    UnreadWeight {
        /// Which plan.
        phase: super::Phase,
        /// The tensor.
        weight: String,
    },
    /// Two values that are needed at the same time share memory.
    #[error(
        "step {step} overwrites \"{lost}\" in slot {slot} with \"{by}\" before step {reader} is done with it; give the two different slots"
    )]
    Overwritten {
        /// The step that overwrites.
        step: String,
        /// What is lost.
        lost: String,
        /// What is put in its place.
        by: String,
        /// The slot.
        slot: usize,
        /// The last step that needs what is lost.
        reader: String,
    },
    /// A buffer has no memory on the device.
    #[error("buffer \"{buffer}\" of the {phase} plan has no memory: {problem}")]
    Unbound {
        /// Which plan.
        phase: super::Phase,
        /// The buffer.
        buffer: String,
        /// Why.
        problem: String,
    },
    /// A run is larger than what the plan was checked for.
    #[error("a {phase} run of {found:?} is beyond {largest:?}, which the plan was checked for; split it")]
    Extent {
        /// Which plan.
        phase: super::Phase,
        /// The run.
        found: Extent,
        /// The largest.
        largest: Extent,
    },
    /// What is to be put in a stage's place has another shape.
    #[error("{stage} has {expected} elements in this run, and {found} were to be put in their place")]
    Imposed {
        /// The stage.
        stage: crate::stage::StageName,
        /// Its elements.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// What the host is about to fill is not what sequences and pages allow.
    #[error("{input} of a {phase} run: {problem}")]
    Input {
        /// Which plan.
        phase: super::Phase,
        /// The input.
        input: super::Input,
        /// What is wrong.
        problem: String,
    },
}

/// What can be wrong with a step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepProblem {
    /// The registry has no such kernel.
    #[error("no kernel has this name; `pv list kernels` shows all")]
    UnknownKernel,
    /// An axis that the kernel needs is not there, or is of another kind.
    #[error("axis {0} is missing or of the wrong kind; see the launch file of the kernel")]
    Axis(&'static str),
    /// Another number of arguments than parameters.
    #[error("{found} arguments for {expected} parameters")]
    ArgumentCount {
        /// Arguments.
        found: usize,
        /// Parameters.
        expected: usize,
    },
    /// A number for a pointer, or the other way round.
    #[error("parameter `{parameter}` takes {expected}")]
    ArgumentKind {
        /// The parameter.
        parameter: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// A scale that is no number to divide by and to multiply with.
    #[error("parameter `{parameter}` is the scale {scale}; it has to be finite and larger than 0")]
    Scale {
        /// The parameter.
        parameter: &'static str,
        /// What is passed.
        scale: String,
    },
    /// An argument names a buffer that the plan does not have.
    #[error("parameter `{parameter}` names buffer {index}, and the plan has {count}")]
    NoBuffer {
        /// The parameter.
        parameter: &'static str,
        /// The buffer.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// A buffer is stored in another format than the kernel was specialised for.
    #[error(
        "parameter `{parameter}` is specialised for {expected}, and \"{buffer}\" holds {found}; make the two agree"
    )]
    Element {
        /// The parameter.
        parameter: &'static str,
        /// What is passed.
        buffer: String,
        /// What the kernel expects.
        expected: String,
        /// What the buffer holds.
        found: String,
    },
    /// A buffer is of another size than the kernel was specialised for.
    #[error(
        "parameter `{parameter}` needs {expected} elements at {extent:?}, and \"{buffer}\" has {found}; make the axes agree with the buffer"
    )]
    Size {
        /// The parameter.
        parameter: &'static str,
        /// What is passed.
        buffer: String,
        /// What the kernel expects, in words.
        expected: String,
        /// What the buffer has.
        found: u64,
        /// When.
        extent: Extent,
    },
    /// A number does not fit its parameter.
    #[error("{what} = {expression} does not fit {bits} bits at {extent:?}; split the run")]
    Overflow {
        /// Which number.
        what: String,
        /// Its expression.
        expression: String,
        /// How many bits there are.
        bits: u32,
        /// When.
        extent: Extent,
    },
    /// A launch is beyond a limit of the device.
    #[error("{what} is {found} at {extent:?}, and the device allows {limit}; {remedy}")]
    Limit {
        /// Which limit.
        what: &'static str,
        /// What the step asks for.
        found: u64,
        /// What is allowed.
        limit: u64,
        /// When.
        extent: Extent,
        /// What to do.
        remedy: &'static str,
    },
    /// A dimension of the grid or of the block is zero.
    #[error("{what} is 0 at {extent:?}; it must be 1 at least")]
    Nothing {
        /// Which dimension.
        what: &'static str,
        /// When.
        extent: Extent,
    },
    /// It reads what no step before it writes.
    #[error("it reads \"{0}\", which no step before it writes")]
    ReadBeforeWritten(String),
    /// It writes what another step wrote already.
    #[error("it writes \"{0}\", which was written before; give it a buffer of its own")]
    WrittenTwice(String),
    /// It writes what steps may only read.
    #[error("it writes \"{0}\", which is only to be read")]
    ReadOnly(String),
    /// It reads and writes the same memory.
    #[error("it writes \"{0}\", which it also reads")]
    InPlace(String),
    /// It is marked as a product of a library, and its kernel computes another one or none.
    #[error(
        "it is marked as {found} of a library, and its kernel computes {expected}; mark steps of matmul with their own axes"
    )]
    Library {
        /// The mark.
        found: String,
        /// What the kernel computes.
        expected: String,
    },
    /// A graph is to be made of it, and a library computes it.
    #[error(
        "a library computes it, which is no kernel node of a graph; only prefill plans may have such steps"
    )]
    InLibrary,
    /// A value between steps has no slot.
    #[error("\"{0}\" has no slot; memory has to be assigned before the check")]
    NoSlot(String),
}

//! An instruction form: a kernel of one instruction, what goes in and what comes out.

use std::fmt::Write as _;

use crate::class::Class;
use crate::inputs::{Input, Place};
use crate::random::seed;

/// A result of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the ISA's types")]
pub enum Output {
    /// A predicate, recorded as one bit.
    Pred,
    B16,
    B32,
    B64,
}

/// A kernel of one instruction. Its text may use `%i0..` (what the thread reads), `%o0..` (what it writes), `%in` and
/// `%out` (where those lie, 8 bytes each), `%scratch` (memory of all threads), `%index` (the thread among all),
/// `%thread` (in its block), `%lane`, and registers that it declares inside its own braces.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// Its name: that of the instruction, with a remark where there are several.
    pub name: String,
    /// The file that it is in.
    pub family: &'static str,
    /// Its operands.
    pub inputs: Vec<Input>,
    /// Its results.
    pub outputs: Vec<Output>,
    /// The instruction, and what it needs around it.
    pub body: String,
    /// What stands before the kernel: variables, functions.
    pub module: String,
    /// What memory of all threads holds at first; what it holds at last is a result too.
    pub scratch: Vec<u8>,
    /// How many threads, in blocks of [`BLOCK`].
    pub threads: u32,
    /// Whether the operands are loaded; memory forms do that themselves.
    pub loads: bool,
    /// How what comes out is compared.
    pub class: Class,
}

/// Threads of a block.
pub const BLOCK: u32 = 128;

/// Bytes that an operand or a result has in memory.
pub const SLOT: usize = 8;

impl Form {
    /// A form of `family`, with a body.
    #[must_use]
    pub fn new(family: &'static str, name: &str, inputs: &[Input], outputs: &[Output], body: &str) -> Self {
        let threads = match outputs.iter().map(|output| output.bits()).sum::<u32>() {
            0..=2 => 2048,
            3..=32 => 1024,
            _ => 512,
        };
        Self {
            name: name.to_owned(),
            family,
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
            body: body.to_owned(),
            module: String::new(),
            scratch: Vec::new(),
            threads,
            loads: true,
            class: Class::Exact,
        }
    }

    /// A form whose text is its name, its results and its operands in order.
    #[must_use]
    pub fn plain(family: &'static str, name: &str, inputs: &[Input], output: Output) -> Self {
        let operands: String = (0..inputs.len()).fold(String::new(), |mut text, index| {
            let _ = write!(text, ", %i{index}");
            text
        });
        Self::new(family, name, inputs, &[output], &format!("{name} %o0{operands};"))
    }

    /// The same, compared otherwise.
    #[must_use]
    pub const fn within(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// The same with other text before the kernel.
    #[must_use]
    pub fn with_module(mut self, module: &str) -> Self {
        module.clone_into(&mut self.module);
        self
    }

    /// The same with memory of all threads.
    #[must_use]
    pub fn with_scratch(mut self, bytes: Vec<u8>) -> Self {
        self.scratch = bytes;
        self
    }

    /// The same, its operands left in memory.
    #[must_use]
    pub const fn in_memory(mut self) -> Self {
        self.loads = false;
        self
    }

    /// The same with more or fewer threads: a multiple of [`BLOCK`].
    #[must_use]
    pub const fn of_threads(mut self, threads: u32) -> Self {
        self.threads = threads;
        self
    }

    /// Bytes from one thread's operands to the next one's: a multiple of 16.
    #[must_use]
    pub fn stride(&self) -> usize {
        (self.inputs.len() * SLOT).next_multiple_of(16).max(16)
    }

    /// Bytes from one thread's results to the next one's.
    #[must_use]
    pub fn output_stride(&self) -> usize {
        (self.outputs.len() * SLOT).next_multiple_of(16).max(16)
    }

    /// What all threads read. Values are zero-extended to a slot.
    #[must_use]
    pub fn input_bytes(&self) -> Vec<u8> {
        let (seed, stride) = (seed(&self.name), self.stride());
        let mut bytes = vec![0; stride * self.threads as usize];
        for (thread, record) in bytes.chunks_exact_mut(stride).enumerate() {
            let place = Place {
                seed,
                thread: thread as u64,
                threads: self.threads.into(),
                operands: self.inputs.len() as u64,
            };
            for (index, (slot, input)) in record.chunks_exact_mut(SLOT).zip(&self.inputs).enumerate() {
                slot.copy_from_slice(&input.value(place, index as u64).to_le_bytes());
            }
        }
        bytes
    }

    /// The operands of one thread, from the bytes of all.
    #[must_use]
    pub fn operands(&self, bytes: &[u8], thread: usize) -> Vec<u64> {
        let record = bytes.chunks_exact(self.stride()).nth(thread).unwrap_or_default();
        let values = record.as_chunks::<SLOT>().0.iter().map(|slot| u64::from_le_bytes(*slot));
        values.take(self.inputs.len()).collect()
    }

    /// The text of the module; its kernel is `form`.
    #[must_use]
    pub fn ptx(&self) -> String {
        let mut text = String::from(".version 9.0\n.target sm_90\n.address_size 64\n\n");
        text.push_str(&self.module);
        text.push_str(HEAD);
        let _ = writeln!(text, "\tmad.wide.u32 %in, %index, {}, %in;", self.stride());
        let _ = writeln!(text, "\tmad.wide.u32 %out, %index, {}, %out;", self.output_stride());
        for (index, input) in self.inputs.iter().enumerate().filter(|_| self.loads) {
            let (offset, width) = (index * SLOT, input.width());
            let _ = match width {
                1 => write!(
                    text,
                    "\t.reg .pred %i{index};\n\tld.global.b32 %flag, [%in+{offset}];\n\tsetp.ne.b32 %i{index}, %flag, 0;\n"
                ),
                _ => write!(
                    text,
                    "\t.reg .b{width} %i{index};\n\tld.global.b{width} %i{index}, [%in+{offset}];\n"
                ),
            };
        }
        for (index, output) in self.outputs.iter().enumerate() {
            let _ = writeln!(text, "\t.reg .{} %o{index};", output.name());
        }
        let _ = writeln!(text, "\t{{\n\t{}\n\t}}", self.body.trim().replace('\n', "\n\t"));
        for (index, output) in self.outputs.iter().enumerate() {
            let offset = index * SLOT;
            let _ = match output {
                Output::Pred => write!(
                    text,
                    "\tselp.b32 %flag, 1, 0, %o{index};\n\tst.global.b32 [%out+{offset}], %flag;\n"
                ),
                _ => writeln!(text, "\tst.global.{} [%out+{offset}], %o{index};", output.name()),
            };
        }
        text.push_str("\tret;\n}\n");
        text
    }

    /// Keeps of what the threads wrote what they computed: result after result, each of all threads, predicates as
    /// bits; then the memory of all threads.
    #[must_use]
    pub fn pack(&self, written: &[u8], scratch: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        for (index, output) in self.outputs.iter().enumerate() {
            let slots = written
                .chunks_exact(self.output_stride())
                .filter_map(|record| record.get(index * SLOT..(index + 1) * SLOT));
            match output {
                Output::Pred => {
                    let bits: Vec<u8> = slots.map(|slot| slot.first().copied().unwrap_or(0) & 1).collect();
                    packed.extend(
                        bits.chunks(8).map(|eight| {
                            eight.iter().enumerate().fold(0, |byte, (at, bit)| byte | bit << at)
                        }),
                    );
                }
                _ => packed.extend(slots.flat_map(|slot| &slot[..output.bits() as usize / 8])),
            }
        }
        packed.extend_from_slice(scratch);
        packed
    }

    /// Bytes of what [`Form::pack`] gives.
    #[must_use]
    pub fn packed_bytes(&self) -> usize {
        let threads = self.threads as usize;
        self.outputs.iter().map(|output| output.bits() as usize * threads / 8).sum::<usize>()
            + self.scratch.len()
    }
}

impl Output {
    /// Its bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::Pred => 1,
            Self::B16 => 16,
            Self::B32 => 32,
            Self::B64 => 64,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Pred => "pred",
            Self::B16 => "b16",
            Self::B32 => "b32",
            Self::B64 => "b64",
        }
    }
}

const HEAD: &str = "\
.visible .entry form(
\t.param .u64 form_param_0,
\t.param .u64 form_param_1,
\t.param .u64 form_param_2
)
{
\t.reg .b64 %in, %out, %scratch;
\t.reg .b32 %index, %thread, %block, %threads, %lane, %flag;
\tld.param.u64 %in, [form_param_0];
\tld.param.u64 %out, [form_param_1];
\tld.param.u64 %scratch, [form_param_2];
\tcvta.to.global.u64 %in, %in;
\tcvta.to.global.u64 %out, %out;
\tcvta.to.global.u64 %scratch, %scratch;
\tmov.u32 %thread, %tid.x;
\tmov.u32 %block, %ctaid.x;
\tmov.u32 %threads, %ntid.x;
\tmov.u32 %lane, %laneid;
\tmad.lo.u32 %index, %block, %threads, %thread;
";

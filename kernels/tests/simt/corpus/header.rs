//! What the comments at the top of a text say.
//!
//! | line | meaning |
//! |---|---|
//! | the first | one sentence on what the fault mirrors |
//! | `fault: KIND` | what the virtual device must say, by its name in JSON; `none` where it looks wrong and is allowed |
//! | `sanitizer: TOOL\|none` | the tool of compute-sanitizer that could see it |
//! | `launch: grid=X[,Y,Z] block=X[,Y,Z] [shared=BYTES] [asked=BYTES] [cooperative=yes]` | the launch; `asked` is the dynamic shared memory that was asked for, all that is needed where it is not given |
//! | `before: KERNEL..` | kernels of the text that come before it, in a graph: with the same launch and parameters, and each launched before the end of the one before it, as the kernel itself is |
//! | `buffer: NAME u32 COUNT FILL [N] [freed]` | a parameter: memory of that many numbers |
//! | `scalar: NAME u32 VALUE` | a parameter: a number |
//! | `pointer: NAME BUFFER+BYTES` | a parameter: an address within a buffer |
//! | `parameters: BYTES` | how many bytes of parameters are passed, where it is not what the kernel has |
//! | `expect: BUFFER FUNCTION [N]..` | what the clean twin leaves in a buffer |
//!
//! With `faulty` before it a line holds for the faulty twin alone, in place of the one of the same name. The line of
//! the fault ends in `// <- fault`; for a race the other access has `// <- other`.

use std::str::FromStr;

/// Which of the two kernels that a text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twin {
    /// With `-DFAULT`.
    Faulty,
    /// Without.
    Clean,
}

impl Twin {
    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Faulty => "faulty",
            Self::Clean => "clean",
        }
    }
}

/// What a buffer holds before the launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Nothing.
    Unwritten,
    /// One number.
    Constant(u32),
    /// 0, 1, 2 and so on, in the first so many elements; nothing in the others.
    Ramp(usize),
}

/// What is passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parameter {
    /// Memory.
    Buffer {
        /// Its name.
        name: String,
        /// How many numbers of 32 bits.
        elements: usize,
        /// What is in it.
        fill: Fill,
        /// Whether it is freed before the launch.
        freed: bool,
    },
    /// A number.
    Scalar {
        /// Its name.
        name: String,
        /// Its value.
        value: u32,
    },
    /// An address within a buffer.
    Pointer {
        /// Its name.
        name: String,
        /// The buffer.
        buffer: String,
        /// Bytes from its begin.
        offset: u64,
    },
}

/// How a kernel is launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Blocks.
    pub(crate) grid: [u32; 3],
    /// Threads of a block.
    pub(crate) block: [u32; 3],
    /// Bytes of dynamic shared memory.
    pub(crate) shared: u32,
    /// How much of it was asked for.
    pub(crate) asked: Option<u32>,
    /// Whether all blocks run at once.
    pub(crate) cooperative: bool,
}

/// One twin of a text.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// The name of the text and of its kernel.
    pub(crate) name: &'static str,
    /// The text.
    pub(crate) text: &'static str,
    /// What it mirrors.
    pub(crate) summary: &'static str,
    /// The kind of the fault.
    pub(crate) kind: &'static str,
    /// The tool of compute-sanitizer that could see it, or `none`.
    pub(crate) sanitizer: &'static str,
    /// The launch.
    pub(crate) shape: Shape,
    /// Kernels that come before it, each launched early, and so is it.
    pub(crate) before: Vec<&'static str>,
    /// The parameters, in order.
    pub(crate) parameters: Vec<Parameter>,
    /// How many bytes of parameters are passed, where that is wrong.
    pub(crate) passed: Option<usize>,
    /// The buffer that is looked at, the function that says what it holds, and the function's numbers.
    pub(crate) expect: (&'static str, &'static str, Vec<u32>),
    /// Lines that the fault may be reported at: none for a launch that is refused.
    pub(crate) lines: Vec<u32>,
    /// Lines of the other access of a race.
    pub(crate) others: Vec<u32>,
}

impl Parameter {
    fn name(&self) -> &str {
        match self {
            Self::Buffer { name, .. } | Self::Scalar { name, .. } | Self::Pointer { name, .. } => name,
        }
    }
}

impl Case {
    /// Reads the comments of a text.
    pub(crate) fn parse(name: &'static str, text: &'static str, twin: Twin) -> Result<Self, String> {
        let mut lines = text.lines().map_while(|line| line.strip_prefix("// "));
        let mut case = Self {
            name,
            text,
            summary: lines.next().unwrap_or_default(),
            kind: "",
            sanitizer: "",
            shape: Shape { grid: [0; 3], block: [0; 3], shared: 0, asked: None, cooperative: false },
            before: Vec::new(),
            parameters: Vec::new(),
            passed: None,
            expect: ("", "", Vec::new()),
            lines: marked(text, "// <- fault"),
            others: marked(text, "// <- other"),
        };
        for line in lines {
            let (line, faulty) = match line.strip_prefix("faulty ") {
                Some(line) => (line, true),
                None => (line, false),
            };
            if !faulty || twin == Twin::Faulty {
                case.directive(line).map_err(|problem| format!("{name}: `{line}` {problem}"))?;
            }
        }
        let missing = [
            ("fault", case.kind.is_empty()),
            ("sanitizer", case.sanitizer.is_empty()),
            ("launch", case.shape.block[0] == 0),
            ("expect", case.expect.0.is_empty()),
        ];
        match missing.iter().find(|(_, missing)| *missing) {
            Some((what, _)) => Err(format!("{name}: there is no `// {what}:`")),
            None => Ok(case),
        }
    }

    fn directive(&mut self, line: &'static str) -> Result<(), String> {
        let (key, value) = line.split_once(": ").ok_or("is no `key: value`")?;
        let words: Vec<&'static str> = value.split_whitespace().collect();
        match (key, words.as_slice()) {
            ("fault", [kind]) => self.kind = kind,
            ("sanitizer", [tool]) => self.sanitizer = tool,
            ("launch", words) => self.shape = shape(words)?,
            ("before", kernels) => self.before = kernels.to_vec(),
            ("buffer", [name, "u32", count, rest @ ..]) => {
                let elements = number(count)?;
                let (rest, freed) = match rest {
                    [rest @ .., "freed"] => (rest, true),
                    rest => (rest, false),
                };
                self.put(Parameter::Buffer {
                    name: (*name).to_owned(),
                    elements,
                    fill: fill(rest, elements)?,
                    freed,
                });
            }
            ("scalar", [name, "u32", value]) => {
                self.put(Parameter::Scalar { name: (*name).to_owned(), value: number(value)? });
            }
            ("pointer", [name, place]) => {
                let (buffer, offset) = place.split_once('+').ok_or("has no `+`")?;
                self.put(Parameter::Pointer {
                    name: (*name).to_owned(),
                    buffer: buffer.to_owned(),
                    offset: number(offset)?,
                });
            }
            ("parameters", [bytes]) => self.passed = Some(number(bytes)?),
            ("expect", [buffer, function, numbers @ ..]) => {
                let numbers = numbers.iter().map(|text| number(text)).collect::<Result<_, _>>()?;
                self.expect = (buffer, function, numbers);
            }
            _ => return Err("is not understood".to_owned()),
        }
        Ok(())
    }

    /// Adds a parameter, or replaces the one of its name.
    fn put(&mut self, parameter: Parameter) {
        match self.parameters.iter_mut().find(|known| known.name() == parameter.name()) {
            Some(known) => *known = parameter,
            None => self.parameters.push(parameter),
        }
    }

    /// The bytes that are passed, given the address of each buffer.
    pub(crate) fn parameter_bytes(&self, address: impl Fn(&str) -> Option<u64>) -> Result<Vec<u8>, String> {
        let mut bytes: Vec<u8> = Vec::new();
        let found = |name: &str| address(name).ok_or_else(|| format!("{}: no buffer {name}", self.name));
        for parameter in &self.parameters {
            let pointer = match parameter {
                Parameter::Scalar { value, .. } => {
                    bytes.extend(value.to_le_bytes());
                    continue;
                }
                Parameter::Buffer { name, .. } => found(name)?,
                Parameter::Pointer { buffer, offset, .. } => found(buffer)? + offset,
            };
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            bytes.extend(pointer.to_le_bytes());
        }
        if let Some(passed) = self.passed {
            bytes.resize(passed, 0);
        }
        Ok(bytes)
    }
}

impl Fill {
    /// What is written: possibly less than the whole.
    pub(crate) fn contents(self, elements: usize) -> Vec<u32> {
        match self {
            Self::Unwritten => Vec::new(),
            Self::Constant(value) => vec![value; elements],
            Self::Ramp(written) => (0..written as u32).collect(),
        }
    }
}

/// The numbers of the lines that end so.
fn marked(text: &str, mark: &str) -> Vec<u32> {
    (1..).zip(text.lines()).filter(|(_, line)| line.ends_with(mark)).map(|(number, _)| number).collect()
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("has `{text}` where a number belongs"))
}

fn fill(words: &[&str], elements: usize) -> Result<Fill, String> {
    Ok(match words {
        ["unwritten"] => Fill::Unwritten,
        ["zero"] => Fill::Constant(0),
        ["ones"] => Fill::Constant(1),
        ["constant", value] => Fill::Constant(number(value)?),
        ["ramp"] => Fill::Ramp(elements),
        ["ramp", written] => Fill::Ramp(number(written)?),
        _ => return Err(format!("has no fill in `{}`", words.join(" "))),
    })
}

fn shape(words: &[&str]) -> Result<Shape, String> {
    let mut shape = Shape { grid: [1; 3], block: [1; 3], shared: 0, asked: None, cooperative: false };
    for word in words {
        match word.split_once('=') {
            Some(("grid", value)) => shape.grid = axes(value)?,
            Some(("block", value)) => shape.block = axes(value)?,
            Some(("shared", value)) => shape.shared = number(value)?,
            Some(("asked", value)) => shape.asked = Some(number(value)?),
            Some(("cooperative", value)) => shape.cooperative = value == "yes",
            _ => return Err(format!("has `{word}`")),
        }
    }
    Ok(shape)
}

fn axes(text: &str) -> Result<[u32; 3], String> {
    let mut axes = [1; 3];
    for (axis, value) in axes.iter_mut().zip(text.split(',')) {
        *axis = number(value)?;
    }
    Ok(axes)
}

//! `op_parity`: a kernel computes what the op's reference computes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, NeedsTolerance, Parameters};
use crate::ids::Lane;

/// Parameters of `op_parity`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpParity {
    /// The op, such as `rmsnorm`.
    #[schemars(length(min = 1))]
    pub op: String,
    /// The kernels of the op to run. Left out, all of them.
    #[serde(default)]
    pub kernels: Vec<String>,
    /// At most so many cases of each kernel and storage format, spread evenly over all of them. Left out, all.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub cases: Option<u32>,
    /// Whether a library of the device computes what the kernel computes, in its place; only products of `matmul` have one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub library: bool,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "op_parity",
    summary: "a kernel computes what the op's reference computes",
    doc: "Launches each kernel of the op by itself, over shapes, storage formats and options, on inputs that\n\
          follow from the name of the case. `bitwise` holds the output to the reference in declared arithmetic;\n\
          `derived` holds each row's error against the f64 reference to a multiple of what eight honest runs\n\
          make of the same inputs. Outputs are filled with NaN before, and memory around them is looked at\n\
          afterwards: an element that was not written, and one written outside, falsify the claim too. With `library`\n\
          the library of the device computes each case in the place of its kernel, and is held to the truth and to what\n\
          the kernel computes, both times by the same limit; where there is no library the claim is blocked.",
    example: "op_parity:\n  op: rmsnorm\n",
    needs_tolerance: NeedsTolerance::Required,
    tolerances: &["bitwise", "derived"],
    lanes: &[Lane::Simt, Lane::Cuda],
    tier_note: "hundreds of small launches for each op",
    schema: || schemars::schema_for!(OpParity),
};

impl Parameters for OpParity {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        &[]
    }

    fn op(&self) -> Option<&str> {
        Some(&self.op)
    }
}

//! The numbers of blocks: a kernel that can be made to do nothing, and to show that it ran.

use crate::{Declaration, Dtype, OpInfo};

/// Registry entry.
pub static OP: OpInfo = OpInfo { name: "empty", summary: "the number of each block, or nothing", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// `[count]`: 0, 1, 2 and so on.
#[must_use]
pub fn reference(count: u32) -> Vec<u32> {
    (0..count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_counted_from_zero() {
        assert_eq!(reference(3), [0, 1, 2]);
        assert!(reference(0).is_empty());
    }
}

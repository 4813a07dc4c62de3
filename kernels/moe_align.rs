//! The slots of each expert.
//!
//! Gale et al., "MegaBlocks" (arXiv 2211.15841), section 4.2: the rows that experts multiply, grouped by expert. Each of a
//! token's chosen experts is a slot; slots are counted through all tokens.

use crate::{Declaration, Dtype, OpInfo};

/// Registry entry.
pub static OP: OpInfo = OpInfo { name: "moe_align", summary: "the slots of each expert", declares };

fn declares(_: Dtype) -> Declaration {
    Declaration { input: Dtype::F32, accumulator: Dtype::F32, intermediate: Dtype::F32, output: Dtype::F32 }
}

/// `experts [num_slots]`, the expert of each slot -> where the slots of each of `num_experts` begin and those of the last one
/// end, `[num_experts + 1]`, and the slots by expert, `[num_slots]`: those of one in rising order.
#[must_use]
pub fn reference(experts: &[usize], num_experts: usize) -> (Vec<usize>, Vec<usize>) {
    let mut slots: Vec<usize> = (0..experts.len()).collect();
    slots.sort_by_key(|&slot| (experts[slot], slot));
    let begin = |expert| experts.iter().filter(|&&chosen| chosen < expert).count();
    ((0..=num_experts).map(begin).collect(), slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_lie_by_expert_and_then_in_order() {
        let (offsets, slots) = reference(&[2, 0, 2, 3, 0, 2], 5);
        assert_eq!(offsets, [0, 2, 2, 5, 6, 6]);
        assert_eq!(slots, [1, 4, 0, 2, 5, 3]);
    }
}

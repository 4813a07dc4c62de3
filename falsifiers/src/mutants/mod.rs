//! Known-bad engines: each a rewrite at the seam that mirrors a bug that was really shipped somewhere.
//!
//! A claim names the mutants that it must kill. `pv prove` plants each and runs the claim: killed means that the
//! claim was falsified, survived means that the check cannot see the bug it is there for, inert means that the
//! mutant changed nothing here and was never really tried.

use kernels::seam::Seam;

mod add_rmsnorm_of_old_residual;
mod argmax_advance_last_of_equals;
mod argmax_advance_nan;
mod argmax_last_of_equals;
mod argmax_split_last_of_equals;
mod argmax_split_slices_apart;
mod attention_causal;
mod attention_gqa_head;
mod attention_head_dim_doubled;
mod attention_k_bias;
mod attention_merge_shares;
mod attention_newest_key;
mod attention_q_bias;
mod attention_scale;
mod attention_split_key_heads;
mod attention_split_last_tile;
mod attention_split_window;
mod attention_v_bias;
mod attention_warp_barrier;
mod attention_window_decode;
mod attention_window_edge;
mod barriers_missing;
mod batch_pages_of_first;
mod bench_bytes_twice;
mod bench_operations_twice;
mod bench_steps_skipped;
mod bench_work_doubled;
mod bias_by_thread;
mod chat_template_without_prompt;
mod chunk_sees_itself;
mod chunk_stale_values;
mod decode_advance_slot;
mod decode_kv_dtype;
mod decode_position_ahead;
mod e4m3_truncated;
mod embedding_tail_dropped;
mod empty_first_block;
mod flash_other_buffer;
mod flash_rescale;
mod flash_unseen_nan;
mod flash_wait;
mod fusion_product;
mod fusion_residual;
mod graph_length;
mod graph_node;
mod graph_pointer;
mod jit_source_missing;
mod k_bias_dropped;
mod kv_cache_fp8;
mod kv_write_slot;
mod library_accumulates;
mod library_column_step;
mod library_transposed;
mod linear_accumulator;
mod mask_half_warp;
mod matmul_barrier_by_half;
mod matmul_index;
mod matmul_second_barrier;
mod matmul_tail;
mod matmul_tail_unwritten;
mod matvec_launch_bounds;
mod matvec_past_the_end;
mod mla_absorb_rows;
mod mla_attention_head_dim;
mod mla_attention_mask;
mod mla_attention_scale;
mod mla_attention_turned;
mod mla_interleave;
mod mla_latent_eps;
mod mla_mscale;
mod mla_query_scaling;
mod mla_rope_along_y;
mod mla_rope_interleave;
mod mla_rope_key;
mod mla_scale_latent_width;
mod mla_unabsorbed_values;
mod mla_value_up_rows;
mod mla_write_key;
mod mlp_act_nan;
mod mlp_clock;
mod moe_accumulator_overflow;
mod moe_activation_overflow;
mod moe_align_offset;
mod moe_atomic_combine;
mod moe_bias_in_weights;
mod moe_bias_left_out;
mod moe_combine_weight;
mod moe_dense_placeholder;
mod moe_dense_tensor_left;
mod moe_down_matrix;
mod moe_down_weight;
mod moe_expert_off_by_one;
mod moe_gate_eights;
mod moe_gate_skipped;
mod moe_gate_up_matrix;
mod moe_grouped_accumulator;
mod moe_grouped_first_expert;
mod moe_grouped_row;
mod moe_groups;
mod moe_half_warp;
mod moe_next_best;
mod moe_norm_gate_input;
mod moe_renormalisation;
mod moe_route_bias_weighs;
mod moe_route_eps;
mod moe_route_gate_skipped;
mod moe_route_groups;
mod moe_route_last_of_equals;
mod moe_route_renormalisation;
mod moe_routed_scaling;
mod moe_shared_experts;
mod moe_slots_along_y;
mod moe_up_never_launched;
mod moe_zero_sum;
mod nan_in_one_lane;
mod newest_key_dropped;
mod norm_rope_not_rounded;
mod one_element_beyond;
mod pages_keys_unscaled;
mod pages_scale_unread;
mod pages_scales_of_layer_0;
mod pages_scales_swapped;
mod path_never_taken;
mod plan_grid_y;
mod plan_overwritten;
mod position_off_by_one;
mod prefix_overwrites;
mod qk_norm_skipped;
mod qwen3_k_norm;
mod random_fill_seed;
mod read_bandwidth_tail;
mod residual_add_one_pass;
mod rmsnorm_eps;
mod rmsnorm_eps_hard_coded;
mod rmsnorm_eps_missing;
mod rmsnorm_last_warp_dropped;
mod rope_angle_in_f32;
mod rope_barrier_in_loop;
mod rope_kv_write_keys;
mod rope_kv_write_values;
mod rope_pairing;
mod rope_theta;
mod rope_theta_missing;
mod rows_shared;
mod run_dependent_sum;
mod sample_first_of_equals;
mod sample_same_draw;
mod sample_temperature;
mod sample_top_k;
mod sample_top_p;
mod scaled_logits;
mod silu_overflow;
mod statistics_in_f32;
mod stray_tensor;
mod stream_eights;
mod stream_guard;
mod stream_norm;
mod taps_first_row;
mod taps_other_plan;
mod taps_reversed;
mod tied_weights_untied;
mod wgmma_leading;
mod wgmma_rescale;
mod wgmma_swizzle;
mod wgmma_unseen_nan;
mod wgmma_wait;
mod window_dropped;
mod yarn_range;

/// A known-bad engine.
pub struct Mutant {
    /// `subject@defect`, as contracts name it.
    pub name: &'static str,
    /// What is wrong, in one sentence.
    pub defect: &'static str,
    /// The point of the seam that it rewrites.
    pub point: &'static str,
    /// The kinds of falsifier that can see it.
    pub kinds: &'static [&'static str],
    /// Plants it.
    pub seam: fn() -> Seam,
}

/// Every mutant.
pub static MUTANTS: &[&Mutant] = &[
    &add_rmsnorm_of_old_residual::MUTANT,
    &argmax_advance_last_of_equals::MUTANT,
    &argmax_advance_nan::MUTANT,
    &argmax_last_of_equals::MUTANT,
    &argmax_split_last_of_equals::MUTANT,
    &argmax_split_slices_apart::MUTANT,
    &attention_causal::MUTANT,
    &attention_gqa_head::MUTANT,
    &attention_head_dim_doubled::MUTANT,
    &attention_k_bias::MUTANT,
    &attention_merge_shares::MUTANT,
    &attention_newest_key::MUTANT,
    &attention_q_bias::MUTANT,
    &attention_scale::MUTANT,
    &attention_split_key_heads::MUTANT,
    &attention_split_last_tile::MUTANT,
    &attention_split_window::MUTANT,
    &attention_v_bias::MUTANT,
    &attention_warp_barrier::MUTANT,
    &attention_window_decode::MUTANT,
    &attention_window_edge::MUTANT,
    &barriers_missing::MUTANT,
    &batch_pages_of_first::MUTANT,
    &bench_bytes_twice::MUTANT,
    &bench_operations_twice::MUTANT,
    &bench_steps_skipped::MUTANT,
    &bench_work_doubled::MUTANT,
    &bias_by_thread::MUTANT,
    &chat_template_without_prompt::MUTANT,
    &chunk_sees_itself::MUTANT,
    &chunk_stale_values::MUTANT,
    &decode_advance_slot::MUTANT,
    &decode_kv_dtype::MUTANT,
    &decode_position_ahead::MUTANT,
    &e4m3_truncated::MUTANT,
    &embedding_tail_dropped::MUTANT,
    &empty_first_block::MUTANT,
    &flash_other_buffer::MUTANT,
    &flash_rescale::MUTANT,
    &flash_unseen_nan::MUTANT,
    &flash_wait::MUTANT,
    &fusion_product::MUTANT,
    &fusion_residual::MUTANT,
    &graph_length::MUTANT,
    &graph_node::MUTANT,
    &graph_pointer::MUTANT,
    &jit_source_missing::MUTANT,
    &k_bias_dropped::MUTANT,
    &kv_cache_fp8::MUTANT,
    &kv_write_slot::MUTANT,
    &library_accumulates::MUTANT,
    &library_column_step::MUTANT,
    &library_transposed::MUTANT,
    &linear_accumulator::MUTANT,
    &mask_half_warp::MUTANT,
    &matmul_barrier_by_half::MUTANT,
    &matmul_index::MUTANT,
    &matmul_second_barrier::MUTANT,
    &matmul_tail::MUTANT,
    &matmul_tail_unwritten::MUTANT,
    &matvec_launch_bounds::MUTANT,
    &matvec_past_the_end::MUTANT,
    &mla_absorb_rows::MUTANT,
    &mla_attention_head_dim::MUTANT,
    &mla_attention_mask::MUTANT,
    &mla_attention_scale::MUTANT,
    &mla_attention_turned::MUTANT,
    &mla_rope_along_y::MUTANT,
    &mla_rope_interleave::MUTANT,
    &mla_rope_key::MUTANT,
    &mla_unabsorbed_values::MUTANT,
    &mla_value_up_rows::MUTANT,
    &mla_write_key::MUTANT,
    &mla_interleave::MUTANT,
    &mla_latent_eps::MUTANT,
    &mla_mscale::MUTANT,
    &mla_query_scaling::MUTANT,
    &mla_scale_latent_width::MUTANT,
    &mlp_act_nan::MUTANT,
    &mlp_clock::MUTANT,
    &moe_accumulator_overflow::MUTANT,
    &moe_activation_overflow::MUTANT,
    &moe_atomic_combine::MUTANT,
    &moe_bias_in_weights::MUTANT,
    &moe_bias_left_out::MUTANT,
    &moe_dense_placeholder::MUTANT,
    &moe_dense_tensor_left::MUTANT,
    &moe_expert_off_by_one::MUTANT,
    &moe_gate_skipped::MUTANT,
    &moe_groups::MUTANT,
    &moe_next_best::MUTANT,
    &moe_renormalisation::MUTANT,
    &moe_routed_scaling::MUTANT,
    &moe_shared_experts::MUTANT,
    &moe_align_offset::MUTANT,
    &moe_combine_weight::MUTANT,
    &moe_down_matrix::MUTANT,
    &moe_down_weight::MUTANT,
    &moe_gate_eights::MUTANT,
    &moe_gate_up_matrix::MUTANT,
    &moe_grouped_accumulator::MUTANT,
    &moe_grouped_first_expert::MUTANT,
    &moe_grouped_row::MUTANT,
    &moe_half_warp::MUTANT,
    &moe_norm_gate_input::MUTANT,
    &moe_route_bias_weighs::MUTANT,
    &moe_route_eps::MUTANT,
    &moe_route_gate_skipped::MUTANT,
    &moe_route_groups::MUTANT,
    &moe_route_last_of_equals::MUTANT,
    &moe_route_renormalisation::MUTANT,
    &moe_slots_along_y::MUTANT,
    &moe_up_never_launched::MUTANT,
    &moe_zero_sum::MUTANT,
    &nan_in_one_lane::MUTANT,
    &newest_key_dropped::MUTANT,
    &norm_rope_not_rounded::MUTANT,
    &one_element_beyond::MUTANT,
    &pages_keys_unscaled::MUTANT,
    &pages_scale_unread::MUTANT,
    &pages_scales_of_layer_0::MUTANT,
    &pages_scales_swapped::MUTANT,
    &path_never_taken::MUTANT,
    &plan_grid_y::MUTANT,
    &plan_overwritten::MUTANT,
    &position_off_by_one::MUTANT,
    &prefix_overwrites::MUTANT,
    &qk_norm_skipped::MUTANT,
    &qwen3_k_norm::MUTANT,
    &random_fill_seed::MUTANT,
    &read_bandwidth_tail::MUTANT,
    &residual_add_one_pass::MUTANT,
    &rmsnorm_eps::MUTANT,
    &rmsnorm_eps_hard_coded::MUTANT,
    &rmsnorm_eps_missing::MUTANT,
    &rmsnorm_last_warp_dropped::MUTANT,
    &rope_angle_in_f32::MUTANT,
    &rope_barrier_in_loop::MUTANT,
    &rope_kv_write_keys::MUTANT,
    &rope_kv_write_values::MUTANT,
    &rope_pairing::MUTANT,
    &rope_theta::MUTANT,
    &rope_theta_missing::MUTANT,
    &rows_shared::MUTANT,
    &run_dependent_sum::MUTANT,
    &sample_first_of_equals::MUTANT,
    &sample_same_draw::MUTANT,
    &sample_temperature::MUTANT,
    &sample_top_k::MUTANT,
    &sample_top_p::MUTANT,
    &scaled_logits::MUTANT,
    &silu_overflow::MUTANT,
    &statistics_in_f32::MUTANT,
    &stray_tensor::MUTANT,
    &stream_eights::MUTANT,
    &stream_guard::MUTANT,
    &stream_norm::MUTANT,
    &taps_first_row::MUTANT,
    &taps_other_plan::MUTANT,
    &taps_reversed::MUTANT,
    &tied_weights_untied::MUTANT,
    &wgmma_leading::MUTANT,
    &wgmma_rescale::MUTANT,
    &wgmma_swizzle::MUTANT,
    &wgmma_unseen_nan::MUTANT,
    &wgmma_wait::MUTANT,
    &window_dropped::MUTANT,
    &yarn_range::MUTANT,
];

/// The mutant of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Mutant> {
    MUTANTS.iter().find(|mutant| mutant.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_point_and_kinds_exist() {
        let mut names: Vec<_> = MUTANTS.iter().map(|m| m.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MUTANTS.len());
        for mutant in MUTANTS {
            assert!(mutant.name.contains('@'), "{}", mutant.name);
            assert!(kernels::seam::POINTS.contains(&mutant.point), "{}", mutant.name);
            assert!(!mutant.kinds.is_empty(), "{}", mutant.name);
            for kind in mutant.kinds {
                assert!(
                    contracts::KINDS.iter().any(|k| k.name == *kind),
                    "{} names kind {kind}",
                    mutant.name
                );
            }
        }
    }

    #[test]
    fn every_kind_has_a_mutant() {
        for kind in contracts::KINDS {
            assert!(MUTANTS.iter().any(|m| m.kinds.contains(&kind.name)), "{}", kind.name);
        }
    }
}

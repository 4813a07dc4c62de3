// The norm of the heads of queries and keys, their rotary position embedding, and keys and values to their pages.
#include "rope_kv_write.cuh"

// As rope_kv_write; q_weight, k_weight [HEAD_DIM].
extern "C" __global__ void __launch_bounds__(THREADS)
    norm_rope_kv_write(Kv::Element* k_pages, Kv::Element* v_pages, Act::Element* q_out, const Act::Element* q,
                       const Act::Element* k, const Act::Element* v, const Storage<WEIGHT_DTYPE>::Element* q_weight,
                       const Storage<WEIGHT_DTYPE>::Element* k_weight, const i32* positions, const i32* slot_mapping,
                       u32 tokens, float k_scale, float v_scale) {
    rope_kv_write_heads<true, Storage<WEIGHT_DTYPE>>(k_pages, v_pages, q_out, q, k, v, q_weight, k_weight, (float)EPS,
                                                     positions, slot_mapping, tokens, k_scale, v_scale);
}

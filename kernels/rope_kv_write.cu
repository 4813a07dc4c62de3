// Rotary position embedding of queries and keys, and keys and values to their pages.
#include "rope_kv_write.cuh"

// k_pages, v_pages [num_pages * page_size, NUM_KEY_VALUE_HEADS * HEAD_DIM], q_out, q [tokens, NUM_ATTENTION_HEADS *
// HEAD_DIM], k, v [tokens, NUM_KEY_VALUE_HEADS * HEAD_DIM], positions, slot_mapping [tokens]. A token with a negative slot
// is padding, and its keys and values are written nowhere.
extern "C" __global__ void __launch_bounds__(THREADS)
    rope_kv_write(Kv::Element* k_pages, Kv::Element* v_pages, Act::Element* q_out, const Act::Element* q,
                  const Act::Element* k, const Act::Element* v, const i32* positions, const i32* slot_mapping,
                  u32 tokens, float k_scale, float v_scale) {
    rope_kv_write_heads<false, Act>(k_pages, v_pages, q_out, q, k, v, nullptr, nullptr, 0.0f, positions, slot_mapping,
                                    tokens, k_scale, v_scale);
}

// Keys and values of new tokens, written to their pages.
#include "common.cuh"
#include "kv_scale.cuh"

// k_pages, v_pages [num_pages * page_size, WIDTH], k, v [tokens, WIDTH], slot_mapping [tokens]. One block a token. A
// token with a negative slot is padding, and is written nowhere. What pages of E4M3 store is divided by k_scale or v_scale.
extern "C" __global__ void kv_write(Storage<KV_DTYPE>::Element* __restrict__ k_pages,
                                    Storage<KV_DTYPE>::Element* __restrict__ v_pages,
                                    const Storage<ACT_DTYPE>::Element* __restrict__ k,
                                    const Storage<ACT_DTYPE>::Element* __restrict__ v,
                                    const i32* __restrict__ slot_mapping, u32 tokens, float k_scale,
                                    float v_scale) {
    u32 token = blockIdx.x;
    if (token >= tokens) return;
    i32 slot = slot_mapping[token];
    if (slot < 0) return;
    u64 from = (u64)token * WIDTH;
    u64 to = (u64)slot * WIDTH;
    for (u32 i = threadIdx.x; i < WIDTH; i += blockDim.x) {
        k_pages[to + i] = to_page<ACT_DTYPE, KV_DTYPE>(k[from + i], k_scale);
        v_pages[to + i] = to_page<ACT_DTYPE, KV_DTYPE>(v[from + i], v_scale);
    }
}

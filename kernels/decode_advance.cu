// The inputs of the next decode step, made from the tokens that this one chose.
#include "common.cuh"
#include "advance.cuh"
#include "dependent.cuh"

// next [batch]: what follows each sequence, -1 where nothing does. input_ids, positions, slot_mapping, kv_len [batch],
// kv_page_indptr [batch + 1], kv_page_indices: as the step that ran had them. decoded [HISTORY, batch], steps [1]: what
// was chosen so far, and how often. One block.
extern "C" __global__ void __launch_bounds__(256)
    decode_advance(i32* input_ids, i32* positions, i32* slot_mapping, i32* kv_len, i32* decoded, i32* steps,
                   const i32* next, const i32* kv_page_indptr, const i32* kv_page_indices, u32 batch) {
    wait_for_predecessor();
    let_successor_start();
    const DecodeInputs inputs = {input_ids, positions, slot_mapping, kv_len, kv_page_indptr, kv_page_indices};
    const u32 step = steps[0];
    // Hardly ever more than once: unrolled it would be code that never runs.
#pragma unroll 1
    for (u32 sequence = threadIdx.x; sequence < batch; sequence += blockDim.x) {
        const i32 token = next[sequence];
        advance(inputs, decoded, next_place(inputs, sequence), token, sequence, batch, step);
    }
    // Everybody has read the count.
    __syncthreads();
    if (threadIdx.x == 0) steps[0] = step + 1;
}

// The inputs of the next decode step, made from the tokens that this one chose.
#include "common.cuh"
#include "dependent.cuh"

// next [batch]: what follows each sequence, -1 where nothing does. input_ids, positions, slot_mapping, kv_len [batch],
// kv_page_indptr [batch + 1], kv_page_indices: as the step that ran had them. decoded [HISTORY, batch], steps [1]: what
// was chosen so far, and how often. One block. A sequence that has no page for its next token gets the slot of padding.
extern "C" __global__ void __launch_bounds__(256)
    decode_advance(i32* input_ids, i32* positions, i32* slot_mapping, i32* kv_len, i32* decoded, i32* steps,
                   const i32* next, const i32* kv_page_indptr, const i32* kv_page_indices, u32 batch) {
    wait_for_predecessor();
    let_successor_start();
    const u32 step = steps[0];
    // Hardly ever more than once: unrolled it would be code that never runs.
#pragma unroll 1
    for (u32 sequence = threadIdx.x; sequence < batch; sequence += blockDim.x) {
        const i32 token = next[sequence];
        if (step < HISTORY) decoded[(u64)step * batch + sequence] = token;
        // Nothing follows: any row of the table will do, the host refuses the run.
        input_ids[sequence] = token < 0 ? 0 : token;
        positions[sequence] += 1;
        const u32 length = kv_len[sequence];
        kv_len[sequence] = length + 1;
        const u32 first = kv_page_indptr[sequence];
        const u32 pages = kv_page_indptr[sequence + 1] - first;
        const u32 page = length / PAGE_SIZE;
        slot_mapping[sequence] =
            page < pages ? kv_page_indices[first + page] * (i32)PAGE_SIZE + (i32)(length % PAGE_SIZE) : -1;
    }
    // Everybody has read the count.
    __syncthreads();
    if (threadIdx.x == 0) steps[0] = step + 1;
}

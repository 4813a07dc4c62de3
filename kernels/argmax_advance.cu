// The token of each sequence from the slices of argmax_split, and the inputs of the next decode step from it: the second
// half of greedy decoding.
#include "common.cuh"
#include "advance.cuh"
#include "candidate.cuh"
#include "dependent.cuh"

// largest, index [batch, SPLITS]. input_ids, positions, slot_mapping, kv_len [batch], kv_page_indptr [batch + 1],
// kv_page_indices: as the step that ran had them. decoded [HISTORY, batch], steps [1]: what was chosen so far, -1 where
// nothing can be, and how often. One block, a warp a sequence.
extern "C" __global__ void __launch_bounds__(THREADS)
    argmax_advance(i32* input_ids, i32* positions, i32* slot_mapping, i32* kv_len, i32* decoded, i32* steps,
                   const float* largest, const i32* index, const i32* kv_page_indptr, const i32* kv_page_indices,
                   u32 batch) {
    let_successor_start();
    wait_for_predecessor();
    const DecodeInputs inputs = {input_ids, positions, slot_mapping, kv_len, kv_page_indptr, kv_page_indices};
    const u32 step = steps[0];
    const u32 lane = threadIdx.x % 32;
    // Hardly ever more than once: unrolled it would be code that never runs.
#pragma unroll 1
    for (u32 sequence = threadIdx.x / 32; sequence < batch; sequence += THREADS / 32) {
        const NextPlace place = next_place(inputs, sequence);
        Candidate best = nothing();
#pragma unroll
        for (u32 first = 0; first < SPLITS; first += 32) {
            const u64 at = (u64)sequence * SPLITS + first + lane;
            if (first + lane < SPLITS) best = larger(best, Candidate{largest[at], index[at]});
        }
        best = largest_of_warp(best);
        // Every lane has read what the first one writes.
        __syncwarp();
        if (lane == 0) advance(inputs, decoded, place, best.index, sequence, batch, step);
    }
    // Everybody has read the count.
    __syncthreads();
    if (threadIdx.x == 0) steps[0] = step + 1;
}

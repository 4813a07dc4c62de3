// The splits of attention_split as one: the second half of a decode step's attention.
//
// A block takes one head of one sequence. Each split is weighed by its largest score against the largest of all; slices of
// threads add every SLICES-th split in its order, and the slices are added in theirs. Splits without keys are left out by
// their number, so that what they hold is never read.
#include "attention.cuh"
#include "dependent.cuh"

using Activation = Storage<ACT_DTYPE>;

constexpr u32 THREADS = 256;
static __device__ constexpr u32 power_of_two(u32 count, u32 power) {
    return power >= count ? power : power_of_two(count, 2 * power); 
}
// Threads of a slice, a feature each while there are enough.
constexpr u32 WIDTH = power_of_two(HEAD_DIM, 1) < THREADS ? power_of_two(HEAD_DIM, 1) : THREADS;
constexpr u32 SLICES = THREADS / WIDTH;

extern "C" __global__ void __launch_bounds__(THREADS)
    attention_merge(Activation::Element* out,   // [tokens, NUM_ATTENTION_HEADS, HEAD_DIM]
                    const float* largest,       // [tokens, NUM_ATTENTION_HEADS, SPLITS]
                    const float* total,         // the same
                    const float* context,       // [tokens, NUM_ATTENTION_HEADS, SPLITS, HEAD_DIM]
                    const i32* qo_indptr,       // [batch + 1]
                    const i32* kv_len,          // [batch]
                    u32 batch) {
    __shared__ float share[SPLITS];
    __shared__ float total_of_all;
    __shared__ float sums[SLICES][HEAD_DIM];

    wait_for_predecessor();
    let_successor_start();

    const u32 head = blockIdx.x;
    const u32 sequence = blockIdx.y;
    if (sequence >= batch) return;
    const u32 token = qo_indptr[sequence];
    const u32 next_token = qo_indptr[sequence + 1];
    const u32 length = kv_len[sequence];
    if (token == next_token) return;
    const u64 row = (u64)token * NUM_ATTENTION_HEADS + head;
    const u32 position = length - 1;
    const u32 first_tile = first_key(position) / TILE;
    const u32 end_tile = (end_key(position, length) + TILE - 1) / TILE;

    if (threadIdx.x < 32) {
        float most = NEGATIVE_INFINITY;
        for (u32 split = threadIdx.x; split < SPLITS; split += 32) {
            if (first_tile_of(split, first_tile) < end_tile) most = fmaxf(most, largest[row * SPLITS + split]);
        }
        most = warp_max(most);
        float sum = 0.0f;
        for (u32 split = threadIdx.x; split < SPLITS; split += 32) {
            if (first_tile_of(split, first_tile) < end_tile) {
                const float weight = exp_below(largest[row * SPLITS + split], most);
                share[split] = weight;
                sum = fmaf(total[row * SPLITS + split], weight, sum);
            }
        }
        sum = warp_sum(sum);
        if (threadIdx.x == 0) total_of_all = sum;
    }
    __syncthreads();

    const u32 slice = threadIdx.x / WIDTH;
    for (u32 d = threadIdx.x % WIDTH; d < HEAD_DIM; d += WIDTH) {
        float sum = 0.0f;
#pragma unroll 8
        for (u32 split = slice; split < SPLITS; split += SLICES) {
            if (first_tile_of(split, first_tile) < end_tile) {
                sum = fmaf(context[(row * SPLITS + split) * HEAD_DIM + d], share[split], sum);
            }
        }
        sums[slice][d] = sum;
    }
    __syncthreads();

    for (u32 d = threadIdx.x; d < HEAD_DIM; d += THREADS) {
        float sum = 0.0f;
#pragma unroll
        for (u32 i = 0; i < SLICES; ++i) sum += sums[i][d];
        out[row * HEAD_DIM + d] = Activation::store(sum / total_of_all);
    }
}

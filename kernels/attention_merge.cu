// The splits of attention_split as one: the second half of a decode step's attention.
//
// A block takes one head of one sequence. Each split is weighed by its largest score against the largest of all; slices of
// threads add every SLICES-th split in its order, and the slices are added in theirs. Splits without keys are left out by
// their number, so that what they hold is never read. Latency is all that it takes, so whatever is read is asked for at once.
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
// Splits of a thread for each feature, and how many of them are on their way together.
constexpr u32 EACH = (SPLITS + SLICES - 1) / SLICES;
constexpr u32 TOGETHER = EACH < 16 ? EACH : 16;
// Splits of a lane, where a warp looks at all of them.
constexpr u32 LANE_SPLITS = (SPLITS + 31) / 32;

// The splits that have keys, of a head of a token.
struct Splits {
    u64 row;
    u32 first_tile, end_tile;

    __device__ __forceinline__ bool has(u32 split) const {
        return split < SPLITS && first_tile_of(split, first_tile) < end_tile;
    }
    __device__ __forceinline__ u64 at(u32 split) const { return row * SPLITS + split; }
};

// Feature `d` of the splits of slice `slice`, from the one at `first` on.
static __device__ __forceinline__ void bring(float (&to)[TOGETHER], const Splits& splits, const float* context, u32 slice,
                                             u32 first, u32 d) {
#pragma unroll
    for (u32 j = 0; j < TOGETHER; ++j) {
        const u32 split = slice + (first + j) * SLICES;
        to[j] = d < HEAD_DIM && splits.has(split) ? context[splits.at(split) * HEAD_DIM + d] : 0.0f;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    attention_merge(Activation::Element* out,   // [tokens, NUM_ATTENTION_HEADS, HEAD_DIM]
                    const float* largest,       // [tokens, NUM_ATTENTION_HEADS, SPLITS]
                    const float* total,         // the same
                    const float* context,       // [tokens, NUM_ATTENTION_HEADS, SPLITS, HEAD_DIM]
                    const i32* qo_indptr,       // [batch + 1]
                    const i32* kv_len,          // [batch]
                    u32 batch) {
    __shared__ float sums[SLICES][HEAD_DIM];

    // What the host says of a step is there before it.
    let_successor_start();
    const u32 head = blockIdx.x;
    const u32 sequence = blockIdx.y;
    if (sequence >= batch) return;
    const u32 token = qo_indptr[sequence];
    const u32 next_token = qo_indptr[sequence + 1];
    const u32 length = kv_len[sequence];
    const u64 row = (u64)token * NUM_ATTENTION_HEADS + head;
    const u32 position = length - 1;
    const Splits splits{row, first_key(position) / TILE, (end_key(position, length) + TILE - 1) / TILE};
    wait_for_predecessor();
    if (token == next_token) return;

    // Everything is asked for before anything is looked at.
    const u32 lane = threadIdx.x % 32;
    float lane_largest[LANE_SPLITS], lane_total[LANE_SPLITS];
#pragma unroll
    for (u32 j = 0; j < LANE_SPLITS; ++j) {
        const bool there = splits.has(32 * j + lane);
        lane_largest[j] = there ? largest[splits.at(32 * j + lane)] : NEGATIVE_INFINITY;
        lane_total[j] = there ? total[splits.at(32 * j + lane)] : 0.0f;
    }
    const u32 slice = threadIdx.x / WIDTH;
    float taken[TOGETHER];
    bring(taken, splits, context, slice, 0, threadIdx.x % WIDTH);

    // Every warp weighs the splits for itself.
    float most = NEGATIVE_INFINITY;
#pragma unroll
    for (u32 j = 0; j < LANE_SPLITS; ++j) most = fmaxf(most, lane_largest[j]);
    most = warp_max(most);
    float share[LANE_SPLITS];
    float total_of_all = 0.0f;
#pragma unroll
    for (u32 j = 0; j < LANE_SPLITS; ++j) {
        share[j] = 0.0f;
        if (splits.has(32 * j + lane)) {
            share[j] = exp_below(lane_largest[j], most);
            total_of_all = fmaf(lane_total[j], share[j], total_of_all);
        }
    }
    total_of_all = warp_sum(total_of_all);

    // All threads of a warp go round as often, because lanes look at each other's weights.
    for (u32 first_feature = 0; first_feature < HEAD_DIM; first_feature += WIDTH) {
        const u32 d = first_feature + threadIdx.x % WIDTH;
        float sum = 0.0f;
        for (u32 first = 0; first < EACH; first += TOGETHER) {
            if (first_feature + first > 0) bring(taken, splits, context, slice, first, d);
#pragma unroll
            for (u32 j = 0; j < TOGETHER; ++j) {
                const u32 split = slice + (first + j) * SLICES;
                float weight = 0.0f;
#pragma unroll
                for (u32 k = 0; k < LANE_SPLITS; ++k) {
                    const float of_lane = __shfl_sync(0xffffffffu, share[k], split % 32);
                    if (split / 32 == k) weight = of_lane;
                }
                if (splits.has(split)) sum = fmaf(taken[j], weight, sum);
            }
        }
        if (d < HEAD_DIM) sums[slice][d] = sum;
    }
    __syncthreads();

    for (u32 d = threadIdx.x; d < HEAD_DIM; d += THREADS) {
        float sum = 0.0f;
#pragma unroll
        for (u32 i = 0; i < SLICES; ++i) sum += sums[i][d];
        out[row * HEAD_DIM + d] = Activation::store(sum / total_of_all);
    }
}

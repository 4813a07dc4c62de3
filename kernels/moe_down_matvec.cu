// The second half of the chosen experts of a decode step: the products of down, weighed and added in the order of a token's
// slots, and the residual stream. Only the rows of chosen experts are read.
//
// A warp has a feature, and so one row of each of TOP_K matrices, as one row of TOP_K * CHUNKS chunks of 256 elements. BATCH of
// those are multiplied while as many are on their way. A lane adds its eights of a slot in rising order, then the lanes of a
// warp; each product is rounded as a prefill stores it, and the weighted sum too.
#include "common.cuh"
#include "dependent.cuh"
#include "eight.cuh"

using Weight = Storage<WEIGHT_DTYPE>;
using Activation = Storage<ACT_DTYPE>;

static_assert(IN_FEATURES % 8 == 0, "rows are whole eights");

constexpr u32 CHUNK = 8 * 32;
constexpr u32 CHUNKS = (IN_FEATURES + CHUNK - 1) / CHUNK;
// Chunks of all the rows of a feature, in steps of BATCH.
constexpr u32 TOTAL = TOP_K * CHUNKS;
constexpr u32 STEPS = (TOTAL + BATCH - 1) / BATCH;
constexpr u32 STRIDE = BLOCKS * WARPS;

using Eight = EightWeights<WEIGHT_DTYPE>;

// Every row reads what is multiplied again: it lies in shared memory where it fits. 40 KiB leave room for the rest.
constexpr u32 STAGED_BYTES = TOP_K * IN_FEATURES * sizeof(Activation::Element);
constexpr bool STAGED = STAGED_BYTES <= 40 * 1024;

extern "C" __global__ void __launch_bounds__(32 * WARPS)
    moe_down_matvec(Activation::Element* out,               // [tokens, OUT_FEATURES]
                    const Activation::Element* x,           // [tokens * TOP_K, IN_FEATURES]
                    const i32* experts,                     // [tokens, TOP_K]
                    const float* weights,                   // [tokens, TOP_K]
                    const Weight::Element* down_weight,     // [EXPERTS, OUT_FEATURES, IN_FEATURES]
                    const Activation::Element* residual,    // [tokens, OUT_FEATURES]
                    u32 tokens) {
    __shared__ __align__(16) uint4 stage[STAGED ? STAGED_BYTES / 16 : 1];
    __shared__ u32 expert_of[TOP_K];
    __shared__ float weight_of[TOP_K];
    const u64 token = blockIdx.y;
    if (token >= tokens) return;
    const u32 lane = threadIdx.x % 32;
    wait_for_predecessor();
    for (u32 place = threadIdx.x; place < TOP_K; place += 32 * WARPS) {
        expert_of[place] = (u32)experts[token * TOP_K + place];
        weight_of[place] = weights[token * TOP_K + place];
    }
    const Activation::Element* values = x + token * TOP_K * IN_FEATURES;
    if constexpr (STAGED) {
        for (u32 i = threadIdx.x; i < STAGED_BYTES / 16; i += 32 * WARPS) {
            stage[i] = reinterpret_cast<const uint4*>(values)[i];
        }
        values = reinterpret_cast<const Activation::Element*>(stage);
    }
    __syncthreads();

    u32 row = blockIdx.x * WARPS + threadIdx.x / 32;
    Eight now[BATCH], next[BATCH];
    // The chunks of a step, which the compiler knows: what lies behind the last, and behind a row, is zero.
    const auto ask = [&](Eight(&to)[BATCH], u32 of, u32 step) {
#pragma unroll
        for (u32 i = 0; i < BATCH; ++i) {
            const u32 chunk = step * BATCH + i;
            const u32 element = chunk % CHUNKS * CHUNK + 8 * lane;
            to[i].clear();
            if (of < OUT_FEATURES && chunk < TOTAL && element < IN_FEATURES) {
                const u64 matrix = (u64)expert_of[chunk / CHUNKS] * OUT_FEATURES + of;
                to[i].ask(down_weight + matrix * IN_FEATURES + element);
            }
        }
    };
    ask(now, row, 0);
    ask(next, STEPS == 1 ? row + STRIDE : row, STEPS == 1 ? 0 : 1);
    for (; row < OUT_FEATURES; row += STRIDE) {
        const float before = Activation::load(residual[token * OUT_FEATURES + row]);
        float sum[TOP_K] = {};
#pragma unroll
        for (u32 step = 0; step < STEPS; ++step) {
#pragma unroll
            for (u32 i = 0; i < BATCH; ++i) {
                const u32 chunk = step * BATCH + i;
                const u32 element = chunk % CHUNKS * CHUNK + 8 * lane;
                if (chunk < TOTAL && element < IN_FEATURES) {
                    float v[8];
                    load_eight<ACT_DTYPE>(v, values + chunk / CHUNKS * IN_FEATURES + element);
#pragma unroll
                    for (u32 j = 0; j < 8; ++j) sum[chunk / CHUNKS] = fmaf(now[i].at(j), v[j], sum[chunk / CHUNKS]);
                }
            }
#pragma unroll
            for (u32 i = 0; i < BATCH; ++i) now[i] = next[i];
            // Two steps ahead, of this row or of the next.
            if (step + 2 < STEPS) {
                ask(next, row, step + 2);
            } else {
                ask(next, row + (step + 2 - STEPS) / STEPS * STRIDE + STRIDE, (step + 2 - STEPS) % STEPS);
            }
        }
        let_successor_start();
#pragma unroll
        for (u32 place = 0; place < TOP_K; ++place) sum[place] = warp_sum(sum[place]);
        if (lane == 0) {
            float total = 0.0f;
#pragma unroll
            for (u32 place = 0; place < TOP_K; ++place) {
                total = fmaf(weight_of[place], Activation::load(Activation::store(sum[place])), total);
            }
            out[token * OUT_FEATURES + row] = Activation::store(before + Activation::load(Activation::store(total)));
        }
    }
}

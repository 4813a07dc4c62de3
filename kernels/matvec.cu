// Matrix times vector: the product of a decode step.
//
// One warp an output feature, one token along y, so that a token's sums run in the same order however many tokens
// there are. f32 sums, one rounding at the store. Rows of whole eights are read 16 bytes at a time, and so their
// first elements lie on multiples of 16 bytes. Few long rows are summed in SPLITS segments, which are added in the order
// of their numbers: their twins with more loads on their way (stream.cuh) have a warp for each.
#include "common.cuh"

using Weight = Storage<WEIGHT_DTYPE>;
using Activation = Storage<ACT_DTYPE>;

// Output features of a block: one a warp.
constexpr u32 FEATURES_PER_BLOCK = 8;

extern "C" __global__ void __launch_bounds__(32 * FEATURES_PER_BLOCK)
    matvec(Activation::Element* __restrict__ out,           // [tokens, OUT_FEATURES]
           const Weight::Element* __restrict__ weight,      // [OUT_FEATURES, IN_FEATURES]
           const Activation::Element* __restrict__ x,       // [tokens, IN_FEATURES]
           u32 tokens) {
    const u32 lane = threadIdx.x % 32;
    const u32 feature = blockIdx.x * FEATURES_PER_BLOCK + threadIdx.x / 32;
    const u32 token = blockIdx.y;
    // The same for a whole warp: those that go on have all their lanes.
    if (feature >= OUT_FEATURES || token >= tokens) return;

    const Weight::Element* const weight_row = weight + (u64)feature * IN_FEATURES;
    const Activation::Element* const x_row = x + (u64)token * IN_FEATURES;
    float total = 0.0f;
    if constexpr (IN_FEATURES % 8 == 0) {
        // Elements of a segment: whole steps of the warp.
        constexpr u32 SEGMENT = (IN_FEATURES + 256 * SPLITS - 1) / (256 * SPLITS) * 256;
        for (u32 start = 0; start < IN_FEATURES; start += SEGMENT) {
            const u32 end = min(start + SEGMENT, (u32)IN_FEATURES);
            float sum = 0.0f;
#pragma unroll 4
            for (u32 i = start + 8 * lane; i < end; i += 8 * 32) {
                float w[8], v[8];
                load_eight<WEIGHT_DTYPE>(w, weight_row + i);
                load_eight<ACT_DTYPE>(v, x_row + i);
#pragma unroll
                for (u32 j = 0; j < 8; ++j) sum = fmaf(w[j], v[j], sum);
            }
            sum = warp_sum(sum);
            total = start == 0 ? sum : total + sum;
        }
    } else {
        float sum = 0.0f;
        for (u32 i = lane; i < IN_FEATURES; i += 32) {
            sum = fmaf(Weight::load(weight_row[i]), Activation::load(x_row[i]), sum);
        }
        total = warp_sum(sum);
    }
    if (lane == 0) out[(u64)token * OUT_FEATURES + feature] = Activation::store(total);
}

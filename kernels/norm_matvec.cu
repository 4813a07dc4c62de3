// The norm of a row times a matrix: bit by bit what rmsnorm and then matvec give.
#include "normed.cuh"
#include "stream.cuh"

struct Product {
    static constexpr bool EARLY_IS_WEIGHT = true;
    Activation::Element* out;
    const Weight::Element* weight;

    __device__ __forceinline__ const Weight::Element* row(u32 row, u32) const {
        return weight + (u64)row * IN_FEATURES;
    }
    __device__ __forceinline__ float early(u32) const { return 0.0f; }
    __device__ __forceinline__ void finish(u32 row, const float (&sum)[1], float) const {
        out[row] = Activation::store(sum[0]);
    }
};

extern "C" __global__ void __launch_bounds__(32 * WARPS)
    norm_matvec(Activation::Element* out,                               // [tokens, OUT_FEATURES]
                const Activation::Element* x,                           // [tokens, IN_FEATURES]
                const Storage<NORM_DTYPE>::Element* norm_weight,        // [IN_FEATURES]
                const Weight::Element* weight,                          // [OUT_FEATURES, IN_FEATURES]
                u32 tokens) {
    __shared__ __align__(16) Activation::Element normed[IN_FEATURES];
    __shared__ Storage<NORM_DTYPE>::Element gain[IN_FEATURES];
    const u64 token = blockIdx.y;
    if (token >= tokens) return;
    const Product product{out + token * OUT_FEATURES, weight};
    Stream<OUT_FEATURES, 1, Product> stream(product);
    stream.begin();
    keep_gain<NORM_DTYPE, IN_FEATURES>(gain, norm_weight);
    wait_for_predecessor();
    normalise<ACT_DTYPE, NORM_DTYPE, IN_FEATURES>(normed, x + token * IN_FEATURES, gain, (float)EPS);
    stream.run(normed);
}

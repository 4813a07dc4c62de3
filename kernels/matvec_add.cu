// Matrix times vector, added to the residual stream: bit by bit what matvec and then residual_add give.
#include "stream.cuh"

struct Sum {
    static constexpr bool EARLY_IS_WEIGHT = false;
    Activation::Element* out;
    const Weight::Element* weight;
    const Activation::Element* residual;

    __device__ __forceinline__ const Weight::Element* row(u32 row, u32) const {
        return weight + (u64)row * IN_FEATURES;
    }
    __device__ __forceinline__ float early(u32 row) const { return Activation::load(residual[row]); }
    __device__ __forceinline__ void finish(u32 row, const float (&sum)[1], float early) const {
        // The product is rounded as matvec stores it.
        const float product = Activation::load(Activation::store(sum[0]));
        out[row] = Activation::store(early + product);
    }
};

extern "C" __global__ void __launch_bounds__(32 * WARPS)
    matvec_add(Activation::Element* out,                 // [tokens, OUT_FEATURES]
               const Weight::Element* weight,            // [OUT_FEATURES, IN_FEATURES]
               const Activation::Element* x,             // [tokens, IN_FEATURES]
               const Activation::Element* residual,      // [tokens, OUT_FEATURES]
               u32 tokens) {
    __shared__ __align__(16) Activation::Element stage[STAGE];
    const u64 token = blockIdx.y;
    if (token >= tokens) return;
    const Sum sum{out + token * OUT_FEATURES, weight, residual + token * OUT_FEATURES};
    Stream<OUT_FEATURES, 1, Sum> stream(sum);
    stream.begin();
    wait_for_predecessor();
    stream.run(staged(stage, x + token * IN_FEATURES));
}

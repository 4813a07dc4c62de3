// The first half of the gated MLP in one: the norm of a row, the products of gate and up, and silu of the one times the
// other. Bit by bit what rmsnorm, two of matvec and silu_and_mul give. One warp has both rows of a feature.
#include "normed.cuh"
#include "stream.cuh"

struct GateUp {
    static constexpr bool EARLY_IS_WEIGHT = true;
    Activation::Element* out;
    const Weight::Element* gate;
    const Weight::Element* up;

    __device__ __forceinline__ const Weight::Element* row(u32 row, u32 matrix) const {
        return (matrix == 0 ? gate : up) + (u64)row * IN_FEATURES;
    }
    __device__ __forceinline__ float early(u32) const { return 0.0f; }
    __device__ __forceinline__ void finish(u32 row, const float (&sum)[2], float) const {
        // Both products are rounded as matvec stores them; silu is not, as in silu_and_mul.cu.
        const float value = Activation::load(Activation::store(sum[0]));
        const float other = Activation::load(Activation::store(sum[1]));
        const float silu = value / (1.0f + expf(-value));
        out[row] = Activation::store(silu * other);
    }
};

extern "C" __global__ void __launch_bounds__(32 * WARPS)
    norm_gate_up_matvec(Activation::Element* out,                               // [tokens, OUT_FEATURES]
                        const Activation::Element* x,                           // [tokens, IN_FEATURES]
                        const Storage<NORM_DTYPE>::Element* norm_weight,        // [IN_FEATURES]
                        const Weight::Element* gate_weight,                     // [OUT_FEATURES, IN_FEATURES]
                        const Weight::Element* up_weight,                       // [OUT_FEATURES, IN_FEATURES]
                        u32 tokens) {
    __shared__ __align__(16) Activation::Element normed[IN_FEATURES];
    __shared__ Storage<NORM_DTYPE>::Element gain[IN_FEATURES];
    const u64 token = blockIdx.y;
    if (token >= tokens) return;
    const GateUp both{out + token * OUT_FEATURES, gate_weight, up_weight};
    Stream<OUT_FEATURES, 2, GateUp> stream(both);
    stream.begin();
    keep_gain<NORM_DTYPE, IN_FEATURES>(gain, norm_weight);
    wait_for_predecessor();
    normalise<ACT_DTYPE, NORM_DTYPE, IN_FEATURES>(normed, x + token * IN_FEATURES, gain, (float)EPS);
    stream.run(normed);
}

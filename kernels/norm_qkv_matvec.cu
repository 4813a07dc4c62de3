// The norm of a row, and the products of queries, keys and values, in one: bit by bit what rmsnorm and three of matvec
// give.
#include "normed.cuh"
#include "qkv.cuh"
#include "stream.cuh"

struct Projections {
    static constexpr bool EARLY_IS_WEIGHT = true;
    Three<Activation::Element*> out;
    Three<const Weight::Element*> weight;

    __device__ __forceinline__ const Weight::Element* row(u32 row, u32) const {
        return weight.at(row, IN_FEATURES);
    }
    __device__ __forceinline__ float early(u32) const { return 0.0f; }
    __device__ __forceinline__ void finish(u32 row, const float (&sum)[1], float) const {
        *out.at(row, 1) = Activation::store(sum[0]);
    }
};

extern "C" __global__ void __launch_bounds__(32 * WARPS)
    norm_qkv_matvec(Activation::Element* q_out,                       // [tokens, Q_FEATURES]
                    Activation::Element* k_out,                       // [tokens, KV_FEATURES]
                    Activation::Element* v_out,                       // [tokens, KV_FEATURES]
                    const Activation::Element* x,                     // [tokens, IN_FEATURES]
                    const Storage<NORM_DTYPE>::Element* norm_weight,  // [IN_FEATURES]
                    const Weight::Element* q_weight,                  // [Q_FEATURES, IN_FEATURES]
                    const Weight::Element* k_weight,                  // [KV_FEATURES, IN_FEATURES]
                    const Weight::Element* v_weight,                  // [KV_FEATURES, IN_FEATURES]
                    u32 tokens) {
    __shared__ __align__(16) Activation::Element normed[IN_FEATURES];
    __shared__ Storage<NORM_DTYPE>::Element gain[IN_FEATURES];
    const u64 token = blockIdx.y;
    if (token >= tokens) return;
    const Projections all{of_token(token, q_out, k_out, v_out), {q_weight, k_weight, v_weight}};
    Stream<QKV_FEATURES, 1, Projections> stream(all);
    stream.begin();
    keep_gain<NORM_DTYPE, IN_FEATURES>(gain, norm_weight);
    wait_for_predecessor();
    normalise<ACT_DTYPE, NORM_DTYPE, IN_FEATURES>(normed, x + token * IN_FEATURES, gain, (float)EPS);
    stream.run(normed);
}

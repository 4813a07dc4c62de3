// The norm of a row, and the products of queries, keys and values with their biases, in one: bit by bit what rmsnorm, three
// of matvec and three of bias give.
#include "normed.cuh"
#include "qkv.cuh"
#include "stream.cuh"

using Bias = Storage<BIAS_DTYPE>;

struct Projections {
    static constexpr bool EARLY_IS_WEIGHT = true;
    Three<Activation::Element*> out;
    Three<const Weight::Element*> weight;
    Three<const Bias::Element*> bias;

    __device__ __forceinline__ const Weight::Element* row(u32 row, u32) const {
        return weight.at(row, IN_FEATURES);
    }
    __device__ __forceinline__ float early(u32 row) const { return Bias::load(*bias.at(row, 1)); }
    __device__ __forceinline__ void finish(u32 row, const float (&sum)[1], float early) const {
        // The product is rounded as matvec stores it.
        const float product = Activation::load(Activation::store(sum[0]));
        *out.at(row, 1) = Activation::store(product + early);
    }
};

extern "C" __global__ void __launch_bounds__(32 * WARPS)
    norm_qkv_bias_matvec(Activation::Element* q_out,                       // [tokens, Q_FEATURES]
                         Activation::Element* k_out,                       // [tokens, KV_FEATURES]
                         Activation::Element* v_out,                       // [tokens, KV_FEATURES]
                         const Activation::Element* x,                     // [tokens, IN_FEATURES]
                         const Storage<NORM_DTYPE>::Element* norm_weight,  // [IN_FEATURES]
                         const Weight::Element* q_weight,                  // [Q_FEATURES, IN_FEATURES]
                         const Weight::Element* k_weight,                  // [KV_FEATURES, IN_FEATURES]
                         const Weight::Element* v_weight,                  // [KV_FEATURES, IN_FEATURES]
                         const Bias::Element* q_bias,                      // [Q_FEATURES]
                         const Bias::Element* k_bias,                      // [KV_FEATURES]
                         const Bias::Element* v_bias,                      // [KV_FEATURES]
                         u32 tokens) {
    __shared__ __align__(16) Activation::Element normed[IN_FEATURES];
    __shared__ Storage<NORM_DTYPE>::Element gain[IN_FEATURES];
    const u64 token = blockIdx.y;
    if (token >= tokens) return;
    const Projections all{of_token(token, q_out, k_out, v_out), {q_weight, k_weight, v_weight}, {q_bias, k_bias, v_bias}};
    Stream<QKV_FEATURES, 1, Projections> stream(all);
    stream.begin();
    keep_gain<NORM_DTYPE, IN_FEATURES>(gain, norm_weight);
    wait_for_predecessor();
    normalise<ACT_DTYPE, NORM_DTYPE, IN_FEATURES>(normed, x + token * IN_FEATURES, gain, (float)EPS);
    stream.run(normed);
}

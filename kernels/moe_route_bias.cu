// The experts of each token, by their scores plus a bias that counts for the choice alone.
#include "moe_route.cuh"

// As in moe_route.cu; correction_bias [EXPERTS].
extern "C" __global__ void __launch_bounds__(32 * ROUTE_WARPS)
    moe_route_bias(float* routing, i32* experts, float* weights, const float* logits,
                   const Storage<BIAS_DTYPE>::Element* correction_bias, u32 tokens) {
    wait_for_predecessor();
    let_successor_start();
    const auto bias = [&](u32 expert) { return Storage<BIAS_DTYPE>::load(correction_bias[expert]); };
    route<true>(routing, experts, weights, logits, bias, tokens);
}

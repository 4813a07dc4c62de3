// The experts of each token, by their scores alone.
#include "moe_route.cuh"

// routing [tokens, EXPERTS]: what each expert counts for each token, 0 where it is not chosen. experts, weights
// [tokens, TOP_K]: the chosen ones, the best first, and what each counts. logits [tokens, EXPERTS].
extern "C" __global__ void __launch_bounds__(32 * ROUTE_WARPS)
    moe_route(float* routing, i32* experts, float* weights, const float* logits, u32 tokens) {
    wait_for_predecessor();
    let_successor_start();
    route<false>(routing, experts, weights, logits, [](u32) { return 0.0f; }, tokens);
}

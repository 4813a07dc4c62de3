// The first half of the chosen experts of a decode step: the products of gate and up of one expert, and silu of the one times
// the other. Only the rows of chosen experts are read.
//
// A slot is one of the TOP_K experts of a token; slots lie along y. Which expert it is, the kernel before says: no weight is
// asked for before that one has ended.
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
        // Both products are rounded as the product of a prefill stores them; silu is not, as in silu_and_mul.cu.
        const float value = Activation::load(Activation::store(sum[0]));
        const float other = Activation::load(Activation::store(sum[1]));
        const float silu = value / (1.0f + expf(-value));
        out[row] = Activation::store(silu * other);
    }
};

extern "C" __global__ void __launch_bounds__(32 * WARPS)
    moe_gate_up_matvec(Activation::Element* out,               // [tokens * TOP_K, OUT_FEATURES]
                       const Activation::Element* x,           // [tokens, IN_FEATURES]
                       const i32* experts,                     // [tokens * TOP_K]
                       const Weight::Element* gate_weight,     // [EXPERTS, OUT_FEATURES, IN_FEATURES]
                       const Weight::Element* up_weight,       // [EXPERTS, OUT_FEATURES, IN_FEATURES]
                       u32 slots) {
    __shared__ __align__(16) Activation::Element stage[STAGE];
    const u64 slot = blockIdx.y;
    if (slot >= slots) return;
    wait_for_predecessor();
    const u64 matrix = (u64)experts[slot] * OUT_FEATURES * IN_FEATURES;
    const GateUp both{out + slot * OUT_FEATURES, gate_weight + matrix, up_weight + matrix};
    Stream<OUT_FEATURES, 2, GateUp> stream(both);
    stream.begin();
    stream.run(staged(stage, x + slot / TOP_K * IN_FEATURES));
}

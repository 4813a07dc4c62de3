// Asks for weights that later kernels read, so that they lie in the L2 cache by then, and waits for none of them: memory is
// busy while the kernels between have other things to wait for.
#include "common.cuh"
#include "dependent.cuh"

using X = Storage<X_DTYPE>;

// The bytes of one request.
constexpr u64 PIECE = PIECE_BYTES;
static __device__ constexpr u32 pieces(u64 elements) {
    return (u32)((elements * sizeof(X::Element) + PIECE - 1) / PIECE);
}
// Where the pieces of each tensor end, counted through all of them.
constexpr u32 FIRST_END = pieces(FIRST);
constexpr u32 SECOND_END = FIRST_END + pieces(SECOND);
constexpr u32 THIRD_END = SECOND_END + pieces(THIRD);

// The sum over the 32 lanes of a warp, in every lane.
static __device__ __forceinline__ u32 warp_count(u32 x) {
    for (int offset = 16; offset > 0; offset >>= 1) x += __shfl_xor_sync(0xffffffffu, x, offset);
    return x;
}

// first [FIRST], second [SECOND], third [THIRD], fourth [FOURTH]: the beginnings of tensors; count: how many pieces of them
// to ask for, those of the first tensor first; out [BLOCKS]: how many each block asked for.
extern "C" __global__ void __launch_bounds__(THREADS)
    fetch_ahead(u32* out, const X::Element* first, const X::Element* second, const X::Element* third,
                const X::Element* fourth, u32 count) {
    __shared__ u32 warps[THREADS / 32];
    let_successor_start();
    u32 asked = 0;
    for (u32 piece = blockIdx.x * THREADS + threadIdx.x; piece < count; piece += BLOCKS * THREADS) {
        const X::Element* from = first;
        u32 before = 0;
        if (piece >= FIRST_END) from = second, before = FIRST_END;
        if (piece >= SECOND_END) from = third, before = SECOND_END;
        if (piece >= THIRD_END) from = fourth, before = THIRD_END;
        const u64 address = (u64)__cvta_generic_to_global(from) + PIECE * (piece - before);
        asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
        ++asked;
    }
    asked = warp_count(asked);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = asked;
    __syncthreads();
    wait_for_predecessor();
    if (threadIdx.x == 0) {
        for (u32 warp = 1; warp < THREADS / 32; ++warp) asked += warps[warp];
        out[blockIdx.x] = asked;
    }
}

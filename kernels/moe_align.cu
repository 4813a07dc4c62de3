// The slots of each expert: of a token's TOP_K chosen experts each is a slot, and slots are counted through all tokens.
//
// A block has one expert, and so the grid is the same whatever is chosen. Each of its warps looks through a segment of the
// choices twice: first to count, then to write what it found behind what others find. The slots of an expert lie in rising
// order, by token and then by place. Nothing is added atomically, so that every run gives the same.
#include "common.cuh"

constexpr u32 ALIGN_WARPS = 16;

// How many lanes before this one take part in a vote.
static __device__ __forceinline__ u32 lanes_before(u32 ballot) {
    u32 before;
    asm("mov.u32 %0, %%lanemask_lt;" : "=r"(before));
    return __popc(ballot & before);
}

extern "C" __global__ void __launch_bounds__(32 * ALIGN_WARPS)
    moe_align(i32* __restrict__ offsets,         // [EXPERTS + 1], where the slots of each expert begin
              i32* __restrict__ slots,           // [count], the slots of expert 0, of expert 1 and so on
              const i32* __restrict__ experts,   // [count], the chosen expert of each slot
              u32 count) {
    __shared__ u32 of_lower[ALIGN_WARPS], of_ours[ALIGN_WARPS];
    const i32 expert = (i32)blockIdx.x;
    const u32 lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    // Whole warps of choices, so that every lane takes part in every vote.
    const u32 segment = (count + 32 * ALIGN_WARPS - 1) / (32 * ALIGN_WARPS) * 32;
    const u32 first = warp * segment;
    const u32 end = min(first + segment, count);

    u32 lower = 0, ours = 0;
#pragma unroll 4
    for (u32 base = first; base < end; base += 32) {
        const i32 chosen = base + lane < end ? experts[base + lane] : EXPERTS;
        lower += __popc(__ballot_sync(0xffffffffu, chosen < expert));
        ours += __popc(__ballot_sync(0xffffffffu, chosen == expert));
    }
    if (lane == 0) {
        of_lower[warp] = lower;
        of_ours[warp] = ours;
    }
    __syncthreads();
    u32 begin = 0, before = 0, all = 0;
#pragma unroll
    for (u32 other = 0; other < ALIGN_WARPS; ++other) {
        begin += of_lower[other];
        before += other < warp ? of_ours[other] : 0;
        all += of_ours[other];
    }
    if (threadIdx.x == 0) {
        offsets[expert] = (i32)begin;
        if (expert == EXPERTS - 1) offsets[EXPERTS] = (i32)(begin + all);
    }
    u32 next = begin + before;
#pragma unroll 4
    for (u32 base = first; base < end; base += 32) {
        const i32 chosen = base + lane < end ? experts[base + lane] : EXPERTS;
        const u32 found = __ballot_sync(0xffffffffu, chosen == expert);
        if (chosen == expert) slots[next + lanes_before(found)] = (i32)(base + lane);
        next += __popc(found);
    }
}

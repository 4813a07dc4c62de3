// Which slots, of which expert, a block of a grouped product has.
//
// The grid is that of the worst case, where every expert's last tile is a short one: a block looks for its tile among the
// tiles of all experts, by what moe_align left, and leaves where there are no more.
#pragma once
#include "common.cuh"

struct SlotTile {
    u32 expert;
    // Where its slots are in the list, and where those of the expert end.
    u32 first;
    u32 end;
};

// Tile `tile` of TILE slots; false where there are fewer. Every warp looks for itself, 32 experts at once with all its lanes.
template <u32 TILE>
static __device__ __forceinline__ bool find_tile(SlotTile& found, const i32* __restrict__ offsets, u32 tile) {
    const u32 lane = threadIdx.x % 32;
    u32 before = 0;
    for (u32 base = 0; base < EXPERTS; base += 32) {
        const u32 expert = base + lane;
        const u32 begin = expert < EXPERTS ? (u32)offsets[expert] : 0;
        const u32 end = expert < EXPERTS ? (u32)offsets[expert + 1] : 0;
        const u32 tiles = (end - begin + TILE - 1) / TILE;
        // The tiles of this expert and of those before it.
        u32 through = tiles;
        for (u32 offset = 1; offset < 32; offset <<= 1) {
            const u32 other = __shfl_up_sync(0xffffffffu, through, offset);
            if (lane >= offset) through += other;
        }
        through += before;
        const u32 here = __ballot_sync(0xffffffffu, tile < through);
        if (here != 0) {
            const int lane_of = __ffs((int)here) - 1;
            const u32 nth = tile - __shfl_sync(0xffffffffu, through - tiles, lane_of);
            found.expert = base + lane_of;
            found.first = __shfl_sync(0xffffffffu, begin, lane_of) + nth * TILE;
            found.end = __shfl_sync(0xffffffffu, end, lane_of);
            return true;
        }
        before = __shfl_sync(0xffffffffu, through, 31);
    }
    return false;
}

// What the kernels that share the keys of a query out over blocks agree on: which keys there are, and whose they are.
//
// Keys lie in tiles of TILE, counted from the beginning of the sequence, and tile t is that of split t % SPLITS. Both
// follow from the model alone, so that a result depends on nothing but its own query and keys.
#pragma once
#include "common.cuh"
#include "seen.cuh"

// The first tile at or after `tile` that is one of this split.
static __device__ __forceinline__ u32 first_tile_of(u32 split, u32 tile) {
    return tile + (split + SPLITS - tile % SPLITS) % SPLITS;
}

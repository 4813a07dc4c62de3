// Statistics of a stage, computed where it is.
#include "common.cuh"
#include "statistics.cuh"

// x [count], out [8], as `statistics` has them. One block, of whole warps.
extern "C" __global__ void tap_statistics(double* __restrict__ out,
                                          const Storage<ACT_DTYPE>::Element* __restrict__ x, u32 count) {
    statistics<ACT_DTYPE, 1>(out, x, count);
}

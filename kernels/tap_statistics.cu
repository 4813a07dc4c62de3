// Statistics of a stage, computed where it is.
#include "common.cuh"
#include "statistics.cuh"

// x [count], out [8], as `statistics` has them. One block.
extern "C" __global__ void __launch_bounds__(THREADS)
    tap_statistics(double* __restrict__ out, const Storage<ACT_DTYPE>::Element* __restrict__ x, u32 count) {
    statistics<ACT_DTYPE, THREADS, LOADS>(out, x, count);
}

// Nothing, for a count of zero: what a launch costs by itself. Else each block below the count writes its number, so that
// it shows that they ran.
#include "common.cuh"
#include "dependent.cuh"

// out [count].
extern "C" __global__ void empty(u32* __restrict__ out, u32 count) {
    let_successor_start();
    wait_for_predecessor();
    if (threadIdx.x == 0 && blockIdx.x < count) out[blockIdx.x] = blockIdx.x;
}

// A sum within a warp through shared memory, as if its lanes ran in step.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=32
// buffer: out u32 1 unwritten
// buffer: x u32 32 ramp
// expect: out sum
extern "C" __global__ void syncwarp_missing(unsigned* out, const unsigned* x) {
    __shared__ unsigned tile[32];
    unsigned t = threadIdx.x;
    tile[t] = x[t];
    __syncwarp();
#pragma unroll 1
    for (unsigned half = 16; half > 0; half >>= 1) {
        unsigned v = t < half ? tile[t + half] : 0;  // <- fault
#ifndef FAULT
        __syncwarp();
#endif
        tile[t] += v;  // <- other
#ifndef FAULT
        __syncwarp();
#endif
    }
    if (t == 0) out[0] = tile[0];
}

// A loop with a barrier that one warp takes once more: its last turn meets what the others do after the loop.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out twice_reverse 64
extern "C" __global__ void barrier_once_more_for_some(unsigned* out, const unsigned* x) {
    __shared__ unsigned tile[64];
    unsigned t = threadIdx.x;
    tile[t] = 0;
#ifdef FAULT
    unsigned turns = t < 32 ? 2 : 3;
#else
    unsigned turns = 2;
#endif
#pragma unroll 1
    for (unsigned i = 0; i < turns; ++i) {
        tile[t] += x[t];  // <- other
        __syncthreads();
    }
    out[t] = tile[63 - t];  // <- fault
}

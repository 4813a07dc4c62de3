// Code for a device whose warps have 64 lanes: a barrier of the warp where the block needs one.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out reverse 64
extern "C" __global__ void wave_of_64_lanes(unsigned* out, const unsigned* x) {
    __shared__ unsigned wave[64];
    unsigned t = threadIdx.x;
    wave[t] = 0;
    __syncthreads();
    wave[t] = x[t];  // <- other
#ifdef FAULT
    __syncwarp();
#else
    __syncthreads();
#endif
    out[t] = wave[63 - t];  // <- fault
}

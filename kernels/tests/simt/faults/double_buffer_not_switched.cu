// A double buffer whose index never changes, with the one barrier a tile that two buffers need.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 256 ramp
// scalar: tiles u32 4
// expect: out reverse_columns 64
extern "C" __global__ void double_buffer_not_switched(unsigned* out, const unsigned* x, unsigned tiles) {
    __shared__ unsigned buffers[2][64];
    unsigned t = threadIdx.x;
    unsigned sum = 0, at = 0;
#pragma unroll 1
    for (unsigned i = 0; i < tiles; ++i) {
        buffers[at][t] = x[i * 64 + t];  // <- fault
        __syncthreads();
        sum += buffers[at][63 - t];  // <- other
#ifndef FAULT
        at ^= 1;
#endif
    }
    out[t] = sum;
}

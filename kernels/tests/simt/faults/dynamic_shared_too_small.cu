// A launch that gives half of the dynamic shared memory that the kernel uses.
// fault: out_of_bounds
// sanitizer: memcheck
// launch: grid=1 block=64 shared=256
// faulty launch: grid=1 block=64 shared=128
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out reverse 64
extern __shared__ unsigned tile[];
extern "C" __global__ void dynamic_shared_too_small(unsigned* out, const unsigned* x) {
    unsigned t = threadIdx.x;
    tile[t] = x[t];  // <- fault
    __syncthreads();
    out[t] = tile[63 - t];
}

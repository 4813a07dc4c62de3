// Accumulators for a head_dim of 64 where it is 96.
// fault: out_of_bounds
// sanitizer: memcheck
// launch: grid=1 block=32
// buffer: out u32 96 unwritten
// buffer: x u32 96 ramp
// scalar: head_dim u32 96
// expect: out copy
#ifdef FAULT
#define ROOM 64
#else
#define ROOM 96
#endif
extern "C" __global__ void accumulator_too_small_shared(unsigned* out, const unsigned* x, unsigned head_dim) {
    __shared__ unsigned accumulator[ROOM];
    for (unsigned d = threadIdx.x; d < head_dim; d += 32) {
        accumulator[d] = x[d];  // <- fault
    }
    __syncthreads();
    for (unsigned d = threadIdx.x; d < head_dim; d += 32) out[d] = accumulator[d];
}

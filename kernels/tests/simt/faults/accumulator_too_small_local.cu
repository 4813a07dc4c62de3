// Accumulators of each thread for a head_dim of 64 where it is 96.
// fault: out_of_bounds
// sanitizer: memcheck
// launch: grid=1 block=32
// buffer: out u32 96 unwritten
// buffer: x u32 96 ramp
// scalar: head_dim u32 96
// expect: out copy
#ifdef FAULT
#define ROOM 2
#else
#define ROOM 4
#endif
extern "C" __global__ void accumulator_too_small_local(unsigned* out, const unsigned* x, unsigned head_dim) {
    volatile unsigned accumulator[ROOM];
    unsigned held = head_dim / 32;
    for (unsigned j = 0; j < held; ++j) {
        accumulator[j] = x[j * 32 + threadIdx.x];  // <- fault
    }
    for (unsigned j = 0; j < held; ++j) out[j * 32 + threadIdx.x] = accumulator[j];
}

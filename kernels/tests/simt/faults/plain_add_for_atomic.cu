// A counter that every block adds to by load, add and store.
// fault: race
// sanitizer: none
// launch: grid=4 block=32
// buffer: out u32 1 zero
// buffer: x u32 128 ones
// expect: out sum
extern "C" __global__ void plain_add_for_atomic(unsigned* out, const unsigned* x) {
    unsigned v = x[blockIdx.x * 32 + threadIdx.x];
    for (int offset = 16; offset > 0; offset >>= 1) v += __shfl_xor_sync(0xffffffffu, v, offset);
    if (threadIdx.x != 0) return;
#ifdef FAULT
    out[0] += v;  // <- fault
#else
    atomicAdd(out, v);
#endif
}

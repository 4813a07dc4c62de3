// A grid over rows that forgets the row in the index of its output.
// fault: race
// sanitizer: none
// launch: grid=2 block=64
// buffer: out u32 128 unwritten
// buffer: x u32 128 ramp
// expect: out copy
extern "C" __global__ void blocks_write_one_element(unsigned* out, const unsigned* x) {
    unsigned i = blockIdx.x * 64 + threadIdx.x;
#ifdef FAULT
    out[threadIdx.x] = x[i];  // <- fault
#else
    out[i] = x[i];
#endif
}

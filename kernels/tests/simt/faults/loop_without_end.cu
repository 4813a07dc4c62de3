// A reduction whose distance ends at zero, and a condition that lets zero through.
// fault: endless_loop
// sanitizer: none
// launch: grid=1 block=32
// buffer: out u32 32 unwritten
// buffer: x u32 32 ramp
// expect: out constant 496
#ifdef FAULT
#define MORE(distance) ((distance) >= 0)
#else
#define MORE(distance) ((distance) > 0)
#endif
extern "C" __global__ void loop_without_end(unsigned* out, const unsigned* x) {
    unsigned v = x[threadIdx.x];
#pragma unroll 1
    for (int distance = 16; MORE(distance); distance >>= 1) {  // <- fault
        v += __shfl_xor_sync(0xffffffffu, v, distance);  // <- fault
        asm volatile("" ::: "memory");
    }
    out[threadIdx.x] = v;
}

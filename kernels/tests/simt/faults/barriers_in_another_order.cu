// Two warps that wait at two named barriers, each at the one that the other takes second.
// fault: divergent_barrier
// sanitizer: synccheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out reverse 64
extern "C" __global__ void barriers_in_another_order(unsigned* out, const unsigned* x) {
    __shared__ unsigned tile[64];
    unsigned t = threadIdx.x;
    tile[t] = x[t];
#ifdef FAULT
    unsigned first = t < 32 ? 1 : 2;
#else
    unsigned first = 1;
#endif
    asm volatile("bar.sync %0, 64;" ::"r"(first) : "memory");  // <- fault
    asm volatile("bar.sync %0, 64;" ::"r"(3 - first) : "memory");
    out[t] = tile[63 - t];
}

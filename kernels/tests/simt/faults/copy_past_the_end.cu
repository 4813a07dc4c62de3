// Copies of whole tiles, where the last tile is not whole.
// fault: out_of_bounds
// sanitizer: memcheck
// launch: grid=1 block=16
// buffer: out u32 16 unwritten
// buffer: x u32 60 ramp
// scalar: n u32 60
// expect: out fours
extern "C" __global__ void copy_past_the_end(unsigned* out, const unsigned* x, unsigned n) {
    __shared__ __align__(16) unsigned tile[64];
    unsigned t = threadIdx.x;
    unsigned to = (unsigned)__cvta_generic_to_shared(&tile[4 * t]);
#ifdef FAULT
    unsigned bytes = 16;
#else
    unsigned bytes = 4 * t < n ? 16 : 0;
#endif
    const unsigned* from = bytes ? x + 4 * t : x;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");  // <- fault
    asm volatile("cp.async.commit_group;" ::: "memory");
    asm volatile("cp.async.wait_group 0;" ::: "memory");
    out[t] = tile[4 * t] + tile[4 * t + 1] + tile[4 * t + 2] + tile[4 * t + 3];
}

// A flag with release and acquire, whose scope is the block while the reader is in another.
// fault: race
// sanitizer: none
// launch: grid=2 block=32 cooperative=yes
// buffer: out u32 32 unwritten
// buffer: data u32 32 unwritten
// buffer: flag u32 1 zero
// buffer: x u32 32 ramp
// expect: out times 2
#ifdef FAULT
#define SCOPE "cta"
#else
#define SCOPE "gpu"
#endif
extern "C" __global__ void flag_of_the_block_only(unsigned* out, unsigned* data, unsigned* flag, const unsigned* x) {
    unsigned t = threadIdx.x;
    if (blockIdx.x == 0) {
        data[t] = 2 * x[t];  // <- other
        __syncthreads();
        if (t == 0) asm volatile("st.release." SCOPE ".global.u32 [%0], 1;" ::"l"(flag) : "memory");  // <- other
    } else {
        if (t == 0) {
            unsigned seen;
            do {
                asm volatile("ld.acquire." SCOPE ".global.u32 %0, [%1];" : "=r"(seen) : "l"(flag) : "memory");  // <- fault
            } while (seen == 0);
        }
        __syncthreads();
        out[t] = data[t];  // <- other
    }
}

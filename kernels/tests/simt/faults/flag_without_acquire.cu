// Data handed from one block to another by a flag that is read without acquire.
// fault: race
// sanitizer: none
// launch: grid=2 block=32 cooperative=yes
// buffer: out u32 32 unwritten
// buffer: data u32 32 unwritten
// buffer: flag u32 1 zero
// buffer: x u32 32 ramp
// expect: out times 2
extern "C" __global__ void flag_without_acquire(unsigned* out, unsigned* data, unsigned* flag, const unsigned* x) {
    unsigned t = threadIdx.x;
    if (blockIdx.x == 0) {
        data[t] = 2 * x[t];  // <- other
        __syncthreads();
        if (t == 0) asm volatile("st.release.gpu.global.u32 [%0], 1;" ::"l"(flag) : "memory");
    } else {
        if (t == 0) {
            unsigned seen;
            do {
#ifdef FAULT
                asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(seen) : "l"(flag) : "memory");
#else
                asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(seen) : "l"(flag) : "memory");
#endif
            } while (seen == 0);
        }
        __syncthreads();
        out[t] = data[t];  // <- fault
    }
}

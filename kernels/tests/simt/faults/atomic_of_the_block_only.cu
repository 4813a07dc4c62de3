// A counter that every block adds to atomically, as seen from its own block.
// fault: race
// sanitizer: none
// launch: grid=4 block=32
// buffer: out u32 1 zero
// buffer: x u32 128 ones
// expect: out sum
extern "C" __global__ void atomic_of_the_block_only(unsigned* out, const unsigned* x) {
    unsigned v = x[blockIdx.x * 32 + threadIdx.x];
#ifdef FAULT
    asm volatile("red.relaxed.cta.global.add.u32 [%0], %1;" ::"l"(out), "r"(v) : "memory");  // <- fault
#else
    asm volatile("red.relaxed.gpu.global.add.u32 [%0], %1;" ::"l"(out), "r"(v) : "memory");
#endif
}

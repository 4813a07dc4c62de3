// Barrier 16, where a block has 0 to 15.
// fault: barrier_misuse
// sanitizer: synccheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// scalar: number u32 15
// faulty scalar: number u32 16
// expect: out reverse 64
extern "C" __global__ void named_barrier_beyond_the_last(unsigned* out, const unsigned* x, unsigned number) {
    __shared__ unsigned tile[64];
    unsigned t = threadIdx.x;
    tile[t] = x[t];
    asm volatile("bar.sync %0, 64;" ::"r"(number) : "memory");  // <- fault
    out[t] = tile[63 - t];
}

// A named barrier that counts 96 threads where 64 take part.
// fault: divergent_barrier
// sanitizer: synccheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// scalar: count u32 64
// faulty scalar: count u32 96
// expect: out reverse 64
extern "C" __global__ void named_barrier_waits_for_too_many(unsigned* out, const unsigned* x, unsigned count) {
    __shared__ unsigned tile[64];
    unsigned t = threadIdx.x;
    tile[t] = x[t];
    asm volatile("bar.sync 1, %0;" ::"r"(count) : "memory");  // <- fault
    out[t] = tile[63 - t];
}

// A consumer that waits for a producer which never says that it has arrived.
// fault: divergent_barrier
// sanitizer: synccheck
// launch: grid=1 block=64
// buffer: out u32 32 unwritten
// buffer: x u32 32 ramp
// expect: out reverse 32
extern "C" __global__ void barrier_without_its_arrival(unsigned* out, const unsigned* x) {
    __shared__ unsigned tile[32];
    unsigned t = threadIdx.x;
    if (t < 32) {
        tile[t] = x[t];
#ifndef FAULT
        asm volatile("bar.arrive 1, 64;" ::: "memory");
#endif
    } else {
        asm volatile("bar.sync 1, 64;" ::: "memory");  // <- fault
        out[t - 32] = tile[63 - t];
    }
}

// A producer that says it has arrived, and stores then.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=64
// buffer: out u32 32 unwritten
// buffer: x u32 32 ramp
// expect: out reverse 32
extern "C" __global__ void arrival_before_the_store(unsigned* out, const unsigned* x) {
    __shared__ unsigned tile[32];
    unsigned t = threadIdx.x;
    if (t < 32) tile[t] = 0;
    __syncthreads();
    if (t < 32) {
#ifdef FAULT
        asm volatile("bar.arrive 1, 64;" ::: "memory");
#endif
        tile[t] = x[t];  // <- fault
#ifndef FAULT
        asm volatile("bar.arrive 1, 64;" ::: "memory");
#endif
    } else {
        asm volatile("bar.sync 1, 64;" ::: "memory");
        out[t - 32] = tile[63 - t];  // <- other
    }
}

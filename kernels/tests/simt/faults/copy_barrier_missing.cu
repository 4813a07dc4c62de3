// Every thread waits for its own copies and reads those of others.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out reverse 64
#define COPY(to, from) \
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"((unsigned)__cvta_generic_to_shared(to)), "l"(from) : "memory")
extern "C" __global__ void copy_barrier_missing(unsigned* out, const unsigned* x) {
    __shared__ unsigned tile[64];
    unsigned t = threadIdx.x;
    tile[t] = 0;
    __syncthreads();
    COPY(&tile[t], x + t);  // <- other
    asm volatile("cp.async.commit_group;" ::: "memory");
    asm volatile("cp.async.wait_group 0;" ::: "memory");  // <- other
#ifndef FAULT
    __syncthreads();
#endif
    out[t] = tile[63 - t];  // <- fault
}

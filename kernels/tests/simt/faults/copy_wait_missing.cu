// A tile that is used while it is still on its way.
// fault: unfinished_copy
// sanitizer: none
// launch: grid=1 block=32
// buffer: out u32 32 unwritten
// buffer: x u32 32 ramp
// expect: out reverse 32
#define COPY(to, from) \
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"((unsigned)__cvta_generic_to_shared(to)), "l"(from) : "memory")
extern "C" __global__ void copy_wait_missing(unsigned* out, const unsigned* x) {
    __shared__ unsigned tile[32];
    unsigned t = threadIdx.x;
    COPY(&tile[t], x + t);
    asm volatile("cp.async.commit_group;" ::: "memory");
#ifndef FAULT
    asm volatile("cp.async.wait_group 0;" ::: "memory");
#endif
    __syncthreads();
    out[t] = tile[31 - t];  // <- fault
}

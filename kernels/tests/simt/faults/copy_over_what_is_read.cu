// The next tile is fetched into a buffer that other warps still read.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 256 ramp
// scalar: tiles u32 4
// expect: out reverse_columns 64
#define COPY(to, from) \
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"((unsigned)__cvta_generic_to_shared(to)), "l"(from) : "memory")
extern "C" __global__ void copy_over_what_is_read(unsigned* out, const unsigned* x, unsigned tiles) {
    __shared__ unsigned tile[64];
    unsigned t = threadIdx.x;
    unsigned sum = 0;
#pragma unroll 1
    for (unsigned i = 0; i < tiles; ++i) {
        COPY(&tile[t], x + i * 64 + t);  // <- other
        asm volatile("cp.async.commit_group;" ::: "memory");
        asm volatile("cp.async.wait_group 0;" ::: "memory");  // <- fault
        __syncthreads();
        sum += tile[63 - t];  // <- other
#ifndef FAULT
        __syncthreads();
#endif
    }
    out[t] = sum;
}

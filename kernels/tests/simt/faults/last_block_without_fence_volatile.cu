// A sum by the block that comes last; writers do not fence, and the reader reads past its cache.
// fault: race
// sanitizer: none
// launch: grid=4 block=32
// buffer: out u32 1 unwritten
// buffer: partial u32 4 unwritten
// buffer: tickets u32 1 zero
// buffer: x u32 128 ramp
// expect: out sum
extern "C" __global__ void last_block_without_fence_volatile(unsigned* out, unsigned* partial, unsigned* tickets,
                                                             const unsigned* x) {
    unsigned v = x[blockIdx.x * 32 + threadIdx.x];
    for (int offset = 16; offset > 0; offset >>= 1) v += __shfl_xor_sync(0xffffffffu, v, offset);
    if (threadIdx.x != 0) return;
    partial[blockIdx.x] = v;  // <- other
#ifndef FAULT
    __threadfence();
#endif
    if (atomicAdd(tickets, 1u) != gridDim.x - 1) return;
    __threadfence();
    unsigned sum = 0;
    for (unsigned b = 0; b < gridDim.x; ++b) sum += ((volatile unsigned*)partial)[b];  // <- fault
    out[0] = sum;
}

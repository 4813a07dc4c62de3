// Allowed: lanes of one warp that wait for each other's lock, since each of them makes progress by itself.
// fault: none
// sanitizer: none
// launch: grid=1 block=32
// buffer: out u32 1 zero
// buffer: lock u32 1 zero
// buffer: x u32 32 ramp
// expect: out sum
extern "C" __global__ void lock_within_a_warp(unsigned* out, unsigned* lock, const unsigned* x) {
#ifdef FAULT
    while (atomicCAS(lock, 0u, 1u) != 0u) {
    }
    __threadfence();
    *(volatile unsigned*)out += x[threadIdx.x];
    __threadfence();
    atomicExch(lock, 0u);
#else
    for (unsigned lane = 0; lane < 32; ++lane) {
        if (threadIdx.x == lane) *(volatile unsigned*)out += x[lane];
        __syncwarp();
    }
#endif
}

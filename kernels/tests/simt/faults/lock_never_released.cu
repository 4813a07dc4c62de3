// A lock that a path through the critical section keeps.
// fault: endless_loop
// sanitizer: none
// launch: grid=4 block=1
// buffer: out u32 1 zero
// buffer: lock u32 1 zero
// buffer: x u32 4 ones
// expect: out sum
extern "C" __global__ void lock_never_released(unsigned* out, unsigned* lock, const unsigned* x) {
    while (atomicCAS(lock, 0u, 1u) != 0u) {  // <- fault
    }
    __threadfence();
    unsigned v = x[blockIdx.x];
    *out += v;
#ifdef FAULT
    if (v != 0) return;
#endif
    __threadfence();
    atomicExch(lock, 0u);
}

// A lane that holds a lock waits at a barrier of its warp for lanes that wait for the lock.
// fault: endless_loop
// sanitizer: none
// launch: grid=1 block=32
// buffer: out u32 1 zero
// buffer: lock u32 1 zero
// buffer: x u32 32 ramp
// expect: out sum
extern "C" __global__ void lock_held_at_a_warp_barrier(unsigned* out, unsigned* lock, const unsigned* x) {
    while (atomicCAS(lock, 0u, 1u) != 0u) {  // <- fault
    }
    __threadfence();
    *(volatile unsigned*)out += x[threadIdx.x];
#ifdef FAULT
    __syncwarp();
#endif
    __threadfence();
    atomicExch(lock, 0u);
}

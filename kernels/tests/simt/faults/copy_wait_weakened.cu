// Two tiles in flight, and a wait that leaves one of them pending where the last is used.
// fault: unfinished_copy
// sanitizer: none
// launch: grid=1 block=32
// buffer: out u32 32 unwritten
// buffer: x u32 128 ramp
// scalar: tiles u32 4
// expect: out columns 32
#define COPY(to, from) \
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"((unsigned)__cvta_generic_to_shared(to)), "l"(from) : "memory")
#define COMMIT() asm volatile("cp.async.commit_group;" ::: "memory")
#define WAIT(pending) asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory")
extern "C" __global__ void copy_wait_weakened(unsigned* out, const unsigned* x, unsigned tiles) {
    __shared__ unsigned buffers[2][32];
    unsigned t = threadIdx.x;
    COPY(&buffers[0][t], x + t);
    COMMIT();
    unsigned sum = 0;
#pragma unroll 1
    for (unsigned i = 0; i < tiles; ++i) {
        if (i + 1 < tiles) {
            COPY(&buffers[(i + 1) % 2][t], x + (i + 1) * 32 + t);
            COMMIT();
#ifdef FAULT
        }
        WAIT(1);
#else
            WAIT(1);
        } else {
            WAIT(0);
        }
#endif
        sum += buffers[i % 2][t];  // <- fault
    }
    out[t] = sum;
}

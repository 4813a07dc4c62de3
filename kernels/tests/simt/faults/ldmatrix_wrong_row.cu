// Addresses of ldmatrix that begin eight rows too far, beyond the rows that were written.
// fault: uninitialised
// sanitizer: none
// launch: grid=1 block=32
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out copy
extern "C" __global__ void ldmatrix_wrong_row(unsigned* out, const unsigned* x) {
    __shared__ __align__(16) unsigned tile[32 * 4];
    unsigned lane = threadIdx.x;
    tile[lane] = x[lane];
    tile[lane + 32] = x[lane + 32];
    __syncwarp();
#ifdef FAULT
    unsigned row = lane % 16 + 8;
#else
    unsigned row = lane % 16;
#endif
    unsigned from = (unsigned)__cvta_generic_to_shared(&tile[row * 4]), low, high;
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];" : "=r"(low), "=r"(high) : "r"(from) : "memory");  // <- fault
    out[lane] = low;
    out[lane + 32] = high;
}

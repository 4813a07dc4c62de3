// Rows of ldmatrix in a tile whose padded rows are no multiple of 16 bytes.
// fault: misaligned
// sanitizer: memcheck
// launch: grid=1 block=32
// buffer: out u32 32 unwritten
// buffer: x u32 32 ramp
// scalar: pitch u32 8
// faulty scalar: pitch u32 5
// expect: out copy
extern "C" __global__ void ldmatrix_misaligned(unsigned* out, const unsigned* x, unsigned pitch) {
    __shared__ __align__(16) unsigned tile[64];
    unsigned lane = threadIdx.x;
    tile[lane / 4 * pitch + lane % 4] = x[lane];
    __syncwarp();
    unsigned from = (unsigned)__cvta_generic_to_shared(&tile[lane % 8 * pitch]), fragment;
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(fragment) : "r"(from) : "memory");  // <- fault
    out[lane] = fragment;
}

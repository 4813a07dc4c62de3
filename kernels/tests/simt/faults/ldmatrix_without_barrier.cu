// ldmatrix of a tile that other lanes have just stored.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=32
// buffer: out u32 32 unwritten
// buffer: x u32 32 ramp
// expect: out reverse 32
extern "C" __global__ void ldmatrix_without_barrier(unsigned* out, const unsigned* x) {
    __shared__ __align__(16) unsigned tile[32];
    unsigned lane = threadIdx.x;
    tile[31 - lane] = x[lane];  // <- other
#ifndef FAULT
    __syncwarp();
#endif
    unsigned from = (unsigned)__cvta_generic_to_shared(&tile[lane % 8 * 4]), fragment;
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(fragment) : "r"(from) : "memory");  // <- fault
    out[lane] = fragment;
}

// A store of 8 bytes into a padded row of odd length.
// fault: misaligned
// sanitizer: memcheck
// launch: grid=1 block=32
// buffer: out u32 32 unwritten
// buffer: x u32 64 ramp
// scalar: pitch u32 2
// faulty scalar: pitch u32 3
// expect: out pairs
extern "C" __global__ void misaligned_shared(unsigned* out, const unsigned* x, unsigned pitch) {
    __shared__ __align__(16) unsigned tile[96];
    unsigned t = threadIdx.x;
    *reinterpret_cast<uint2*>(&tile[t * pitch]) = make_uint2(x[2 * t], x[2 * t + 1]);  // <- fault
    __syncthreads();
    out[t] = tile[t * pitch] + tile[t * pitch + 1];
}

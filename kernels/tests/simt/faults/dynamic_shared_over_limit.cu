// A tile that no block of the device has room for.
// fault: launch_limit
// sanitizer: memcheck
// launch: grid=1 block=64 shared=256
// faulty launch: grid=1 block=64 shared=300000
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out reverse 64
extern __shared__ unsigned tile[];
extern "C" __global__ void dynamic_shared_over_limit(unsigned* out, const unsigned* x) {
    unsigned t = threadIdx.x;
    tile[t] = x[t];
    __syncthreads();
    out[t] = tile[63 - t];
}

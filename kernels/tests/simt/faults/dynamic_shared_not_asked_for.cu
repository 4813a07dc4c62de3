// More than 48 KiB of shared memory without asking for it first.
// fault: launch_limit
// sanitizer: memcheck
// launch: grid=1 block=64 shared=65536 asked=65536
// faulty launch: grid=1 block=64 shared=65536 asked=0
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out reverse 64
extern __shared__ unsigned tile[];
extern "C" __global__ void dynamic_shared_not_asked_for(unsigned* out, const unsigned* x) {
    unsigned t = threadIdx.x;
    tile[t] = x[t];
    __syncthreads();
    out[t] = tile[63 - t];
}

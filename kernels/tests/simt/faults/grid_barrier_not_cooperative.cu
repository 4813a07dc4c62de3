// A barrier of the whole grid in a launch that need not run all blocks at once.
// fault: endless_loop
// sanitizer: none
// launch: grid=2 block=32 cooperative=yes
// faulty launch: grid=2 block=32 cooperative=no
// buffer: out u32 64 unwritten
// buffer: data u32 64 unwritten
// buffer: arrived u32 1 zero
// buffer: x u32 64 ramp
// expect: out reverse 64
extern "C" __global__ void grid_barrier_not_cooperative(unsigned* out, unsigned* data, unsigned* arrived,
                                                        const unsigned* x) {
    unsigned i = blockIdx.x * 32 + threadIdx.x;
    data[i] = x[i];
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        atomicAdd(arrived, 1u);
        while (*(volatile unsigned*)arrived < gridDim.x) {  // <- fault
        }
        __threadfence();
    }
    __syncthreads();
    out[i] = data[63 - i];
}

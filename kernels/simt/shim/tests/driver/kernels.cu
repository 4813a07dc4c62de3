// Kernels of the tests. `kernels.ptx` is what NVRTC 13.0.88 makes of this file with
// `--gpu-architecture=compute_80 -lineinfo`.

__device__ unsigned counter = 5;

extern "C" __global__ void saxpy(float* y, const float* x, float a, unsigned n) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
}

// Without the bound: the last block goes past the end.
extern "C" __global__ void unbounded(float* y, const float* x, float a, unsigned n) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    y[i] = a * x[i % n];
}

// Turns each block around, through dynamic shared memory.
extern "C" __global__ void reverse(unsigned* x) {
    extern __shared__ unsigned staged[];
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    staged[threadIdx.x] = x[i];
    __syncthreads();
    x[i] = staged[blockDim.x - 1 - threadIdx.x];
}

// The same without the barrier: a race.
extern "C" __global__ void reverse_early(unsigned* x) {
    extern __shared__ unsigned staged[];
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    staged[threadIdx.x] = x[i];
    x[i] = staged[blockDim.x - 1 - threadIdx.x];
}

// Every block waits until all have arrived: it needs all of them at the same time.
extern "C" __global__ void together(unsigned* arrived, unsigned* out) {
    if (threadIdx.x == 0) {
        __threadfence();
        atomicAdd(arrived, 1);
        while (atomicAdd(arrived, 0) < gridDim.x) {}
        __threadfence();
        out[blockIdx.x] = atomicAdd(arrived, 0);
    }
}

extern "C" __global__ void count(unsigned* out) {
    if (threadIdx.x == 0) out[0] = atomicAdd(&counter, 1);
}

extern "C" __global__ void misaligned(char* x) {
    *(unsigned*)(x + 1) = 1;
}

extern "C" __global__ void __launch_bounds__(64) narrow(unsigned* x) {
    x[threadIdx.x] = threadIdx.x;
}

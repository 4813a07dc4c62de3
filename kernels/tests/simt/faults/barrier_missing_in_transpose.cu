// A transposed tile, read along the other axis without a barrier.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=8,8,1
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out transpose 8
extern "C" __global__ void barrier_missing_in_transpose(unsigned* out, const unsigned* x) {
    __shared__ unsigned tile[8][9];
    tile[threadIdx.y][threadIdx.x] = 0;
    __syncthreads();
    tile[threadIdx.y][threadIdx.x] = x[threadIdx.y * 8 + threadIdx.x];  // <- other
#ifndef FAULT
    __syncthreads();
#endif
    out[threadIdx.y * 8 + threadIdx.x] = tile[threadIdx.x][threadIdx.y];  // <- fault
}

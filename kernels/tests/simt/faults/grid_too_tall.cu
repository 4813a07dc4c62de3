// Rows along y, of which there can be 65,535.
// fault: launch_limit
// sanitizer: memcheck
// launch: grid=1,4,1 block=32
// faulty launch: grid=1,65536,1 block=32
// buffer: out u32 128 unwritten
// buffer: x u32 128 ramp
// scalar: rows u32 4
// expect: out copy
extern "C" __global__ void grid_too_tall(unsigned* out, const unsigned* x, unsigned rows) {
    if (blockIdx.y >= rows) return;
    unsigned i = blockIdx.y * 32 + threadIdx.x;
    out[i] = x[i];
}

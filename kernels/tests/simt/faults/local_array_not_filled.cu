// An array of a thread of which fewer elements are filled than read.
// fault: uninitialised
// sanitizer: none
// launch: grid=1 block=32
// buffer: out u32 32 unwritten
// buffer: x u32 256 ramp
// scalar: filled u32 8
// faulty scalar: filled u32 6
// expect: out columns 32
extern "C" __global__ void local_array_not_filled(unsigned* out, const unsigned* x, unsigned filled) {
    volatile unsigned values[8];
    for (unsigned j = 0; j < filled; ++j) values[j] = x[j * 32 + threadIdx.x];
    unsigned sum = 0;
#pragma unroll 1
    for (unsigned j = 0; j < 8; ++j) sum += values[j];  // <- fault
    out[threadIdx.x] = sum;
}

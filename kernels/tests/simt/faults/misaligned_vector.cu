// A load of 16 bytes from a row that begins 4 bytes after a multiple of 16.
// fault: misaligned
// sanitizer: memcheck
// launch: grid=1 block=16
// buffer: out u32 16 unwritten
// buffer: x u32 68 ramp
// scalar: offset u32 0
// faulty scalar: offset u32 1
// expect: out fours
extern "C" __global__ void misaligned_vector(unsigned* out, const unsigned* x, unsigned offset) {
    uint4 v = *reinterpret_cast<const uint4*>(x + offset + 4 * threadIdx.x);  // <- fault
    out[threadIdx.x] = v.x + v.y + v.z + v.w;
}

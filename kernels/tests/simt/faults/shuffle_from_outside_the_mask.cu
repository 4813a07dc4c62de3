// A shuffle within the lower half warp that takes from the upper one.
// fault: inactive_lane
// sanitizer: none
// launch: grid=1 block=32
// buffer: out u32 32 zero
// buffer: x u32 32 ramp
// scalar: distance u32 1
// faulty scalar: distance u32 16
// expect: out neighbour_to 16
extern "C" __global__ void shuffle_from_outside_the_mask(unsigned* out, const unsigned* x, unsigned distance) {
    unsigned t = threadIdx.x;
    if (t < 16) {
        out[t] = __shfl_xor_sync(0xffffu, x[t], distance);  // <- fault
    }
}
